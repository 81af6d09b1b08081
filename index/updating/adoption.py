"""Finds the index of a documents folder that was renamed. It stands beside the folder under the old name, and taking it
over saves embedding every paragraph again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from index.documents.source_files import find_files
from index.durable import sync
from index.errors import IndexFolderError
from index.storage.folder import BESIDE, locate_index_folder
from index.storage.locks import hold_writer_lock
from index.storage.schema import DATABASE_NAME, open_for_reading
from index.updating.freshness import load_known, stat_of

_LEAST_SHARE = 0.5
"""Share of an index's articles that must stand in a folder, untouched, for it to be the folder they were in."""


def adopt_index(docs: Path) -> Path | None:
    """Renames the index that was made while `docs` had another name.

    An index is taken over if its folder is gone and its files are, to the inode, those of `docs`.

    :return: where the index stood; None if there is nothing to take over, or `docs` has an index.
    :raises DocumentsError: if `docs` cannot be listed.
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
    """True for the index of a folder that no longer exists."""
    return (path / DATABASE_NAME).is_file() and not path.is_symlink() and not (docs.parent / path.name).exists()


def _share_found(folder: Path, files: Mapping[str, tuple[int, int, int]]) -> float:
    """0..1: share of the articles of the index `folder` that are among `files`; 0 if it cannot be read."""
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
    """False if a writer is at work in it, another process was faster, or it may not be written."""
    try:
        with hold_writer_lock(old, wait=False):
            old.rename(new)
            sync(new.parent)
    except (OSError, IndexFolderError):
        return False
    return True
