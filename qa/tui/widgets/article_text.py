"""The text of an article with its quotes marked. Drawn row by row, so that an article of any size costs only what is
visible.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events, work
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from qa.output.safe_text import safe_text
from qa.tui.drawing.draw import ACCENT, ANSWERING, MUTED
from qa.tui.drawing.wrapping import Rows, wrap_text
from qa.tui.keys import MOVING, bindings
from qa.tui.widgets.paging import Paging

HELP = """\
The article as it was indexed. The quote has a bar (┃) on its left; the words that answer are underlined.
n and p go to the next and the previous citation; e opens the editor at this line. \
/ searches; ] and [ go to the next and the previous match (›)."""

_IN_A_THREAD = 100_000  # characters; wrapping more would block the event loop for over 10 ms
_FOUND = "reverse"
_QUOTE = "on $primary 25%"
_NARROW = 50  # columns; below that, line numbers are left out


@dataclass(frozen=True, slots=True)
class Mark:
    """A highlighted range of the text."""

    start: int
    end: int
    style: str
    barred: bool = False
    """True for the quote, which has a bar on its left."""


class ArticleText(Paging, ScrollView):
    """Draws a text, scrolls to ranges of it and highlights them."""

    DEFAULT_CSS = "ArticleText { height: 1fr; width: 1fr; scrollbar-gutter: stable; overflow-x: hidden; }"
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *(action for action in MOVING if action.name not in {"next", "previous"})
    )
    can_focus = True

    class Wrapped(Message):
        """The rows are ready; ranges can be scrolled to."""

    def __init__(self) -> None:
        super().__init__(id="article")
        self._text = ""
        self._rows = Rows((), (), ())
        self._width = 0
        self._marks: tuple[Mark, ...] = ()
        self._found: Sequence[tuple[int, int]] = ()
        """Ranges in order, without overlaps."""
        self._found_at: int | None = None
        """Offset of the current match."""
        self._wanted: tuple[int, bool] | None = None
        """Offset to scroll to once the rows are ready, and whether it goes to the top."""
        self._height = 0
        """Visible rows before the size changed."""

    def set_text(self, text: str) -> None:
        """Show another text. Offsets stay valid, because characters are replaced one for one."""
        self._text = safe_text(text).replace("\t", " ")
        self._rows, self._marks, self._found, self._width = Rows((), (), ()), (), (), 0
        self._found_at = None
        self._wrap()

    def mark_quote(self, start: int, end: int, span: tuple[int, int] | None) -> None:
        """Highlight a quote and the words in it that answer, and scroll to it."""
        marks = [Mark(start, end, _QUOTE, barred=True)]
        if span is not None:
            marks.append(Mark(*span, ANSWERING))
        self._marks = tuple(marks)
        self._show(start)

    def mark_found(self, ranges: Sequence[tuple[int, int]], at: int | None) -> None:
        """Highlight what a search found, and scroll to one of the ranges (0-based)."""
        self._found = ranges
        self._found_at = None if at is None else ranges[at][0]
        if self._found_at is None:
            self.refresh()
        else:
            self._show(self._found_at)

    @property
    def plain(self) -> str:
        """The text as it is shown, with the offsets of the article."""
        return self._text

    @property
    def top_line(self) -> int:
        """1-based line of the text in the first visible row."""
        row = min(int(self.scroll_offset.y), len(self._rows) - 1)
        return self._rows.lines[row] if self._rows else 1

    @property
    def top_offset(self) -> int:
        """Offset of the first visible character."""
        return self._rows.starts[min(int(self.scroll_offset.y), len(self._rows) - 1)] if self._rows else 0

    def is_in_sight(self, offset: int) -> bool:
        """True if the row of a character is visible, or was before the size changed."""
        top = int(self.scroll_offset.y)
        return bool(self._rows) and top <= self._rows.row_of(offset) < top + (self._height or self.size.height)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap for the new width. A visible match or quote stays visible; otherwise the top stays at the top."""
        if self._wanted is None and self._rows:
            places = (self._found_at, self._marks[0].start if self._marks else None)
            seen = next((place for place in places if place is not None and self.is_in_sight(place)), None)
            self._wanted = (self.top_offset, True) if seen is None else (seen, False)
            if self._room == self._width:
                self._show(*self._wanted)
        self._height = self.size.height
        self._wrap()

    @property
    def _gutter(self) -> int:
        return 2 if self.size.width < _NARROW else 8

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.width - self._gutter

    def _wrap(self) -> None:
        if self._room <= 0 or self._room == self._width:
            return
        self._width = self._room
        if len(self._text) < _IN_A_THREAD:
            self._take(wrap_text(self._text, self._width))
        else:
            self._wrap_in_thread(self._text, self._width)

    @work(thread=True, exclusive=True, group="wrap")
    def _wrap_in_thread(self, text: str, width: int) -> None:
        rows = wrap_text(text, width)
        self.app.call_from_thread(self._take_if_wanted, rows, text, width)

    def _take_if_wanted(self, rows: Rows, text: str, width: int) -> None:
        if text is self._text and width == self._width:
            self._take(rows)

    def _take(self, rows: Rows) -> None:
        self._rows = rows
        self.virtual_size = Size(self.scrollable_content_region.width, len(rows))
        self.refresh()
        if self._wanted is not None:
            self.call_after_refresh(self._show, *self._wanted)
        self.post_message(self.Wrapped())

    def _show(self, offset: int, top: bool = False) -> None:
        self._wanted = (offset, top)
        if not self._rows:
            return
        self._wanted = None
        row = self._rows.row_of(offset)
        # A third of the screen above it, so that the paragraph around it is visible.
        above = 0 if top else self.size.height // 3
        self.scroll_to(y=max(row - above, 0), animate=False, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        row = y + int(self.scroll_offset.y)
        width = self.scrollable_content_region.width
        base = self.visual_style
        if row >= len(self._rows):
            return Strip.blank(width, base.rich_style)
        content = self._draw_row(row)
        gutter = self._draw_gutter(row)
        segments: list[Segment] = [*gutter.render_segments(base), *content.render_segments(base)]
        strip = Strip(segments, gutter.cell_length + content.cell_length)
        return strip.adjust_cell_length(width, base.rich_style).apply_offsets(-gutter.cell_length, row)

    def _draw_row(self, row: int) -> Content:
        start, end = self._rows.starts[row], self._rows.ends[row]
        content = Content(self._text[start:end])
        for mark in (*self._marks, *self._found_between(start, end)):
            if mark.start < end and mark.end > start:
                content = content.stylize(mark.style, max(mark.start - start, 0), min(mark.end, end) - start)
        if (selection := self.text_selection) is not None and (span := selection.get_span(row)) is not None:
            first, last = span
            content = content.stylize(
                self.screen.get_visual_style("screen--selection"), first, None if last == -1 else last
            )
        return content

    def _found_between(self, start: int, end: int) -> list[Mark]:
        """The matches in a range, found by bisection: there may be 10,000, and a row of the screen has few."""
        first = bisect_right(self._found, start, key=lambda one: one[1])
        last = bisect_left(self._found, end, key=lambda one: one[0])
        return [Mark(*one, f"bold {_FOUND}" if one[0] == self._found_at else _FOUND) for one in self._found[first:last]]

    def _draw_gutter(self, row: int) -> Content:
        start, end = self._rows.starts[row], self._rows.ends[row]
        barred = any(mark.barred and mark.start < end and mark.end > start for mark in self._marks)
        here = self._found_at is not None and start <= self._found_at < end
        bar = Content.styled(("┃" if barred else " ") + ("›" if here else " "), ACCENT)
        if self._gutter < 8:
            return bar
        number = f"{self._rows.lines[row]:>5} " if self._rows.is_first_of_line(row) else " " * 6
        return Content.styled(number[-6:], MUTED) + bar

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What was marked with the mouse, with the line ends of the article and not those of the screen."""
        if not self._rows:
            return None
        start = 0 if selection.start is None else self._offset_at(selection.start)
        end = len(self._text) if selection.end is None else self._offset_at(selection.end)
        return self._text[start:end], "\n"

    def _offset_at(self, position: Offset) -> int:
        row = min(max(position.y, 0), len(self._rows) - 1)
        return min(self._rows.starts[row] + max(position.x, 0), self._rows.ends[row])

    def selection_updated(self, selection: Selection | None) -> None:
        """Redraw."""
        self.refresh()

    def action_down(self) -> None:
        """Scroll down a row."""
        self.page(1)

    def action_up(self) -> None:
        """Scroll up a row."""
        self.page(-1)

    def action_top(self) -> None:
        """Go to the beginning."""
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """Go to the end."""
        self.scroll_end(animate=False)
