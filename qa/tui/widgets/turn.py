"""One question with its answer, drawn as one widget, so that 500 of them stay light."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.selection import Selection
from textual.widget import Widget

from qa.tui.drawing.draw import Drawing, Hints, draw_turn
from qa.tui.drawing.lines import extract_marked
from qa.tui.turns import TurnModel


class TurnView(Widget):
    """Draws a TurnModel and knows which rows belong to which place."""

    DEFAULT_CSS = "TurnView { height: auto; width: 1fr; padding: 0 1; }"

    @dataclass
    class Clicked(Message):
        """The turn was clicked, on a place (0-based) or beside them all."""

        turn: TurnModel
        place: int | None
        times: int
        """2 for a double click."""

    @dataclass
    class Drawn(Message):
        """The turn was laid out with another size."""

        turn: TurnModel

    def __init__(self, turn: TurnModel, hints: Hints) -> None:
        super().__init__()
        self.turn = turn
        self._hints = hints
        self._chosen: int | None = None
        self._drawn: tuple[int, Drawing] | None = None

    def choose(self, place: int | None, current: bool) -> None:
        """Put the cursor on a place (0-based), or take it away.

        :param current: True if the cursor is on this turn.
        """
        self.set_class(current, "-current")
        if place != self._chosen:
            self._chosen = place
            self.redraw(layout=False)

    def redraw(self, layout: bool = True) -> None:
        """Redraw the turn after it changed."""
        self._drawn = None
        self.clear_cached_dimensions()
        self.refresh(layout=layout)

    def place_at(self, row: int) -> int | None:
        """The place drawn in `row` (0-based, of the content), or None."""
        drawing = self._draw(self.content_size.width)
        for number, (start, end) in enumerate(drawing.rows):
            if start <= row < end:
                return number
        return None

    def region_of(self, place: int | None) -> Region:
        """Where a place is drawn, relative to the widget; the whole widget for None."""
        drawing = self._draw(self.content_size.width)
        if place is None or place >= len(drawing.rows):
            return Region(0, 0, self.size.width, self.size.height)
        start, end = drawing.rows[place]
        # The question stays in view with its first quote, and the footing of the answer with its last.
        first = 0 if place == 0 else start
        last = len(drawing.drawn) if place == len(drawing.rows) - 1 else end
        return Region(0, first, self.size.width, last - first)

    def on_resize(self) -> None:
        """Report that the height changed."""
        self.post_message(self.Drawn(self.turn))

    def on_click(self, event: events.Click) -> None:
        """Report what was clicked."""
        offset = event.get_content_offset(self)
        place = None if offset is None else self.place_at(offset.y)
        self.post_message(self.Clicked(self.turn, place, event.chain))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as are drawn in `width`."""
        return len(self._draw(width).drawn)

    def render(self) -> Content:
        """The drawing for the current width."""
        return self._draw(self.content_size.width).content

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What was marked with the mouse, without the bars in front of quotes and the line ends of the screen."""
        return extract_marked(self._draw(self.content_size.width).drawn, selection), "\n"

    def _draw(self, width: int) -> Drawing:
        if self._drawn is None or self._drawn[0] != width:
            self._drawn = (width, draw_turn(self.turn, width, self._chosen, self._hints))
        return self._drawn[1]
