"""Finds the index of a documents folder that was renamed: it stands beside it under the old name, and is taken over
rather than every paragraph embedded again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from index.documents.source_files import find_files
from index.durable import sync_folder
from index.errors import IndexFolderError
from index.storage.folder import BESIDE, locate_index_folder
from index.storage.locks import hold_writer_lock
from index.storage.schema import DATABASE_NAME, open_for_reading
from index.updating.freshness import load_known, stat_of

_LEAST_SHARE = 0.5
"""Of the articles of an index that must stand in the folder, untouched, for it to be the folder they were in."""


def adopt_index(docs: Path) -> Path | None:
    """Renames the index that was made while `docs` had another name; returns where it stood.

    None where there is nothing to take over: `docs` has an index, or no index beside it belongs to a folder that is
    gone and whose files are, to the inode, those of `docs`. Raises DocumentsError where `docs` cannot be listed.
    """
    folder = locate_index_folder(docs)
    if folder.parent.name != BESIDE or folder.exists() or not folder.parent.is_dir():
        return None
    left = [path for path in sorted(folder.parent.iterdir()) if _is_left(path, docs)]
    if not left:
        return None
    files = {file.path: stat_of(file) for file in find_files(docs)[0]}
    shares = {path: _share_found(path, files) for path in left}
    best = max(left, key=lambda path: shares[path])
    return best if shares[best] >= _LEAST_SHARE and _rename(best, folder) else None


def _is_left(path: Path, docs: Path) -> bool:
    """True for the index of a folder that is no longer there."""
    return (path / DATABASE_NAME).is_file() and not path.is_symlink() and not (docs.parent / path.name).exists()


def _share_found(folder: Path, files: Mapping[str, tuple[int, int, int]]) -> float:
    """0..1: of the articles of the index `folder`, those that are among `files`; 0 where it cannot be read."""
    try:
        database = open_for_reading(folder)
        if database is None:
            return 0.0
        with closing(database):
            known = load_known(database)
    except IndexFolderError:
        return 0.0
    return sum(files.get(path) == before.stat for path, before in known.items()) / max(1, len(known))


def _rename(old: Path, new: Path) -> bool:
    """False where a writer is at work in it, or another process was faster, or it may not be written."""
    try:
        with hold_writer_lock(old, wait=False):
            old.rename(new)
            sync_folder(new.parent)
    except (OSError, IndexFolderError):
        return False
    return True
