"""Tells when the documents folder may have changed. What has changed, and whether anything has, is found by
`freshness`: events can be lost or doubled, so none of them is believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from index.documents.source_files import TEMPORARY_NAME, check_folder

if TYPE_CHECKING:
    from threading import Event

_QUIET_MILLISECONDS = 200
"""A folder has changed when it has been quiet for so long: an editor's save is several events."""
_LONGEST_MILLISECONDS = 1000
"""A folder that is never quiet is looked at all the same."""
_FIRST_LOOK_MILLISECONDS = 1000


def watch_folder(docs: Path, stop: Event | None = None) -> Iterator[None]:
    """Yields once soon after watching has begun, for what changed before that, and then after every change; events
    while the caller is busy are kept and yielded together. Hidden and temporary names are passed over.

    :param stop: ends the iteration when it is set, within a second.
    :raises DocumentsError: where the folder cannot be listed, now or after it was removed.
    """
    from watchfiles import watch  # 20 ms, and anyio with it

    root = check_folder(docs)
    events = watch(
        root,
        watch_filter=lambda _, path: _matters(root, Path(path)),
        step=_QUIET_MILLISECONDS,
        debounce=_LONGEST_MILLISECONDS,
        stop_event=stop,
        rust_timeout=_FIRST_LOOK_MILLISECONDS,
        yield_on_timeout=True,
        raise_interrupt=True,
    )
    first = True
    for changes in events:
        if stop is not None and stop.is_set():
            return
        check_folder(docs)
        if changes or first:
            first = False
            yield


def _matters(root: Path, path: Path) -> bool:
    """False for names that `find_files` never reads."""
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return not any(part.startswith(".") or TEMPORARY_NAME.fullmatch(part) for part in parts)
