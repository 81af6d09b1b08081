"""Lines of the screen that know which text they show, so that text marked with the mouse is copied without bars and
without the line ends of the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.selection import Selection

BETWEEN_PARTS = Content.styled(" · ", "dim")
_LEAST_ROOM = 4  # columns for text, even on the narrowest screen


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """One row of the screen."""

    content: Content
    prefix: int = 0
    """Characters at its beginning that are drawn but are not text: bars, indentation."""
    joint: str = "\n"
    """What the text has between the line above and this one; nothing inside a word that was too long."""

    @property
    def plain(self) -> str:
        """All its characters."""
        return self.content.plain


def prefix_lines(
    content: Content, width: int, first: Content, following: Content | None = None, *, prefix: int | None = None
) -> list[DrawnLine]:
    """Wrap `content` into `width` columns, with a prefix in front of each line.

    :param following: prefix of all lines but the first; spaces by default.
    :param prefix: characters of `first` that are not text; all of them by default.
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
    """Parts with dots between them, with a prefix in front of each line."""
    joined = join_parts(parts, max(width - prefix.cell_length, _LEAST_ROOM))
    joints = _find_joints(BETWEEN_PARTS.plain.join(part.plain for part in parts), joined)
    return [
        DrawnLine(prefix + line, len(prefix.plain), joint if number else "\n")
        for number, (line, joint) in enumerate(zip(joined, joints, strict=True))
    ]


def join_parts(parts: Iterable[Content], width: int) -> list[Content]:
    """Lines of parts with dots between them. A part that fits on a line is never broken."""
    lines: list[Content] = []
    for part in parts:
        joined = lines[-1] + BETWEEN_PARTS + part if lines else part
        if lines and joined.cell_length > width >= part.cell_length:
            lines.append(part)
        else:
            lines[-1:] = joined.wrap(width)
    return [line.rstrip() for line in lines]


def extract_marked(lines: Sequence[DrawnLine], selection: Selection) -> str:
    """The text that was marked over lines of the screen, as the article or the person wrote it."""
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
    """What `text` has before each of the lines it was wrapped into."""
    joints: list[str] = []
    position = 0
    for line in lines:
        words = line.plain.strip()
        if not words:
            # An empty line of the text, or a space that did not fit in a row.
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
