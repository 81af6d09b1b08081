"""The sources of the turn the cursor is on: each quote in its paragraph, with where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from qa.tui.drawing import draw_card
from qa.tui.keys import MOVING, READING, STEPPING, bindings
from qa.tui.messages import CursorWanted, PlaceWanted, QuestionWanted
from qa.tui.turns import Place, TurnModel

HELP = """\
Where the quotes come from: the article, its date and line, and the paragraph around the quote. \
The number at the end is the score of the paragraph, from 0 to 1. Enter opens the article at the quote."""


class SourceCard(Widget):
    """One place with its paragraph."""

    DEFAULT_CSS = "SourceCard { height: auto; width: 1fr; padding: 0 1 0 0; }"

    @dataclass
    class Clicked(Message):
        """A source was clicked (0-based among those of the turn)."""

        number: int
        times: int
        """2 for a double click."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__()
        self.place = place
        self.number = number
        """0-based, among the places of the turn."""
        self._chosen = False
        self._drawn: tuple[int, list[Content]] | None = None

    def choose(self, chosen: bool) -> None:
        """Marks the card the cursor is on."""
        if chosen != self._chosen:
            self._chosen = chosen
            self._drawn = None
            self.set_class(chosen, "-chosen")
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Says that it was clicked."""
        self.post_message(self.Clicked(self.number, event.chain))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as are drawn in `width`."""
        return len(self._draw(width))

    def render(self) -> Content:
        """The card for the current width."""
        return Content("\n").join(self._draw(self.content_size.width))

    def _draw(self, width: int) -> list[Content]:
        if self._drawn is None or self._drawn[0] != width:
            self._drawn = (width, draw_card(self.place, max(width, 8), chosen=self._chosen))
        return self._drawn[1]


class Sources(VerticalScroll):
    """The cards of one turn; its cursor is that of the conversation."""

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *MOVING, *STEPPING, *(action for action in READING if action.name != "fold")
    )
    can_focus = True

    def __init__(self) -> None:
        super().__init__(id="sources")
        self.border_title = "Sources"
        self._turn: TurnModel | None = None
        self._places: tuple[Place, ...] = ()
        self._cards: list[SourceCard] = []

    def compose(self) -> ComposeResult:
        """What is shown where there is nothing to show."""
        yield Static("The sources of an answer are shown here.", id="no-sources", markup=False)

    async def show(self, turn: TurnModel | None, place: int | None) -> None:
        """The places of a turn, the cursor on one of them (0-based)."""
        places = () if turn is None else (turn.places or turn.closest)
        if turn is not self._turn or places != self._places:
            self._turn, self._places = turn, places
            self._cards = [SourceCard(one, number) for number, one in enumerate(places)]
            async with self.batch():
                await self.remove_children(SourceCard)
                await self.mount(*self._cards)
            self.set_class(bool(places), "-has-places")
            self.border_title = _title_for(turn, places)
            self.scroll_home(animate=False)
        for card in self._cards:
            card.choose(card.number == place)
        if place is not None and place < len(self._cards):
            self.call_after_refresh(self._cards[place].scroll_visible, animate=False, top=False)

    def _move(self, by: int) -> None:
        if self._turn is None or not self._turn.places:
            self.scroll_relative(y=by, animate=False)
            return
        chosen = next((card.number for card in self._cards if card.has_class("-chosen")), None)
        wanted = 0 if chosen is None else min(max(chosen + by, 0), len(self._cards) - 1)
        self.post_message(CursorWanted(self._turn, wanted))

    def action_down(self) -> None:
        """To the next source."""
        self._move(1)

    def action_up(self) -> None:
        """To the source before."""
        self._move(-1)

    action_next_place = action_down
    action_previous_place = action_up

    def action_top(self) -> None:
        """To the first source."""
        self._move(-len(self._cards))
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """To the last source."""
        self._move(len(self._cards))
        self.scroll_end(animate=False)

    def action_half_down(self) -> None:
        """Scrolls half a page down."""
        self.scroll_relative(y=self.size.height // 2, animate=False)

    def action_half_up(self) -> None:
        """Scrolls half a page up."""
        self.scroll_relative(y=-(self.size.height // 2), animate=False)

    def action_whole_down(self) -> None:
        """Scrolls a page down."""
        self.scroll_page_down(animate=False)

    def action_whole_up(self) -> None:
        """Scrolls a page up."""
        self.scroll_page_up(animate=False)

    def action_open_place(self) -> None:
        """Opens the article at the source the cursor is on."""
        chosen = next((card.number for card in self._cards if card.has_class("-chosen")), None)
        if self._turn is not None and chosen is not None:
            self.post_message(PlaceWanted(self._turn, chosen))

    def action_to_question(self) -> None:
        """Back to typing."""
        self.post_message(QuestionWanted())

    def on_source_card_clicked(self, event: SourceCard.Clicked) -> None:
        """A click chooses a source, a second one opens it."""
        event.stop()
        if self._turn is None:
            return
        if event.times >= 2:
            self.post_message(PlaceWanted(self._turn, event.number))
        elif self._turn.places:
            self.post_message(CursorWanted(self._turn, event.number))


def _title_for(turn: TurnModel | None, places: tuple[Place, ...]) -> str:
    if turn is None or not places:
        return "Sources"
    return "Sources" if turn.answer is not None and turn.answer.answered else "Closest passages"
