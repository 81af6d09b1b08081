"""Notices when the documents folder may have changed. Events can be lost or doubled, so `freshness` finds out what has
changed, if anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from index.documents.source_files import TEMPORARY_NAME, check_folder

if TYPE_CHECKING:
    from threading import Event

_QUIET_MILLISECONDS = 200
"""A change is over when the folder has been quiet for so long: an editor's save is several events."""
_LONGEST_MILLISECONDS = 1000
"""A folder that is never quiet is looked at after so long."""
_FIRST_LOOK_MILLISECONDS = 1000


def watch_folder(docs: Path, stop: Event | None = None) -> Iterator[None]:
    """Yields once soon after watching has begun, for what changed before, and then after every change. Events that come
    while the caller is busy are yielded together. Hidden and temporary names are ignored.

    :param stop: ends the iteration within a second once it is set.
    :raises DocumentsError: if the folder cannot be listed, now or later.
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
