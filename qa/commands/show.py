"""`qa show`: the canonical text of an article, in which the offsets of citations count."""

from __future__ import annotations

from pathlib import Path

from index.errors import UnreadableFileError, UsageError
from qa.output.safe_text import safe_text
from qa.settings import Settings


def render_article(settings: Settings, path: str, span: str | None, *, on_terminal: bool) -> str:
    """The canonical text of the article at `path`; on a terminal, with hostile characters replaced.

    The file is read as it is now, by the same extractor as for the index.

    :param span: 'START:END', to return only these characters.
    :raises UsageError: if `path` is not an article or the range is invalid.
    :raises UnreadableFileError: if the file was left out of the articles.
    """
    from index.documents.source_files import load_file

    article = _find_article(settings.docs, path)
    try:
        text = load_file(settings.docs, article).document.text
    except UnreadableFileError as error:
        raise UnreadableFileError(
            f"{article} cannot be shown: {error}; `qa index --status` lists the skipped files."
        ) from error
    if span is not None:
        start, end = _parse_range(span, len(text))
        text = text[start:end]
    return safe_text(text) if on_terminal else text


def _find_article(docs: Path, path: str) -> str:
    """The path of an article as citations name it. `path` may also be relative to the current folder, as a shell
    completes it; nothing outside `docs` is found.
    """
    from index.documents.source_files import find_files

    files, skipped = find_files(docs)
    paths = [file.path for file in files]
    names = [path, *_relative(docs, path)]
    if found := next((name for name in names if name in paths), None):
        return found
    if reason := next((item.reason for item in skipped if item.path in names), None):
        raise UnreadableFileError(f"{path} is not an article: {reason}; name another file.")
    import difflib

    near = difflib.get_close_matches(path, paths, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "use the path that citations show, relative to that folder."
    raise UsageError(f"there is no article '{path}' in {docs}; {hint}")


def _relative(docs: Path, path: str) -> list[str]:
    try:
        return [Path(path).expanduser().resolve().relative_to(docs.resolve()).as_posix()]
    except (ValueError, RuntimeError, OSError):  # outside the folder, or not a path at all
        return []


def _parse_range(span: str, length: int) -> tuple[int, int]:
    first, separator, last = span.partition(":")
    if not (separator and first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= length):
        raise UsageError(f"the range {span!r} is not valid; write START:END within 0:{length}.")
    return int(first), int(last)
