"""PDF: the text layer page by page, lines put together to paragraphs by their distance; runs in a process of its own.

A password is never guessed; most encrypted files have an empty one, which opens them for reading as their makers meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pypdfium2 as pdfium

from index.documents.formats.assembly import Assembly
from index.errors import UnreadableFileError
from index.types import Document

HYPHENATED = re.compile("(?:\\b(\\w+))?[\ufffe\u00ad\x02]\\s*(\\w*)")
"""Where a word goes on in the next line; PDFium marks such a hyphen, and does not know whether it is the word's own."""
COMPOUND = re.compile(r"\b\w+-\w+")
COMPOUNDING = frozenset({"well", "self"})
"""First parts that English sets before a hyphen of their own."""

UNTEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
PARAGRAPH_GAP = 1.3
"""Distance between base lines, in those of the page's usual, from which a new paragraph begins."""
OTHER_SIZE = 1.15
"""Ratio of heights from which a line is set in another size: a heading or a note."""
REPEATED_ON = 0.5
"""Share of pages from which a first or last line is a running head."""
EDGE = 2
"""Lines from the top and from the bottom of a page among which running heads stand."""
MOST_TITLE_LINES = 3
MACHINE_TITLE = re.compile(
    r"\A(?:[\W\d_]*|\(?(?:untitled|unspecified|anonymous|unknown)\b.*|microsoft word.*"
    r"|.*\.(?:docx?|pdf|indd|tex|qxd|dvi|html?))\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    bottom: float
    """Of the first character, in points from the page's bottom."""
    height: float
    """Of the first character's font, in points."""


def extract(name: str, data: bytes) -> Document:
    """Raises UnreadableFileError where the file is damaged, needs a password or has no text layer."""
    try:
        pdf = pdfium.PdfDocument(data)
        pages = [_lines(page) for page in pdf]
    except pdfium.PdfiumError as error:
        reason = "needs a password" if "password" in str(error).lower() else "a damaged PDF"
        raise UnreadableFileError(reason) from None
    heads = _running_heads(pages)
    compounds = {word.casefold() for lines in pages for line in lines for word in COMPOUND.findall(line.text)}
    assembly = Assembly()
    for lines in pages:
        assembly.begin_page()
        for block in _blocks(_without_heads(lines, heads), compounds):
            assembly.add(block)
    if not any(pages):
        raise UnreadableFileError("holds no text (a scan without a text layer)")
    title = _title(pdf.get_metadata_dict(skip_empty=True), pages[0])
    return assembly.document(name, title, None)


def _title(stated: dict[str, str], first_page: list[_Line]) -> str:
    """The title the file states where a person wrote it; else what is set largest on the first page, with the subject
    that the file states ('Form 10-Q for the period ending 2022-06-25')."""
    title, subject = stated.get("Title", ""), stated.get("Subject", "")
    if not MACHINE_TITLE.match(title):
        return title
    lines = [line for line in first_page if any(map(str.isalpha, line.text))]
    largest = max((line.height for line in lines), default=0.0)
    usual = median([line.height for line in lines] or [0.0])
    parts = [line.text for line in lines if line.height > 0.97 * largest > OTHER_SIZE * usual][:MOST_TITLE_LINES]
    words = _clean(" ".join(parts))
    return " – ".join(part for part in (words, subject) if part and not MACHINE_TITLE.match(part))


def _lines(page: pdfium.PdfPage) -> list[_Line]:
    """Lines of a page in the order of its content, empty ones left out."""
    text_page = page.get_textpage()
    text = text_page.get_text_range()
    exact = len(text) == text_page.count_chars()  # else indices of characters and text differ
    lines = []
    for match in re.finditer(r"[^\r\n]+", text):
        words = match.group().strip()
        if not words:
            continue
        box = (0.0, 0.0, 0.0, 0.0)
        if exact:
            first = match.start() + len(match.group()) - len(match.group().lstrip())
            box = text_page.get_charbox(first, loose=True)
        lines.append(_Line(words, box[1], box[3] - box[1]))
    return lines


def _running_heads(pages: list[list[_Line]]) -> set[str]:
    """What stands at the edge of most pages, but for its number."""
    if len(pages) < 3:
        return set()
    edges = Counter(
        words for lines in pages for words in {_without_digits(line.text) for line in lines[:EDGE] + lines[-EDGE:]}
    )
    return {words for words, number in edges.items() if number >= max(3, REPEATED_ON * len(pages))}


def _without_heads(lines: list[_Line], heads: set[str]) -> list[_Line]:
    """The lines of a page without its running heads and its number; what is repeated further inside stays."""
    return [
        line
        for number, line in enumerate(lines)
        if EDGE <= number < len(lines) - EDGE or _without_digits(line.text) not in heads
    ]


def _without_digits(text: str) -> str:
    return re.sub(r"[\d\s]+", "", text).casefold()


def _blocks(lines: list[_Line], compounds: Set[str]) -> list[str]:
    """Paragraphs: lines at the usual distance, set in one size. Words cut at a line's end are put together; `compounds`
    are the words that the file writes with a hyphen inside a line."""
    gaps = [above.bottom - below.bottom for above, below in pairwise(lines)]
    down = [gap for gap in gaps if gap > 1]
    usual = median(down) if down else 0.0
    blocks: list[list[str]] = []
    for number, line in enumerate(lines):
        if number == 0 or _begins(lines[number - 1], line, gaps[number - 1], usual):
            blocks.append([])
        blocks[-1].append(line.text)
    return [text for block in blocks if (text := _clean("\n".join(block), compounds))]


def _begins(above: _Line, line: _Line, gap: float, usual: float) -> bool:
    """Whether `line` begins a paragraph; a column's end makes `gap` negative, a row of a table makes it 0."""
    if usual <= 0 or not (above.height and line.height):
        return False
    ratio = max(above.height, line.height) / min(above.height, line.height)
    return gap < -usual or gap > PARAGRAPH_GAP * usual or (ratio > OTHER_SIZE and gap > 1)


def _clean(text: str, compounds: Set[str] = frozenset()) -> str:
    return UNTEXT.sub("", HYPHENATED.sub(lambda match: _join(match[1] or "", match[2], compounds), text)).strip()


def _join(first: str, second: str, compounds: Set[str]) -> str:
    """One word of its two parts; with the hyphen where that is the word's own: before figures and capitals, after
    capitals, and where the file writes the word so elsewhere."""
    compound = f"{first}-{second}"
    own = (
        not (first[-1:].islower() and second[:1].islower())
        or first.casefold() in COMPOUNDING
        or compound.casefold() in compounds
    )
    return compound if own and first and second else first + second
