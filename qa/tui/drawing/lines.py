"""Lines of the screen that know what text they show: text marked over them is copied without bars and screen ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.selection import Selection

BETWEEN_PARTS = Content.styled(" · ", "dim")
_LEAST_ROOM = 4  # columns for text, however narrow the screen is


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """One row of the screen."""

    content: Content
    prefix: int = 0
    """Characters at its beginning that are drawn and not text: bars, indentation."""
    joint: str = "\n"
    """What stands in the text between the line above and this one: nothing inside a word that was too long."""

    @property
    def plain(self) -> str:
        """All its characters."""
        return self.content.plain


def prefix_lines(
    content: Content, width: int, first: Content, following: Content | None = None, *, prefix: int | None = None
) -> list[DrawnLine]:
    """`content` wrapped into `width` columns, each line behind a prefix; the following ones behind spaces, by default.

    :param prefix: characters of `first` that are not text, where not all of it is drawn only.
    """
    following = Content(" " * first.cell_length) if following is None else following
    text = content.expand_tabs(4)
    wrapped = text.wrap(max(width - first.cell_length, _LEAST_ROOM))
    joints = _find_joints(text.plain, wrapped)
    begin = len(first.plain) if prefix is None else prefix
    return [
        DrawnLine(first + line.rstrip(), begin)
        if number == 0
        else DrawnLine(following + line.rstrip(), len(following.plain), joint)
        for number, (line, joint) in enumerate(zip(wrapped, joints, strict=True))
    ]


def prefix_parts(parts: Sequence[Content], width: int, prefix: Content) -> list[DrawnLine]:
    """Parts with dots between them, each line behind a prefix."""
    joined = join_parts(parts, max(width - prefix.cell_length, _LEAST_ROOM))
    joints = _find_joints(BETWEEN_PARTS.plain.join(part.plain for part in parts), joined)
    return [
        DrawnLine(prefix + line, len(prefix.plain), joint if number else "\n")
        for number, (line, joint) in enumerate(zip(joined, joints, strict=True))
    ]


def join_parts(parts: Iterable[Content], width: int) -> list[Content]:
    """Lines of parts with dots between them; a part that fits into a line is never broken."""
    lines: list[Content] = []
    for part in parts:
        joined = lines[-1] + BETWEEN_PARTS + part if lines else part
        if lines and joined.cell_length > width >= part.cell_length:
            lines.append(part)
        else:
            lines[-1:] = joined.wrap(width)
    return [line.rstrip() for line in lines]


def extract_marked(lines: Sequence[DrawnLine], selection: Selection) -> str:
    """The text that was marked over lines of the screen, as one would have typed it."""
    if not lines:
        return ""
    last_row = len(lines) - 1
    from_row, from_column = (0, 0) if selection.start is None else selection.start.transpose
    to_row, to_column = (last_row, None) if selection.end is None else selection.end.transpose
    marked = ""
    for row in range(max(from_row, 0), min(to_row, last_row) + 1):
        line = lines[row]
        begin = max(from_column if row == from_row else 0, line.prefix)
        joint = line.joint if row > from_row else ""
        marked += joint + line.plain[begin : to_column if row == to_row else None]
    return marked


def _find_joints(text: str, lines: Sequence[Content]) -> list[str]:
    """What stands in `text` before each of the lines it was wrapped into."""
    joints: list[str] = []
    position = 0
    for line in lines:
        words = line.plain.strip()
        if not words:
            # An empty line of the text, or a space for which a row had no room.
            end = text.find("\n", position)
            is_empty = end >= 0 and not text[position:end].strip()
            joints.append("\n" if is_empty else "")
            position = end + 1 if is_empty else position
            continue
        at = max(text.find(words, position), position)
        between = text[position:at]
        joints.append("\n" if "\n" in between else " " if between.isspace() else between)
        position = at + len(words)
    return joints
