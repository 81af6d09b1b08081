"""Plain text: the decoded file is the canonical text; its first line may be its title."""

from __future__ import annotations

import re

from index.readers.dates import find_date
from index.readers.decoding import decode
from index.titles import title_from_name, title_from_text
from index.types import Document, Heading

WIKI_HEADING = re.compile(
    r"^[ \t]*(?P<marks>=(?:[ \t]?=){0,5})[ \t]+(?P<text>[^=\s](?:[^\r\n=]{0,198}[^=\s])?)[ \t]+(?P=marks)[ \t]*\r?$",
    re.MULTILINE,
)
"""'= Name =', '= = History = =': how dumps of Wikipedia mark headings."""


def read(name: str, data: bytes) -> Document:
    """Any encoding; raises UnreadableFileError where `data` is no text."""
    text, encoding = decode(data)
    headings = tuple(_wiki_headings(text))
    title = headings[0].text if headings and not text[: headings[0].start].strip() else title_from_text(text)
    return Document(
        text, title or title_from_name(name), find_date(text), encoding, headings, title_in_text=title is not None
    )


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
