"""Owns which lines of a block are items of a list. An item is a paragraph of its own, and its lead-in is context."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from index.text.blocks import Line

MARKER = re.compile(
    r"(?P<bullet>[-*+•‣⁃◦▪▫●○■□➢✓·–—])[ \t\u00a0]+(?=\S)"
    r"|\(?(?:(?P<number>\d{1,3})|(?P<letter>[A-Za-z]))(?P<sign>[.)])[ \t\u00a0]+(?=\S)"
)


@dataclass(frozen=True, slots=True)
class Marker:
    """The mark at the beginning of a line that may be an item."""

    line: int
    """0-based number of the line in its block."""
    kind: str
    """The bullet itself, or 'number)', 'letter.' and so on."""
    value: int | None
    """1, 2, … for numbers and letters; None for a bullet."""
    length: int
    """Characters of the mark and the space after it."""


def find_items(text: str, lines: Sequence[Line]) -> list[Marker]:
    """The lines of a block that begin an item, in order; empty if the block holds no list.

    A mark at the beginning of the block counts. Elsewhere, a line of wrapped prose may happen to begin with a dash or a
    number. There a mark counts only if another one of its kind follows or precedes it (numbers and letters in
    sequence), or if a lead-in stands before it.
    """
    markers = [marker for number, line in enumerate(lines) if (marker := _marker(text, number, line))]
    kinds = Counter(marker.kind for marker in markers)
    values = {(marker.kind, marker.value) for marker in markers}
    return [marker for marker in markers if _is_believed(text, lines, marker) or _has_company(marker, kinds, values)]


def _marker(text: str, number: int, line: Line) -> Marker | None:
    match = MARKER.match(text, line.start, line.end)
    if match is None:
        return None
    length = match.end() - match.start()
    if match["bullet"]:
        return Marker(number, match["bullet"], None, length)
    if match["number"]:
        return Marker(number, "number" + match["sign"], int(match["number"]), length)
    return Marker(number, "letter" + match["sign"], ord(match["letter"].lower()) - ord("a") + 1, length)


def _is_believed(text: str, lines: Sequence[Line], marker: Marker) -> bool:
    """True if the place of a mark shows that it begins an item. "A. Smith said" at the beginning of a block is an
    initial, unless B. follows."""
    if marker.line == 0:
        return marker.kind != "letter."
    return text[lines[marker.line - 1].end - 1] in ":：" and marker.value in (None, 1)


def _has_company(marker: Marker, kinds: Counter[str], values: set[tuple[str, int | None]]) -> bool:
    if marker.value is None:
        return kinds[marker.kind] > 1
    return (marker.kind, marker.value - 1) in values or (marker.kind, marker.value + 1) in values
