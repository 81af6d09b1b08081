"""Decides which line ends of a text mean something, and which only show where a line was wrapped.

The commands and the app both draw quotes through this module, so a quote has the same lines in both. Prose that was
wrapped at 72 columns flows to the width of the terminal; tables, lists, verse, addresses and code keep their lines.
The text of an article never changes.
"""

from __future__ import annotations

import re
from itertools import pairwise

from qa.output.safe_text import safe_line

_CUT = " …"
_ROW = re.compile(r" \| |\A\|")
"""Cells between bars."""
_FIGURE = re.compile(r"[$€£(+−–-]*\d(?:[\d.,]*\d)?[)%]*|[—–-]")
"""A cell of a table of numbers. It ends with a digit: '1,' of 'July 1, 2023' belongs to a sentence."""
_UNITS = frozenset("$€£%")
_ITEM = re.compile(r"(?:[-*+•–]|#{1,6}|\d{1,3}[.)])\s|[>|]")
"""What begins a line of its own: a list item, a heading, a quoted line, a table row."""
_HEADING = re.compile(r"#{1,6}\s")
_FENCES = ("```", "~~~")
_FULL = 0.8
"""A line is full from this share of the usual length: print sets letters of different widths."""
_NARROWEST = 30
"""Characters. Text is rarely wrapped at less, so a shorter line was ended on purpose: an address, a caption."""
_WIDEST_VERSE = 60
"""Characters. Verse lines rarely have more, and wrapped prose rarely has fewer."""
_LEAST_VERSE = 3
"""Lines. With fewer, prose whose second line happens to begin with a name would count as verse."""
_LONGEST_TAIL = 60
"""Characters at the end of a line in which figures are looked for."""


def unwrap(text: str) -> list[str]:
    """Replace each character of `text` by what to show for it, so that offsets still hold.

    :param text: lines that end with a line feed, as `safe_text` returns them.
    :return: one string for each character: a line feed where the line end means something, a space where the line was
        only wrapped, nothing for blanks around such an end, and the character itself everywhere else.
    """
    lines = text.split("\n")
    characters = list(text)
    end = -1
    for number, keeps in enumerate(_find_meaningful_ends(lines)):
        line, following = lines[number], lines[number + 1]
        end += len(line) + 1  # the offset of this line's "\n"
        if keeps is None:
            continue
        first = end - len(line) + len(line.rstrip())
        last = end + 1 + (0 if keeps else len(following) - len(following.lstrip()))
        characters[first:last] = [""] * (last - first)
        characters[end] = "\n" if keeps else " "
    return characters


def unwrap_quote(quote: str, passage: str, start: int) -> list[str]:
    """Unwrap a quote, judging its line ends by the whole lines of the passage around it.

    :param start: offset of the quote in `passage`. If the quote is not there, it is judged by itself.
    """
    if start >= 0 and passage[start : start + len(quote)] == quote:
        return unwrap(passage)[start : start + len(quote)]
    return unwrap(quote)


def shorten(text: str, most: int) -> str:
    """The beginning of a text in one line of at most `most` characters, safe for a terminal.

    It is cut between words, because half a number would be another number.
    """
    line = " ".join(safe_line(text[: 2 * most]).split())
    if len(line) <= most:
        return line
    room = most - len(_CUT)
    head = line[: room + 1].rpartition(" ")[0]
    return (head if len(head) > room // 2 else line[:room]) + _CUT


def _find_meaningful_ends(lines: list[str]) -> list[bool | None]:
    """For each line end, True to keep it and False to join the lines; None inside fenced code, which stays as is."""
    ends: list[bool | None] = []
    stripped = [line.strip() for line in lines]
    usual = _usual_length(stripped)
    verse = _find_verse(stripped)
    in_code = False
    for number, (line, following) in enumerate(pairwise(stripped)):
        in_code ^= line.startswith(_FENCES)
        ends.append(None if in_code else number in verse or _means_something(line, following, usual))
    return ends


def _usual_length(lines: list[str]) -> int:
    """The length of full lines: the longest or, of many lines, the longest without the top quarter.

    A long web address stands alone on its line and would make every other line look short.
    """
    lengths = sorted(len(line) for line in lines)
    return lengths[-(len(lengths) // 4) - 1]


def _find_verse(lines: list[str]) -> set[int]:
    """The lines (0-based) of every stanza or address: three short lines or more that all begin like a sentence."""
    found: set[int] = set()
    block: list[int] = []
    for number, line in enumerate([*lines, ""]):
        if line:
            block.append(number)
            continue
        if len(block) >= _LEAST_VERSE and all(_is_like_verse(lines[one]) for one in block):
            found.update(block)
        block = []
    return found


def _is_like_verse(line: str) -> bool:
    begins = line.lstrip("\"'“‘„«(")[:1]
    return len(line) <= _WIDEST_VERSE and (begins.isupper() or begins.isdigit())


def _means_something(line: str, following: str, usual: int) -> bool:
    if not line or not following or following.startswith(_FENCES) or _ITEM.match(following):
        return True
    if _HEADING.match(line) or _ROW.search(line) or _ends_with_figures(line):
        return True
    if (line[-1].isalnum() or line[-1] in ",;") and following[0].islower():
        return False  # in the middle of a sentence
    return len(line) + 1 + len(following.split(maxsplit=1)[0]) <= max(_FULL * usual, _NARROWEST)


def _ends_with_figures(line: str) -> bool:
    """True for a row of a table without bars: its last two cells are numbers."""
    cells = [cell for cell in line[-_LONGEST_TAIL:].split() if cell not in _UNITS]
    return len(cells) >= 2 and all(_FIGURE.fullmatch(cell) for cell in cells[-2:])
