"""Owns where the index of a documents folder stands, and that it is never mixed with other files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from index.durable import storage_errors, sync
from index.errors import IndexDamagedError
from index.storage.schema import DATABASE_NAME

BESIDE = ".qa"
"""Folder beside the documents folders that holds their indexes."""
_IGNORE_NAME = ".gitignore"
_OWN_NAMES = frozenset({_IGNORE_NAME, "lock", "generations"})
_OWN_DATABASES = (DATABASE_NAME, "staged.db", "damaged.db")
_SIDE_FILES = ("", "-wal", "-shm", "-journal")


def locate_index_folder(docs: Path) -> Path:
    """`.qa/NAME` beside the documents folder NAME. If that cannot be written, a folder in the user's cache, named
    after the documents' absolute path. Nothing is created."""
    docs = docs.absolute()
    beside = docs.parent / BESIDE / (docs.name or "root")
    nearest = next(path for path in (beside, *beside.parents) if path.exists())
    if os.access(nearest, os.W_OK | os.X_OK) or (beside / DATABASE_NAME).exists():
        return beside
    from index.cache_folder import find_cache_folder

    key = hashlib.blake2b(os.fsencode(docs), digest_size=8).hexdigest()
    return find_cache_folder() / "folders" / f"{docs.name or 'root'}-{key}"


def prepare_folder(folder: Path) -> None:
    """Creates the index folder if there is none, and hides it from git.

    :raises IndexDamagedError: if it holds something else.
    :raises StorageError: if it cannot be created.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder)
        for path in (folder, folder.parent) if folder.parent.name == BESIDE else (folder,):
            if not (path / _IGNORE_NAME).exists():
                (path / _IGNORE_NAME).write_text("*\n", "utf-8")
                sync(path)


def _refuse_foreign(folder: Path) -> None:
    """A folder that holds unknown files and no index does not become one."""
    names = {path.name for path in folder.iterdir()}
    if DATABASE_NAME in names:
        return
    databases = {name + suffix for name in _OWN_DATABASES for suffix in _SIDE_FILES}
    foreign = sorted(names - _OWN_NAMES - databases)
    if foreign:
        raise IndexDamagedError(
            f"{folder}: holds {foreign[0]}, which is not part of an index; move it away and run `qa index` again."
        )
