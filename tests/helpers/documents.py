"""A small file of each format, for the tests that every format has to pass."""

from __future__ import annotations

import io
from collections.abc import Callable

import docx


def make_pdf(*pages: str) -> bytes:
    """A PDF with one line of text for each line of a page, 14 points apart."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for page in pages:
        lines = " ".join(f"({line}) Tj 0 -14 Td" for line in page.split("\n"))
        stream = f"BT /F1 12 Tf 72 700 Td {lines} ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects)} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body = "%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (
        f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF"
    ).encode("latin-1")


def make_docx(text: str) -> bytes:
    """A Word document with the heading 'Mills' and one paragraph."""
    document = docx.Document()
    document.add_heading("Mills", 1)
    document.add_paragraph(text)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


SAMPLES: dict[str, Callable[[str], bytes]] = {
    "plain.txt": lambda text: f"Mills\n\n{text}\n".encode(),
    "western.txt": lambda text: f"Mills\n\nA café, “{text}” – so it says.\n".encode("cp1252"),
    "wide.txt": lambda text: f"Mills\r\n\r\n{text}\r\n".encode("utf-16"),
    "old.txt": lambda text: f"Mills\r\r{text}\r".encode(),
    "marked.md": lambda text: f"---\ntitle: Mills\n---\n\n# Mills\n\n| a | b |\n|---|---|\n\n> {text}\n".encode(),
    "page.html": lambda text: f"<nav>x</nav><main><h1>Mills</h1><p>{text}</p></main>".encode(),
    "print.pdf": lambda text: make_pdf(f"Mills\n{text}"),
    "word.docx": make_docx,
}
"""File name -> the bytes of an article called 'Mills' that holds the text. At least one for each extractor."""
