"""DOCX: paragraphs, headings, lists, tables and footnotes of a Word document. Runs in a child process.

This module walks the elements itself, because python-docx leaves out content controls and words inserted with changes
tracked: a sentence would lose words that people see in Word.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

import docx
from docx.document import Document as WordDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.table import Table
from docx.text.paragraph import Paragraph

from index.documents.formats.assembly import Assembly
from index.errors import UnreadableFileError
from index.types import Document

HEADING = re.compile(r"(?:heading|überschrift|titre|título)\s*(\d)", re.IGNORECASE)
MAX_UNPACKED = 512 * 2**20
"""Bytes; an archive that unpacks to more is a trap, or not an article."""

_PARAGRAPH, _TABLE = qn("w:p"), qn("w:tbl")
_AROUND_BLOCKS = frozenset(map(qn, ("w:sdt", "w:sdtContent", "w:customXml", "w:ins", "w:moveTo")))
_NOT_SHOWN = frozenset(
    (
        *map(qn, ("w:del", "w:moveFrom", "w:txbxContent", "w:pPr", "w:rPr")),
        "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    )
)
"""Deleted words, and boxes beside the text. A file holds each box twice, once for programs that do not know boxes."""
_CHARACTERS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_SEPARATORS = frozenset({"separator", "continuationSeparator", "continuationNotice"})


def extract(name: str, data: bytes) -> Document:
    """Makes a Document of a Word file.

    :param name: the path of the file, relative to the documents folder.
    :raises UnreadableFileError: if the file is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED:
                raise UnreadableFileError(f"unpacks to more than {MAX_UNPACKED >> 20} MB")
        document = docx.Document(io.BytesIO(data))
        footnotes = list(_footnotes(document))
    except (zipfile.BadZipFile, PackageNotFoundError, KeyError, ValueError, SyntaxError) as error:
        # SyntaxError is what the XML parser raises.
        raise UnreadableFileError("a damaged Word document, or none") from error
    assembly = Assembly()
    in_list = False
    for element in _blocks(document.element.body):
        if element.tag == _TABLE:
            assembly.add("\n".join(_rows(Table(element, document))))
            in_list = False
        else:
            in_list = _add_paragraph(assembly, Paragraph(element, document), in_list)
    for note in footnotes:
        assembly.add(note)
    stated = document.core_properties
    return assembly.document(name, stated.title, stated.created.date().isoformat() if stated.created else None)


def _blocks(parent: BaseOxmlElement) -> Iterator[BaseOxmlElement]:
    """Paragraphs and tables in order, including those inside content controls and tracked changes."""
    waiting = list(reversed(parent))
    while waiting:
        element = waiting.pop()
        if element.tag in (_PARAGRAPH, _TABLE):
            yield element
        elif element.tag in _AROUND_BLOCKS:
            waiting.extend(reversed(element))


def _text(element: BaseOxmlElement) -> str:
    """The words of an element as Word shows them, each paragraph on a line of its own."""
    parts: list[str] = []
    waiting = list(reversed(element))
    while waiting:
        inner = waiting.pop()
        if inner.tag in _NOT_SHOWN:
            continue
        if inner.tag == qn("w:t"):
            parts.append(inner.text or "")
        elif inner.tag in _CHARACTERS:
            parts.append(_CHARACTERS[inner.tag])
        else:
            if inner.tag == _PARAGRAPH and parts:
                parts.append("\n")
            waiting.extend(reversed(inner))
    return "\n".join(" ".join(line.split()) for line in "".join(parts).split("\n")).strip()


def _footnotes(document: WordDocument) -> Iterator[str]:
    """The words of each footnote, in order."""
    for relation in document.part.rels.values():
        if relation.reltype == RELATIONSHIP_TYPE.FOOTNOTES:
            for note in parse_xml(relation.target_part.blob):
                if note.get(qn("w:type")) not in _SEPARATORS:
                    yield _text(note)


def _add_paragraph(assembly: Assembly, paragraph: Paragraph, in_list: bool) -> bool:
    """Adds a paragraph.

    :param in_list: True if the paragraph before it was an item of a list.
    :return: True if this one is an item of a list.
    """
    text = _text(paragraph._p)
    style = (paragraph.style.name if paragraph.style is not None else None) or ""
    is_item = "list" in style.lower() or (paragraph._p.pPr is not None and paragraph._p.pPr.numPr is not None)
    heading = HEADING.match(style)
    if style == "Title":
        assembly.add(text, level=1)
    elif heading:
        assembly.add(text, level=int(heading[1]))
    elif text:
        assembly.add(f"- {text}" if is_item else text, joined=in_list and is_item)
    return is_item and bool(text)


def _rows(table: Table) -> list[str]:
    """One line for each row. A merged cell, which stands in several columns, appears once."""
    rows = []
    for row in table.rows:
        cells = list({cell._tc: " ".join(_text(cell._tc).split()) for cell in row.cells}.values())
        rows.append(" | ".join(cells))
    return [row for row in rows if row.strip(" |")]
