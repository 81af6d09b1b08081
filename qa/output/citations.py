"""A quote with its citation as Markdown: for `qa ask --markdown`, for exports, and for what the app copies."""

from __future__ import annotations

from typing import Protocol

from qa.output.safe_text import safe_line, safe_text
from qa.output.words import render_range


class Source(Protocol):
    """Where a quote stands: a citation, or a place in the app."""

    @property
    def title(self) -> str:
        """Of the article."""

    @property
    def date(self) -> str | None:
        """Of the article; None if it states none."""

    @property
    def label(self) -> str:
        """'path:line', with the page if there is one."""

    @property
    def start(self) -> int:
        """Offset of the first character of the quote."""

    @property
    def end(self) -> int:
        """Offset behind its last character."""

    @property
    def number(self) -> int | None:
        """Of the citation; None for a passage that is not cited."""


def render_markdown_quote(quote: str, source: Source) -> list[str]:
    """The lines of a block quotation, the last of which is the citation."""
    mark = f"[{source.number}] " if source.number is not None else ""
    date = f", {safe_line(source.date)}" if source.date else ""
    place = f"`{safe_line(source.label)}`, {render_range(source.start, source.end)}"
    quoted = [f"> {line}" for line in safe_text(quote).splitlines()]
    return [*quoted, ">", f"> — {mark}*{safe_line(source.title)}*{date}, {place}"]
