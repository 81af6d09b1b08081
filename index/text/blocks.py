"""Owns lines and blocks: where they stand in a canonical text, and their numbers.

Blank lines separate blocks. The number of a block is the `paragraph` of a citation, so it depends on the text alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

RUN = re.compile(r"[^\r\n\f]+")
BREAK = re.compile(r"\r\n|[\r\n\f]")
LINE_END = re.compile(r"\r\n|[\r\n]")
"""A form feed ends a page and not a line: editors and grep do not count it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank, without its outer white space."""

    start: int
    end: int
    indent: int
    """Characters of white space before `start`."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines with no blank line between them."""

    number: int
    """0-based."""
    lines: tuple[Line, ...]


def split_blocks(text: str) -> list[Block]:
    """The blocks of `text` in order. A line of nothing but white space is blank. Line ends may be LF, CRLF, CR or a
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
    """Finds the line number of an offset in logarithmic time, for many offsets of one text."""

    def __init__(self, text: str) -> None:
        self._starts = [match.end() for match in LINE_END.finditer(text)]

    def at(self, offset: int) -> int:
        """1-based number of the line that holds `offset`."""
        return 1 + bisect_right(self._starts, offset)
