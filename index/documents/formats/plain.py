"""Plain text: the canonical text is the decoded file. Its first line may be its title."""

from __future__ import annotations

import re

from index.documents.formats.dates import find_date
from index.documents.formats.decoding import decode
from index.text.boilerplate import is_label
from index.text.titles import title_from_name, title_from_text
from index.types import Document, Heading

WIKI_HEADING = re.compile(
    r"^[ \t]*(?P<marks>=(?:[ \t]?=){0,5})[ \t]+(?P<text>[^=\s](?:[^\r\n=]{0,198}[^=\s])?)[ \t]+(?P=marks)[ \t]*\r?$",
    re.MULTILINE,
)
"""'= Name =', '= = History = =': headings in dumps of Wikipedia."""

FIRST_LINES = re.compile(r"[^\S\r\n]*\S[^\r\n]{0,999}")
TITLE_WITHIN = 2_000
"""Characters at the beginning that are searched for a title."""


def extract(name: str, data: bytes) -> Document:
    """Makes a Document of a text file in any encoding.

    :param name: the path of the file, relative to the documents folder.
    :raises UnreadableFileError: if the bytes are not text.
    """
    text, encoding = decode(data)
    headings = tuple(_wiki_headings(text))
    title = headings[0].text if headings and not text[: headings[0].start].strip() else _title(text)
    return Document(
        text, title or title_from_name(name), find_date(text), encoding, headings, title_in_text=title is not None
    )


def _title(text: str) -> str | None:
    """The first line that looks like a title, if only labels ('Advertisement') stand before it."""
    position = 0
    for line in FIRST_LINES.finditer(text):
        if not is_label(line.group()):
            return title_from_text(text[position : position + TITLE_WITHIN])
        position = line.end()
        if position > TITLE_WITHIN:
            break
    return None


def _wiki_headings(text: str) -> list[Heading]:
    if "=" not in text:
        return []
    return [
        Heading(
            match.start("marks"),
            match.end("text") + len(match["marks"]) + 1,
            match["marks"].count("="),
            match["text"],
        )
        for match in WIKI_HEADING.finditer(text)
    ]
