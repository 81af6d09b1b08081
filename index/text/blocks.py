"""Owns lines and blocks: where they stand in a canonical text and what number they have.

A block is what stands between blank lines. Its number is the `paragraph` of a citation, so it must not depend
on anything but the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

RUN = re.compile(r"[^\r\n\f]+")
BREAK = re.compile(r"\r\n|[\r\n\f]")
LINE_END = re.compile(r"\r\n|[\r\n]")
"""A form feed ends a page, not a line: editors and grep do not count it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank, without its outer white space."""

    start: int
    end: int
    indent: int
    """Characters of white space in front of `start`."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines with no blank line between them."""

    number: int
    """0-based."""
    lines: tuple[Line, ...]


def split_blocks(text: str) -> list[Block]:
    """The blocks of `text` in order. A line of white space alone is blank; line ends may be LF, CRLF, CR or a
    form feed."""
    blocks: list[Block] = []
    lines: list[Line] = []
    gap = 0
    for run in RUN.finditer(text):
        words = run.group()
        bare = words.lstrip()
        if not bare:
            continue
        if lines and len(BREAK.findall(text, gap, run.start())) > 1:
            blocks.append(Block(len(blocks), tuple(lines)))
            lines = []
        start = run.end() - len(bare)
        lines.append(Line(start, start + len(bare.rstrip()), start - run.start()))
        gap = run.end()
    if lines:
        blocks.append(Block(len(blocks), tuple(lines)))
    return blocks


class LineNumbers:
    """Line numbers of many offsets of one text, each in logarithmic time."""

    def __init__(self, text: str) -> None:
        self._starts = [match.end() for match in LINE_END.finditer(text)]

    def at(self, offset: int) -> int:
        """1-based number of the line that `offset` stands on."""
        return 1 + bisect_right(self._starts, offset)
