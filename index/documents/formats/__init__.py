"""One extractor per format: turns the bytes of a file into canonical text with title, date and headings.

An extractor is a module with `extract(name, data) -> Document`. It is imported when the first file of its format is
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
"""Extension in lower case -> module in this package."""

ISOLATED = frozenset({"html", "pdf", "docx"})
"""Modules that run in a child process, because their parsers are large and a file can be made to break them."""


class Extractor(Protocol):
    """What each module named in EXTRACTORS offers."""

    def extract(self, name: str, data: bytes) -> Document:
        """Makes a Document of the bytes of a file.

        :param name: the path of the file, relative to the documents folder.
        :raises UnreadableFileError: if they are not of this format. The message is a clause without a full stop.
        """


def extension_of(path: str) -> str:
    """'.txt' for 'a/b.TXT'. Empty if what follows the last dot is not an extension ('Dr. Smith', 'v1.2/notes')."""
    name = path[path.rfind("/") + 1 :]  # PurePosixPath would take half of the time it takes to find 10,000 files
    dot = name.rfind(".")
    extension = name[dot + 1 :]
    return f".{extension.lower()}" if dot > 0 and len(extension) < 12 and extension.isalnum() else ""


def is_readable_name(path: str) -> bool:
    """True if the extension has an extractor. A file without an extension is read too, because it may be text."""
    return extension_of(path) in EXTRACTORS


def extract_document(path: str, data: bytes) -> Document:
    """Hands the bytes of a file to the extractor for its extension.

    :param path: relative to the documents folder; its extension is in EXTRACTORS.
    :raises UnreadableFileError: if the extractor cannot read them.
    """
    module = EXTRACTORS[extension_of(path)]
    if module in ISOLATED:
        # Imported here, because plain text needs no child process.
        from index.documents.formats.sandbox import extract_in_sandbox

        return extract_in_sandbox(module, path, data)
    return cast(Extractor, import_module(f"index.documents.formats.{module}")).extract(path, data)
