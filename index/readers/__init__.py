"""One reader per format: bytes of a file to canonical text with its title, date and headings.

A reader is a module with `read(name, data) -> Document`; it is imported when the first file of its format is
read.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePosixPath
from typing import Protocol, cast

from index.types import Document

READERS = {
    "": "plain",
    ".txt": "plain",
    ".text": "plain",
    ".md": "markdown",
    ".markdown": "markdown",
}
"""Extension in lower case -> module of this package."""


class ReaderModule(Protocol):
    """What each module named in READERS has."""

    def read(self, name: str, data: bytes) -> Document:
        """Makes a Document of `data`; `name` is the file's relative path. Raises UnreadableFileError."""


def is_readable_name(path: str) -> bool:
    """Whether there is a reader for the extension; a name without one may be text and is looked into."""
    return PurePosixPath(path).suffix.lower() in READERS


def read_document(path: str, data: bytes) -> Document:
    """Hands `data` to the reader for the extension of `path`. Raises UnreadableFileError."""
    module = READERS[PurePosixPath(path).suffix.lower()]
    return cast(ReaderModule, import_module(f"index.readers.{module}")).read(path, data)
