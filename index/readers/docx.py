"""DOCX: paragraphs, headings, lists and tables of a Word document in their order; runs in a process of its own."""

from __future__ import annotations

import io
import re
import zipfile

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph

from index.errors import UnreadableFileError
from index.readers.assembly import Assembly
from index.types import Document

HEADING = re.compile(r"(?:heading|überschrift|titre|título)\s*(\d)", re.IGNORECASE)
MAX_UNPACKED = 512 * 2**20
"""Bytes; an archive that says it unpacks to more is a trap or no article."""


def read(name: str, data: bytes) -> Document:
    """Raises UnreadableFileError where the file is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED:
                raise UnreadableFileError(f"unpacks to more than {MAX_UNPACKED >> 20} MB")
        document = docx.Document(io.BytesIO(data))
    except (zipfile.BadZipFile, PackageNotFoundError, KeyError, ValueError, SyntaxError) as error:
        # SyntaxError is what the XML parser raises.
        raise UnreadableFileError("a damaged Word document, or none") from error
    assembly = Assembly()
    in_list = False
    for part in document.iter_inner_content():
        if isinstance(part, Table):
            assembly.add("\n".join(_rows(part)))
            in_list = False
        else:
            in_list = _add_paragraph(assembly, part, in_list)
    stated = document.core_properties
    return assembly.document(name, stated.title, stated.created.date().isoformat() if stated.created else None)


def _add_paragraph(assembly: Assembly, paragraph: Paragraph, in_list: bool) -> bool:
    """True where it was an item of a list."""
    text = "\n".join(" ".join(line.split()) for line in paragraph.text.split("\n")).strip()
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
    """A line for each row; a merged cell, which stands in several columns, once."""
    rows = []
    for row in table.rows:
        cells = [" ".join(cell.text.split()) for cell in row.cells]
        rows.append(" | ".join(cell for number, cell in enumerate(cells) if number == 0 or cell != cells[number - 1]))
    return [row for row in rows if row.strip(" |")]
