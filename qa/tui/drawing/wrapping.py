"""Text as rows of a given width, as ranges of characters, so that the offsets of quotes find their rows. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from rich.cells import cell_len


@dataclass(frozen=True, slots=True)
class Rows:
    """A text as it is shown: row r shows `text[starts[r]:ends[r]]`."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    lines: tuple[int, ...]
    """1-based line of the text that each row belongs to."""

    def __len__(self) -> int:
        return len(self.starts)

    def row_of(self, offset: int) -> int:
        """The row (0-based) that shows the character at `offset`."""
        return max(bisect_right(self.starts, offset) - 1, 0)

    def is_first_of_line(self, row: int) -> bool:
        """True if a line of the text begins in this row."""
        return row == 0 or self.lines[row] != self.lines[row - 1]


def wrap_text(text: str, width: int) -> Rows:
    """Rows of at most `width` cells, broken at spaces if possible. Every character except line ends is in exactly one
    row.

    One megabyte takes about 0.1 s, so anything longer than a screen belongs in a thread.
    """
    starts: list[int] = []
    ends: list[int] = []
    lines: list[int] = []
    position = 0
    for number, line in enumerate(text.split("\n"), start=1):
        for start, end in _wrap_line(line, max(width, 2)):
            starts.append(position + start)
            ends.append(position + end)
            lines.append(number)
        position += len(line) + 1
    return Rows(tuple(starts), tuple(ends), tuple(lines))


def _wrap_line(line: str, width: int) -> list[tuple[int, int]]:
    narrow = line.isascii()
    rows: list[tuple[int, int]] = []
    start = 0
    while len(line) - start > width or not (narrow or cell_len(line[start:]) <= width):
        cut = start + (width if narrow else _fitting(line, start, width))
        space = line.rfind(" ", start + 1, cut + 1)
        end = space + 1 if space > start else cut
        rows.append((start, min(end, len(line))))
        start = rows[-1][1]
        if start >= len(line):
            return rows
    rows.append((start, len(line)))
    return rows


def _fitting(line: str, start: int, width: int) -> int:
    """How many characters from `start` fit into `width` cells; at least one."""
    count = min(width, len(line) - start)
    while count > 1 and (excess := cell_len(line[start : start + count]) - width) > 0:
        count -= max(excess // 2, 1)
    return max(count, 1)
