"""Markdown: the canonical text is the decoded file, marks included. A CommonMark parser finds the headings."""

from __future__ import annotations

import re
from itertools import pairwise

from index.documents.formats.dates import find_date
from index.documents.formats.decoding import decode
from index.text.front_matter import find_front_matter, read_fields
from index.text.titles import clean_title, title_from_name, title_from_text
from index.types import Document, Heading

LINE = re.compile(r"\r\n|[\r\n]")
MAX_HEADING = 300
"""Characters of a heading that are kept as context."""


def extract(name: str, data: bytes) -> Document:
    """Makes a Document of a Markdown file in any encoding.

    :param name: the path of the file, relative to the documents folder.
    :raises UnreadableFileError: if the bytes are not text.
    """
    text, encoding = decode(data)
    body = find_front_matter(text)
    headings = tuple(_headings(text, body))
    fields = read_fields(text) if body else {}
    title = clean_title(fields.get("title", "")) or _first_heading(headings) or title_from_text(text[body:])
    date = find_date(f"date: {fields.get('date', '')}") or find_date(text)
    return Document(text, title or title_from_name(name), date, encoding, headings, title_in_text=bool(title))


def _first_heading(headings: tuple[Heading, ...]) -> str | None:
    """The first heading of the highest level. A file may begin with the name of its site in a lower one."""
    if not headings:
        return None
    highest = min(heading.level for heading in headings)
    return clean_title(next(heading.text for heading in headings if heading.level == highest))


def _headings(text: str, body: int) -> list[Heading]:
    """ATX and setext headings after `body`, but none inside a code fence."""
    if not re.search(r"^[ >\t]*#|^[ >\t]*(?:=+|-+)[ \t]*$", text, re.MULTILINE):
        return []
    # Takes 20 ms to import and a second to parse 1 MB, so it is used only if a line looks like a heading.
    from markdown_it import MarkdownIt

    starts = [body, *(match.end() for match in LINE.finditer(text, body))]
    tokens = (
        MarkdownIt("commonmark", {"html": True}).disable(["link", "image", "emphasis", "autolink"]).parse(text[body:])
    )
    headings = []
    for opening, words in pairwise(tokens):
        if opening.type == "heading_open" and opening.map and words.content.strip():
            start, end = _extent(text, starts, *opening.map)
            headings.append(Heading(start, end, int(opening.tag[1:]), _plain_words(words.content)))
    return headings


def _extent(text: str, starts: list[int], first: int, after: int) -> tuple[int, int]:
    """The range of the lines [first, after), without the last line end."""
    start = starts[first]
    end = starts[after] if after < len(starts) else len(text)
    return start, start + len(text[start:end].rstrip())


def _plain_words(content: str) -> str:
    """The words of a heading without the marks of emphasis, links and code."""
    content = re.sub(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)", r"\1", content)
    return " ".join(re.sub(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}", "", content).split())[:MAX_HEADING]
