"""`qa show`: an article's canonical text, the text that the offsets of citations count in."""

from __future__ import annotations

from index.errors import UsageError
from qa.safe_text import safe_text
from qa.settings import Settings


def render_article(settings: Settings, path: str, span: str | None, *, on_terminal: bool) -> str:
    """The canonical text of the article at `path`, or `span` ('START:END') of it; to a terminal only what is safe.

    Reads the file as it is now, by the reader that the index uses. Raises UsageError for a range that has no meaning.
    """
    from index.documents import load_file

    text = load_file(settings.docs, path).document.text
    if span is not None:
        start, end = _parse_range(span, len(text))
        text = text[start:end]
    return safe_text(text) if on_terminal else text


def _parse_range(span: str, length: int) -> tuple[int, int]:
    first, separator, last = span.partition(":")
    if not (separator and first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= length):
        raise UsageError(f"the range {span!r} has no meaning; give START:END within 0:{length}.")
    return int(first), int(last)
