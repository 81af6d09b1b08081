"""Owns how text that was extracted piece by piece becomes one canonical text with headings and pages."""

from __future__ import annotations

from index.documents.formats.dates import find_date
from index.text.titles import clean_title, title_from_name, title_from_text
from index.types import Document, Heading


class Assembly:
    """Collects blocks in order. Blank lines separate them; the items of a list stand on lines of their own."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._pages: list[int] = []

    def add(self, text: str, *, level: int | None = None, joined: bool = False) -> None:
        """Appends a block.

        :param level: makes the block a heading of this level; 1 is the highest.
        :param joined: puts the block on the next line, without a blank line before it.
        """
        if not text:
            return
        if self._parts:
            self._append("\n" if joined else "\n\n")
        start = self._length
        self._append(text)
        if level is not None:
            self._headings.append(Heading(start, self._length, level, " ".join(text.split())))

    def begin_page(self) -> None:
        """Begins a new page: what is added next stands on it."""
        self._pages.append(self._length + (2 if self._parts else 0))

    def document(self, name: str, title: str | None, date: str | None) -> Document:
        """All that was added, as a Document.

        :param title: as the format states it; if None, it is taken from the text, or else from the file's name.
        :param date: as the format states it; if None, it is taken from the text.
        """
        text = "".join(self._parts)
        known = clean_title(title or "") or title_from_text(text)
        return Document(
            text=text,
            title=known or title_from_name(name),
            date=find_date(f"date: {date or ''}") or find_date(text),
            headings=tuple(self._headings),
            pages=tuple(min(page, len(text)) for page in self._pages),
            title_in_text=bool(known),
        )

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
