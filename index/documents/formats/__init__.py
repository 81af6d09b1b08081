"""One extractor per format: bytes of a file to canonical text with its title, date and headings.

An extractor is a module with `extract(name, data) -> Document`; it is imported when the first file of its format is
read.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from index.types import Document

EXTRACTORS = {
    "": "plain",
    ".txt": "plain",
    ".text": "plain",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
}
"""Extension in lower case -> module of this package."""

ISOLATED = frozenset({"html", "pdf", "docx"})
"""Modules whose formats are read in a child process: their parsers are large, and files can be made to break them."""


class Extractor(Protocol):
    """What each module named in EXTRACTORS has."""

    def extract(self, name: str, data: bytes) -> Document:
        """Makes a Document of `data`; `name` is the file's relative path. Raises UnreadableFileError."""


def extension_of(path: str) -> str:
    """'.txt' of 'a/b.TXT'; empty where what follows the last dot is none (Dr. Smith, v1.2/notes)."""
    name = path[path.rfind("/") + 1 :]  # a PurePosixPath would take half of the time of finding 10,000 files
    dot = name.rfind(".")
    extension = name[dot + 1 :]
    return f".{extension.lower()}" if dot > 0 and len(extension) < 12 and extension.isalnum() else ""


def is_readable_name(path: str) -> bool:
    """Whether there is a extractor for the extension; a name without one may be text and is looked into."""
    return extension_of(path) in EXTRACTORS


def extract_document(path: str, data: bytes) -> Document:
    """Hands `data` to the extractor for the extension of `path`. Raises UnreadableFileError."""
    module = EXTRACTORS[extension_of(path)]
    if module in ISOLATED:
        # Imported here: text alone needs no child process.
        from index.documents.formats.sandbox import extract_in_sandbox

        return extract_in_sandbox(module, path, data)
    return cast(Extractor, import_module(f"index.documents.formats.{module}")).extract(path, data)
