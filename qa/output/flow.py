"""Tells line ends at which lines were merely wrapped from those that mean something: rows of tables, items of lists.

A line was wrapped where the next word would not have fitted. So prose of 72 columns flows to the width of the terminal,
and a table keeps a line for each of its rows. Pure; the text of an article is never changed by it.
"""

from __future__ import annotations

import re
from itertools import pairwise

_NUMBER = r"\s(?:[$€£]\s?)?(?:[(+−–-]?\d[\d.,]*\)?(?:\s?%)?|[—–-])"
_ROW = re.compile(rf" \| |\A\||(?:{_NUMBER}){{2,}}\s*\Z")
"""Cells between bars, or a line that ends with two numbers or more."""
_ITEM = re.compile(r"(?:[-*+•–>]|\d{1,3}[.)])\s|\|")
"""What begins a line of its own: an item, a line that quotes, a row."""
_FENCE = ("```", "~~~")
_FULL = 0.8
"""Of the usual length, from which a line with the next word is full; print sets letters of different widths."""


def unwrap(text: str) -> list[str]:
    """A string for each character of `text`, so that ranges still cut it: a line end that means something is "\\n",
    another is " ", and blanks around line ends are empty; fenced code stays as it is. Lines of `text` end with
    "\\n"."""
    lines = text.split("\n")
    usual = _usual_length(lines)
    characters = list(text)
    in_code = False
    end = -1
    for line, following in pairwise(lines):
        end += len(line) + 1  # where the line's own "\n" stands
        in_code ^= line.strip().startswith(_FENCE)
        if in_code:
            continue  # its indents mean something as well
        first, last = end - len(line) + len(line.rstrip()), end + 1 + len(following) - len(following.lstrip())
        characters[first:last] = [""] * (last - first)
        characters[end] = "\n" if _means_something(line.strip(), following.strip(), usual) else " "
    return characters


def _usual_length(lines: list[str]) -> int:
    """Of full lines: the longest, of many lines without the longest quarter, among which an address may be."""
    lengths = sorted(len(line.strip()) for line in lines)
    return lengths[-(len(lengths) // 4) - 1]


def _means_something(line: str, following: str, usual: int) -> bool:
    if not line or not following or following.startswith(_FENCE) or _ROW.search(line) or _ITEM.match(following):
        return True
    return len(line) + 1 + len(following.split(maxsplit=1)[0]) <= _FULL * usual
