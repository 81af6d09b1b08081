"""The conversation: turns below each other, and a cursor that goes from quote to quote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.widgets import Static

from qa.tui.keys import MOVING, READING, STEPPING, bindings
from qa.tui.messages import CursorMoved, PlaceWanted, QuestionWanted
from qa.tui.turns import TurnModel
from qa.tui.widgets.turn import TurnView

HELP = """\
Questions and answers. The cursor (┃) goes from quote to quote with j and k, and from turn to turn where there \
are none; the sources pane follows it. Enter opens the article at the quote.

The bar of confidence is calibrated: of the answers given at 0.80, about 80 of 100 are right. \
Where the articles hold no answer, the closest passages are folded below; space shows them."""

_BATCH = 20
"""Turns mounted at once when a session is opened: about 10 ms, so that no key press waits."""


class Conversation(VerticalScroll):
    """The turns of a session."""

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings(*MOVING, *STEPPING, *READING)
    can_focus = True

    def __init__(self) -> None:
        super().__init__(id="conversation")
        self._views: list[TurnView] = []
        self._cursor: tuple[TurnModel, int | None] | None = None
        self._follows = True
        """Whether what comes is scrolled into view; not while one reads further up."""

    def compose(self) -> ComposeResult:
        """A word of welcome until there is a turn."""
        yield Static(id="welcome", markup=False)

    def set_welcome(self, text: str) -> None:
        """What is shown while the conversation is empty."""
        self.query_one("#welcome", Static).update(text)

    @property
    def turns(self) -> list[TurnModel]:
        """In the order asked."""
        return [view.turn for view in self._views]

    @property
    def current(self) -> TurnModel | None:
        """The turn the cursor is on."""
        return None if self._cursor is None else self._cursor[0]

    @property
    def place(self) -> int | None:
        """The place the cursor is on (0-based), None where it is on a turn without any."""
        return None if self._cursor is None else self._cursor[1]

    async def add(self, turn: TurnModel) -> None:
        """A new turn at the end, scrolled into view."""
        self.add_class("-has-turns")
        view = TurnView(turn)
        self._views.append(view)
        await self.mount(view)
        self._follows = True
        self.move_to(turn, None, scroll=False)
        self.call_after_refresh(self._show_whole, turn)

    async def show(self, turns: Sequence[TurnModel]) -> None:
        """Other turns instead of those shown; the last of them first, so that there is something to read at once."""
        await self.remove_children(TurnView)
        self._views = []
        self._cursor = None
        self.set_class(bool(turns), "-has-turns")
        self._follows = True
        for end in range(len(turns), 0, -_BATCH):
            views = [TurnView(turn) for turn in turns[max(0, end - _BATCH) : end]]
            await self.mount(*views, after=0)
            self._views = views + self._views
        if turns:
            self.move_to(turns[-1], 0 if turns[-1].places else None, scroll=False)
            self.call_after_refresh(self._show_whole, turns[-1])
        else:
            self.post_message(CursorMoved(None, None))

    def update(self, turn: TurnModel) -> None:
        """Draws a turn anew; the cursor goes to its first quote where it was on the turn."""
        view = self._view_of(turn)
        if view is None:
            return
        view.redraw()
        if self.current is turn:
            place = self.place if self.place is not None and self.place < len(turn.places) else None
            self.move_to(turn, 0 if place is None and turn.places else place, scroll=False)
        if self._follows and view is self._views[-1]:
            self.call_after_refresh(self._show_whole, turn)

    def move_to(self, turn: TurnModel, place: int | None, *, scroll: bool = True) -> None:
        """Puts the cursor on a place of a turn."""
        before = None if self._cursor is None else self._view_of(self._cursor[0])
        after = self._view_of(turn)
        if before is not None and before is not after:
            before.choose(None, False)
        if after is None:
            return
        self._cursor = (turn, place)
        after.choose(place, True)
        if scroll:
            self._follows = False
            self.call_after_refresh(self._show_cursor)
        self.post_message(CursorMoved(turn, place))

    def _show_cursor(self) -> None:
        if self._cursor is None or (view := self._view_of(self._cursor[0])) is None:
            return
        region = view.region_of(self._cursor[1]).translate(view.virtual_region.offset)
        self._bring_into_view(region)

    def _show_whole(self, turn: TurnModel) -> None:
        """The turn to its end, or from its beginning where it is higher than the screen."""
        if (view := self._view_of(turn)) is not None:
            region = view.virtual_region
            self._bring_into_view(region, top=region.height > self.size.height)

    def _bring_into_view(self, region: Region, *, top: bool = False) -> None:
        self.scroll_to_region(region, animate=False, force=True, top=top)

    def _view_of(self, turn: TurnModel) -> TurnView | None:
        return next((view for view in reversed(self._views) if view.turn is turn), None)

    def _stops(self) -> list[tuple[TurnModel, int | None]]:
        stops: list[tuple[TurnModel, int | None]] = []
        for turn in self.turns:
            count = len(turn.places)
            stops += [(turn, place) for place in range(count)] if count else [(turn, None)]
        return stops

    def _step(self, by: int) -> None:
        stops = self._stops()
        if not stops:
            return
        here = stops.index(self._cursor) if self._cursor in stops else len(stops) - 1
        self.move_to(*stops[min(max(here + by, 0), len(stops) - 1)])

    def action_down(self) -> None:
        """To the next quote."""
        self._step(1)

    def action_up(self) -> None:
        """To the quote before."""
        self._step(-1)

    action_next_place = action_down
    action_previous_place = action_up

    def action_top(self) -> None:
        """To the first turn."""
        if stops := self._stops():
            self.move_to(*stops[0])

    def action_bottom(self) -> None:
        """To the last turn."""
        if stops := self._stops():
            self.move_to(*stops[-1])
            self._follows = True

    def action_half_down(self) -> None:
        """Scrolls half a page down."""
        self.scroll_relative(y=self.size.height // 2, animate=False)

    def action_half_up(self) -> None:
        """Scrolls half a page up."""
        self._follows = False
        self.scroll_relative(y=-(self.size.height // 2), animate=False)

    def action_whole_down(self) -> None:
        """Scrolls a page down."""
        self.scroll_page_down(animate=False)

    def action_whole_up(self) -> None:
        """Scrolls a page up."""
        self._follows = False
        self.scroll_page_up(animate=False)

    def action_open_place(self) -> None:
        """Opens the article at the place; unfolds the passages where there is no place yet."""
        turn = self.current
        if turn is None:
            return
        if self.place is not None:
            self.post_message(PlaceWanted(turn, self.place))
        else:
            self.action_fold()

    def action_fold(self) -> None:
        """Shows or hides the closest passages of a turn without an answer."""
        turn = self.current
        if turn is None or turn.answer is None or turn.answer.answered or not turn.closest:
            return
        turn.unfolded = not turn.unfolded
        self.update(turn)
        self.call_after_refresh(self._show_cursor)

    def action_to_question(self) -> None:
        """Back to typing."""
        self.post_message(QuestionWanted())

    def on_mouse_scroll_up(self) -> None:
        """Who scrolls up wants to read there."""
        self._follows = False

    def on_turn_view_clicked(self, event: TurnView.Clicked) -> None:
        """A click puts the cursor on a quote, a second one opens it; on a turn without quotes it unfolds passages."""
        event.stop()
        turn, place = event.turn, event.place
        if place is None and turn.places:
            return
        already = self._cursor == (turn, place)
        self.move_to(turn, place, scroll=False)
        if place is not None and event.times >= 2:
            self.post_message(PlaceWanted(turn, place))
        elif place is None and already:
            self.action_fold()
