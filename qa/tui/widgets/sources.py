"""The sources of the turn under the cursor: each quote in its paragraph, with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.selection import Selection
from textual.widget import Widget
from textual.widgets import Static

from qa.tui.drawing.draw import draw_card, find_quote
from qa.tui.drawing.lines import DrawnLine, extract_marked
from qa.tui.keys import MOVING, READING, STEPPING, bindings
from qa.tui.messages import CursorWanted, PlaceWanted, QuestionWanted
from qa.tui.turns import Place, TurnModel
from qa.tui.widgets.paging import Paging

HELP = """\
Where the quotes come from: the article, its date and line, and the paragraph around the quote. \
The score says how well the paragraph fits the question, from 0 to 1. Enter opens the article at the quote."""


class SourceCard(Widget):
    """One place with its paragraph."""

    DEFAULT_CSS = "SourceCard { height: auto; width: 1fr; padding: 0 1 0 0; }"

    @dataclass
    class Clicked(Message):
        """A source was clicked (0-based among those of the turn)."""

        number: int
        times: int
        """2 for a double click."""

    @dataclass
    class Sized(Message):
        """The size of a source changed (0-based among those of the turn)."""

        number: int

    def __init__(self, place: Place, number: int) -> None:
        super().__init__()
        self.place = place
        self.number = number
        """0-based, among the places of the turn."""
        self._chosen = False
        self._drawn: tuple[int, list[DrawnLine]] | None = None

    def choose(self, chosen: bool) -> None:
        """Mark the card under the cursor."""
        if chosen != self._chosen:
            self._chosen = chosen
            self._drawn = None
            self.set_class(chosen, "-chosen")
            self.refresh()

    def region_of_quote(self, height: int) -> Region:
        """The rows to bring into view, relative to the card: its quote, and the title too if both fit.

        :param height: visible rows.
        """
        first, last = find_quote(self._draw(self.content_size.width))
        return Region(0, 0 if last <= height else first, self.size.width, last if last <= height else last - first)

    def on_resize(self) -> None:
        """Report it, because the quote may have moved out of view."""
        self.post_message(self.Sized(self.number))

    def on_click(self, event: events.Click) -> None:
        """Report the click."""
        self.post_message(self.Clicked(self.number, event.chain))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as are drawn in `width`."""
        return len(self._draw(width))

    def render(self) -> Content:
        """The card for the current width."""
        return Content("\n").join(line.content for line in self._draw(self.content_size.width))

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What was marked with the mouse, without the bar and the line ends of the screen."""
        return extract_marked(self._draw(self.content_size.width), selection), "\n"

    def _draw(self, width: int) -> list[DrawnLine]:
        if self._drawn is None or self._drawn[0] != width:
            self._drawn = (width, draw_card(self.place, max(width, 8), chosen=self._chosen))
        return self._drawn[1]


class Sources(Paging, VerticalScroll):
    """The cards of one turn. Its cursor is the cursor of the conversation."""

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
        self._came_along: int | None = None
        """The card that scrolling moved the cursor to. It is visible already, so it is not scrolled to."""

    def compose(self) -> ComposeResult:
        """The text shown while there are no sources."""
        yield Static("The sources of an answer appear here.", id="no-sources", markup=False)

    async def show(self, turn: TurnModel | None, place: int | None) -> None:
        """Show the places of a turn, with the cursor on one of them (0-based)."""
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
        if place != self._came_along:
            self.call_after_refresh(self._show_chosen)
        self._came_along = None

    @property
    def _chosen(self) -> SourceCard | None:
        return next((card for card in self._cards if card.has_class("-chosen")), None)

    @property
    def _has_cursor(self) -> bool:
        """False while the passages of a question without an outcome are shown."""
        return self._turn is not None and bool(self._turn.places or self._turn.can_fold)

    def _show_chosen(self) -> None:
        if (card := self._chosen) is not None and card.is_attached and card.size.width:
            region = card.region_of_quote(self.size.height).translate(card.virtual_region.offset)
            self.scroll_to_region(region, animate=False, force=True, top=region.height > self.size.height)

    def on_resize(self) -> None:
        """Keep the source of the quote under the cursor in view."""
        self.call_after_refresh(self._show_chosen)

    def on_source_card_sized(self, event: SourceCard.Sized) -> None:
        """Keep it in view once the cards are laid out, which may be later: a pane shown as a tab is laid out before its
        cards.
        """
        event.stop()
        if self._chosen is not None and event.number <= self._chosen.number:
            self.call_after_refresh(self._show_chosen)

    def _move(self, by: int) -> None:
        if self._turn is None or not self._has_cursor:
            self.scroll_relative(y=by, animate=False)
            return
        wanted = 0 if self._chosen is None else min(max(self._chosen.number + by, 0), len(self._cards) - 1)
        self.post_message(CursorWanted(self._turn, wanted))

    def action_down(self) -> None:
        """Go to the next source."""
        self._move(1)

    def action_up(self) -> None:
        """Go to the previous source."""
        self._move(-1)

    action_next_place = action_down
    action_previous_place = action_up

    def action_top(self) -> None:
        """Go to the first source."""
        self._move(-len(self._cards))
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """Go to the last source."""
        self._move(len(self._cards))
        self.scroll_end(animate=False)

    def page(self, by: int) -> None:
        at_edge = self.scroll_offset.y >= self.max_scroll_y if by > 0 else self.scroll_offset.y <= 0
        self.scroll_relative(y=by, animate=False)
        self.call_after_refresh(self._take_cursor_along, by > 0, at_edge)

    def _take_cursor_along(self, down: bool, at_edge: bool) -> None:
        """Move the cursor into view, as the conversation does: what Enter opens is always visible."""
        if self._turn is None or not self._has_cursor:
            return
        top = self.scroll_offset.y
        regions = [card.virtual_region for card in self._cards]
        seen = [n for n, region in enumerate(regions) if region.y < top + self.size.height and region.bottom > top]
        chosen = None if self._chosen is None else self._chosen.number
        if seen and (at_edge or chosen not in seen):
            self._came_along = seen[0 if down != at_edge else -1]
            self.post_message(CursorWanted(self._turn, self._came_along))

    def action_open_place(self) -> None:
        """Open the article at the source under the cursor, or at the first visible one."""
        top = self.scroll_offset.y
        card = self._chosen or next((card for card in self._cards if card.virtual_region.bottom > top), None)
        if self._turn is not None and card is not None:
            self.post_message(PlaceWanted(self._turn, card.number))

    def action_to_question(self) -> None:
        """Go back to the question box."""
        self.post_message(QuestionWanted())

    def on_source_card_clicked(self, event: SourceCard.Clicked) -> None:
        """A click moves the cursor to a source; a double click opens it."""
        event.stop()
        if self._turn is None:
            return
        if event.times >= 2:
            self.post_message(PlaceWanted(self._turn, event.number))
        elif self._has_cursor:
            self.post_message(CursorWanted(self._turn, event.number))


def _title_for(turn: TurnModel | None, places: tuple[Place, ...]) -> str:
    if turn is None or not places:
        return "Sources"
    return "Sources" if turn.answer is not None and turn.answer.answered else "Closest passages"
