"""The conversation: turns below each other, and a cursor that moves from quote to quote."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from qa.tui.drawing.draw import Hints
from qa.tui.keys import MOVING, READING, STEPPING, bindings
from qa.tui.messages import CursorMoved, PlaceWanted, QuestionWanted
from qa.tui.turns import TurnModel
from qa.tui.widgets.paging import Paging
from qa.tui.widgets.turn import TurnView

HELP = """\
Questions and answers. j and k move the cursor (┃) from quote to quote, or from question to question if there are no \
quotes; the sources pane follows it. Enter opens the article at the quote.

The confidence is calibrated: of the answers given at 0.80, about 80 in 100 are right. \
If the articles have no answer, space shows the closest passages."""

_WINDOW = 24
"""Turns that are widgets at any time. With 500 of them, each layout took 50 ms."""
_SHIFT = 8
"""Turns to mount at once (40 took 120 ms), and by which the window moves when someone scrolls past its edge."""
_SECONDS_UNTIL_ALONG = 0.1
"""After the last scrolling. Moving the cursor and the sources at each step would double the cost of a key press."""
_MOST_TRIES = 10
"""Refreshes to wait for until a turn that was just mounted has its place."""


class Conversation(Paging, VerticalScroll):
    """The turns of a session."""

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings(*MOVING, *STEPPING, *READING)
    can_focus = True

    def __init__(self) -> None:
        super().__init__(id="conversation")
        # Held, not looked up: a lookup would fail for a message that comes while the app is closing.
        self._welcome = Static(id="welcome", markup=False)
        self._before = Static(id="before", markup=False)
        self._after = Static(id="after", markup=False)
        self.hints = Hints()
        """The keys that turns mention."""
        self._turns: list[TurnModel] = []
        self._first = 0
        """Index in `_turns` of the turn that the first of `_views` shows."""
        self._views: list[TurnView] = []
        self._window = _WINDOW
        """The most turns to show now; grows to _WINDOW in steps after a session was opened."""
        self._cursor: tuple[TurnModel, int | None] | None = None
        self._follows = True
        """Whether to scroll new turns into view; not while someone reads further up."""
        self._coming_along: Timer | None = None
        """Runs while someone scrolls."""
        self._moving = False
        """Whether the window is being moved, so that the scrolling this causes does not move it again."""

    def compose(self) -> ComposeResult:
        """A welcome until there is a turn, and lines that count the turns outside the window."""
        yield self._welcome
        yield self._before
        yield self._after

    def set_welcome(self, text: str) -> None:
        """Set the text shown while the conversation is empty."""
        self._welcome.update(text)

    @property
    def turns(self) -> list[TurnModel]:
        """In the order asked."""
        return self._turns

    @property
    def current(self) -> TurnModel | None:
        """The turn under the cursor."""
        return None if self._cursor is None else self._cursor[0]

    @property
    def place(self) -> int | None:
        """The place under the cursor (0-based); None on a turn without places."""
        return None if self._cursor is None else self._cursor[1]

    def add(self, turn: TurnModel) -> None:
        """Add a turn at the end and scroll to it."""
        self._turns.append(turn)
        self._follows = True
        self._window = _WINDOW
        self._show_window(len(self._turns) - self._window)
        self.move_to(turn, None, scroll=False)
        self._scroll_to_turn(turn)

    def show(self, turns: Sequence[TurnModel]) -> None:
        """Replace all turns and scroll to the last one."""
        for view in self._views:
            view.remove()
        self._turns, self._views, self._first, self._cursor = list(turns), [], 0, None
        self._follows = True
        self._window = _SHIFT
        self._show_window(len(turns) - self._window)
        if turns:
            self.move_to(turns[-1], 0 if turns[-1].places else None, scroll=False)
            self._scroll_to_turn(turns[-1])
        else:
            self.post_message(CursorMoved(None, None))

    def update(self, turn: TurnModel) -> None:
        """Redraw a turn. If the cursor is on it, the cursor moves to its first quote."""
        view = self._view_of(turn)
        if view is not None:
            view.redraw()
        if self.current is turn:
            place = self.place if self.place is not None and self.place < len(turn.places) else None
            self.move_to(turn, 0 if place is None and turn.places else place, scroll=False)
        if self._follows and turn is self._turns[-1]:
            self._scroll_to_turn(turn)

    def move_to(self, turn: TurnModel, place: int | None, *, scroll: bool = True) -> None:
        """Put the cursor on a place of a turn."""
        if self._cursor is not None and self._cursor[0] is not turn and (before := self._view_of(self._cursor[0])):
            before.choose(None, False)
        self._cursor = (turn, place)
        self._leave_cursor()
        number = self._turns.index(turn)
        if not self._first <= number < self._first + len(self._views):
            self._window = _SHIFT
            self._show_window(number - _SHIFT // 2)
        view = self._view_of(turn)
        if view is not None:
            view.choose(place, True)
        if scroll:
            self._follows = False
            self.call_after_refresh(self._show_cursor)
        if self.is_attached:  # not while the app is closing
            self.refresh_bindings()
        self.post_message(CursorMoved(turn, place))

    def _show_window(self, first: int) -> None:
        """Mount the turns from `first` on, and remove the others."""
        first = max(0, min(first, len(self._turns) - self._window))
        wanted = self._turns[first : first + self._window]
        kept = {id(view.turn): view for view in self._views}
        for view in self._views:
            if view.turn not in wanted:
                view.remove()
        after: Widget = self._after
        views: list[TurnView] = []
        for turn in wanted:
            if id(turn) not in kept:
                following = next((kept[id(one)] for one in wanted[len(views) + 1 :] if id(one) in kept), after)
                kept[id(turn)] = TurnView(turn, self.hints)
                self.mount(kept[id(turn)], before=following)
            views.append(kept[id(turn)])
        self._first, self._views = first, views
        self._tell_edges()

    def _tell_edges(self) -> None:
        later = len(self._turns) - self._first - len(self._views)
        self.set_class(bool(self._turns), "-has-turns")
        self.set_class(self._first > 0, "-has-before")
        self.set_class(later > 0, "-has-after")
        self._before.update(f"▲ {self._first} earlier (scroll up, or press g for the first)")
        self._after.update(f"▼ {later} later (scroll down, or press G for the last)")

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Move the window when someone scrolls past its edge; what is visible stays where it is."""
        super().watch_scroll_y(old_value, new_value)
        if not self._views or self._moving:
            return
        if new_value <= 0 and old_value > 0 and self._first > 0:
            self._move_window(-_SHIFT, self._views[0])
        elif new_value >= self.max_scroll_y > old_value and self._first + len(self._views) < len(self._turns):
            self._move_window(_SHIFT, self._views[-1])

    def _move_window(self, by: int, anchor: TurnView) -> None:
        row = anchor.virtual_region.y - self.scroll_offset.y
        self._moving = True
        self._show_window(self._first + by)
        if self._cursor is not None and (view := self._view_of(self._cursor[0])):
            view.choose(self._cursor[1], True)
        self.call_after_refresh(self._hold, anchor, row)

    def _grow(self) -> None:
        """Mount some more turns around those shown, until the window is full."""
        if self._moving:
            self.call_after_refresh(self._grow)
        elif self._window < _WINDOW and self._views:
            self._window += _SHIFT
            self._move_window(-_SHIFT // 2, self._views[0])
            self.call_after_refresh(self._grow)

    def _hold(self, anchor: TurnView, row: int) -> None:
        """Scroll so that `anchor` is in the same row of the screen as before the window moved."""
        if anchor.is_attached:
            self.scroll_to(y=max(anchor.virtual_region.y - row, 1), animate=False, force=True)
        self.call_after_refresh(self._held)

    def _held(self) -> None:
        self._moving = False

    def _show_cursor(self, tries: int = 0) -> None:
        if self._cursor is None or (view := self._view_of(self._cursor[0])) is None:
            return
        if not view.virtual_region.height and tries < _MOST_TRIES:
            self.call_after_refresh(self._show_cursor, tries + 1)
            return
        self._bring_into_view(view.region_of(self._cursor[1]).translate(view.virtual_region.offset))
        self.call_after_refresh(self._grow)

    def _scroll_to_turn(self, turn: TurnModel) -> None:
        self.call_after_refresh(self._show_whole, turn)

    def _show_whole(self, turn: TurnModel, tries: int = 0) -> None:
        """Show the turn to its end, or from its beginning if it is taller than the screen."""
        if (view := self._view_of(turn)) is None:
            return
        region = view.virtual_region
        if not region.height and tries < _MOST_TRIES:
            self.call_after_refresh(self._show_whole, turn, tries + 1)
            return
        self._bring_into_view(region, top=region.height > self.size.height)
        self.call_after_refresh(self._grow)

    def on_resize(self) -> None:
        """Keep in view what is being read: the end if the view follows the conversation, otherwise the cursor."""
        if self._turns and self.size.height:
            self.call_after_refresh(*((self._show_whole, self._turns[-1]) if self._follows else (self._show_cursor,)))

    def on_turn_view_drawn(self, event: TurnView.Drawn) -> None:
        """Keep the last turn in view after its height changed, if the view follows the conversation."""
        event.stop()
        if self._follows and self._turns and event.turn is self._turns[-1]:
            self._show_whole(event.turn)

    def _bring_into_view(self, region: Region, *, top: bool = False) -> None:
        self.scroll_to_region(region, animate=False, force=True, top=top)

    def _view_of(self, turn: TurnModel) -> TurnView | None:
        return next((view for view in reversed(self._views) if view.turn is turn), None)

    def _step(self, by: int) -> None:
        """Go one place further, or to the first or last place of the turn beside."""
        if self._cursor is None:
            return
        turn, place = self._cursor
        if place is not None and 0 <= place + by < len(turn.places):
            self.move_to(turn, place + by)
            return
        number = self._turns.index(turn) + by
        if 0 <= number < len(self._turns):
            beside = self._turns[number]
            self.move_to(beside, _outer_place(beside, last=by < 0))
        else:
            self.move_to(turn, place)

    def action_down(self) -> None:
        """Go to the next quote."""
        self._step(1)

    def action_up(self) -> None:
        """Go to the previous quote."""
        self._step(-1)

    action_next_place = action_down
    action_previous_place = action_up

    def action_top(self) -> None:
        """Go to the first turn."""
        if self._turns:
            self.move_to(self._turns[0], _outer_place(self._turns[0], last=False))

    def action_bottom(self) -> None:
        """Go to the last turn."""
        if self._turns:
            self.move_to(self._turns[-1], _outer_place(self._turns[-1], last=True))
            self._follows = True

    def page(self, by: int) -> None:
        self._follows = self._follows and by > 0
        at_edge = self.scroll_offset.y >= self.max_scroll_y if by > 0 else self.scroll_offset.y <= 0
        self.scroll_relative(y=by, animate=False)
        self._leave_cursor()
        self._coming_along = self.set_timer(_SECONDS_UNTIL_ALONG, partial(self._take_cursor_along, by > 0, at_edge))

    def _leave_cursor(self) -> None:
        if self._coming_along is not None:
            self._coming_along.stop()
            self._coming_along = None

    def _take_cursor_along(self, down: bool, at_edge: bool) -> None:
        """Move the cursor to the first visible quote or, going up, to the last one, so that what Enter opens is always
        visible. If there was nothing left to scroll, it moves to the last one, or the first.
        """
        seen = [
            (view.turn, place)
            for view in self._views
            for place in (range(len(view.turn.places)) if view.turn.places else (None,))
            if self._is_seen(view, place)
        ]
        if seen and (at_edge or self._cursor not in seen):
            self.move_to(*seen[0 if down != at_edge else -1], scroll=False)

    def _is_seen(self, view: TurnView, place: int | None) -> bool:
        region = view.region_of(place).translate(view.virtual_region.offset)
        top = self.scroll_offset.y
        return region.y < top + self.size.height and region.bottom > top

    def action_open_place(self) -> None:
        """Open the article at the place, or unfold the passages if there is no place yet."""
        turn = self.current
        if turn is None:
            return
        if self.place is not None:
            self.post_message(PlaceWanted(turn, self.place))
        else:
            self.action_fold()

    @property
    def _can_fold(self) -> bool:
        return self.current is not None and self.current.can_fold

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to fold only if there is something to fold."""
        return self._can_fold if action == "fold" else super().check_action(action, parameters)

    def action_fold(self) -> None:
        """Show or hide the closest passages of a turn without an answer."""
        turn = self.current
        if turn is None or not self._can_fold:
            return
        turn.unfolded = not turn.unfolded
        self.update(turn)
        self.call_after_refresh(self._show_cursor)

    def action_to_question(self) -> None:
        """Go back to the question box."""
        self.post_message(QuestionWanted())

    def on_mouse_scroll_up(self) -> None:
        """Stop following: whoever scrolls up wants to read there."""
        self._follows = False

    def on_turn_view_clicked(self, event: TurnView.Clicked) -> None:
        """A click moves the cursor to a quote; a double click opens it. On a turn without quotes it unfolds the
        passages.
        """
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


def _outer_place(turn: TurnModel, *, last: bool) -> int | None:
    """The first or last place of a turn (0-based); None if it has none."""
    count = len(turn.places)
    return None if count == 0 else count - 1 if last else 0
