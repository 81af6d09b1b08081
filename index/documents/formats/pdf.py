"""PDF: the text layer, page by page. Lines are joined to paragraphs by their distance. Runs in a child process.

A password is never guessed. Most encrypted files have an empty one, which opens them for reading as their authors
meant.
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
"""A word that goes on in the next line. PDFium marks its hyphen, but does not know if it belongs to the word."""
COMPOUND = re.compile(r"\b\w+-\w+")
COMPOUNDING = frozenset({"well", "self"})
"""First parts of English words that keep their hyphen."""

UNTEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
PARAGRAPH_GAP = 1.3
"""Distance between lines, relative to the usual one on the page, from which a new paragraph begins."""
OTHER_SIZE = 1.15
"""Ratio of heights from which a line is in another font size: a heading or a note."""
REPEATED_ON = 0.5
"""Share of the pages on which a line at the edge must repeat to be a running head."""
EDGE = 2
"""Number of lines at the top and at the bottom of a page that may be running heads."""
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
    """Bottom of the first character, in points from the bottom of the page."""
    height: float
    """Height of the first character's font, in points."""


def extract(name: str, data: bytes) -> Document:
    """Makes a Document of a PDF file.

    :param name: the path of the file, relative to the documents folder.
    :raises UnreadableFileError: if the file is damaged, needs a password or has no text layer.
    """
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
    """The title that the file states if a person wrote it. Otherwise the largest words on the first page, followed by
    the subject that the file states ('Form 10-Q for the period ending 2022-06-25')."""
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
    """The lines of a page in the order of its content, without empty ones."""
    text_page = page.get_textpage()
    text = text_page.get_text_range()
    exact = len(text) == text_page.count_chars()  # otherwise the indices of characters and of the text differ
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
    """The lines that stand at the edge of most pages, without their digits."""
    if len(pages) < 3:
        return set()
    edges = Counter(
        words for lines in pages for words in {_without_digits(line.text) for line in lines[:EDGE] + lines[-EDGE:]}
    )
    return {words for words, number in edges.items() if number >= max(3, REPEATED_ON * len(pages))}


def _without_heads(lines: list[_Line], heads: set[str]) -> list[_Line]:
    """The lines of a page without its running heads and its number. The same words further inside stay."""
    return [
        line
        for number, line in enumerate(lines)
        if EDGE <= number < len(lines) - EDGE or _without_digits(line.text) not in heads
    ]


def _without_digits(text: str) -> str:
    return re.sub(r"[\d\s]+", "", text).casefold()


def _blocks(lines: list[_Line], compounds: Set[str]) -> list[str]:
    """The paragraphs of a page: lines at the usual distance and in one font size, with the words that line ends divide
    put together again.

    :param compounds: the words that the file writes with a hyphen inside a line.
    """
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
    """True if `line` begins a paragraph. `gap` is negative after the end of a column, and 0 inside a row of a table."""
    if usual <= 0 or not (above.height and line.height):
        return False
    ratio = max(above.height, line.height) / min(above.height, line.height)
    return gap < -usual or gap > PARAGRAPH_GAP * usual or (ratio > OTHER_SIZE and gap > 1)


def _clean(text: str, compounds: Set[str] = frozenset()) -> str:
    return UNTEXT.sub("", HYPHENATED.sub(lambda match: _join(match[1] or "", match[2], compounds), text)).strip()


def _join(first: str, second: str, compounds: Set[str]) -> str:
    """One word made of its two parts. It keeps the hyphen before digits and capitals, after capitals, and if the file
    writes the word with a hyphen elsewhere."""
    compound = f"{first}-{second}"
    own = (
        not (first[-1:].islower() and second[:1].islower())
        or first.casefold() in COMPOUNDING
        or compound.casefold() in compounds
    )
    return compound if own and first and second else first + second
