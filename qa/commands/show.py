"""`qa show`: an article's canonical text, the text that the offsets of citations count in."""

from __future__ import annotations

from pathlib import Path

from index.errors import UnreadableFileError, UsageError
from qa.output.safe_text import safe_text
from qa.settings import Settings


def render_article(settings: Settings, path: str, span: str | None, *, on_terminal: bool) -> str:
    """The canonical text of the article at `path`, or `span` ('START:END') of it; to a terminal only what is safe.

    Reads the file as it is now, by the reader that the index uses. Raises UsageError for a path that is no article and
    for a range that has no meaning, UnreadableFileError for a file that was left out of the articles.
    """
    from index.documents.source_files import load_file

    article = _find_article(settings.docs, path)
    try:
        text = load_file(settings.docs, article).document.text
    except UnreadableFileError as error:
        raise UnreadableFileError(
            f"{article} cannot be shown: {error}; `qa index --status` tells its state."
        ) from error
    if span is not None:
        start, end = _parse_range(span, len(text))
        text = text[start:end]
    return safe_text(text) if on_terminal else text


def _find_article(docs: Path, path: str) -> str:
    """`path` as citations name it; also what the shell completes, from where one is. Nothing outside `docs`."""
    from index.documents.source_files import find_files

    files, skipped = find_files(docs)
    paths = [file.path for file in files]
    names = [path, *_relative(docs, path)]
    if found := next((name for name in names if name in paths), None):
        return found
    if reason := next((item.reason for item in skipped if item.path in names), None):
        raise UnreadableFileError(f"{path} is not among the articles: {reason}; name another.")
    import difflib

    near = difflib.get_close_matches(path, paths, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "name one as citations do, by its path inside that folder."
    raise UsageError(f"there is no article '{path}' in {docs}; {hint}")


def _relative(docs: Path, path: str) -> list[str]:
    try:
        return [Path(path).expanduser().resolve().relative_to(docs.resolve()).as_posix()]
    except (ValueError, RuntimeError, OSError):  # elsewhere, or no path at all
        return []


def _parse_range(span: str, length: int) -> tuple[int, int]:
    first, separator, last = span.partition(":")
    if not (separator and first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= length):
        raise UsageError(f"the range {span!r} has no meaning; give START:END within 0:{length}.")
    return int(first), int(last)
