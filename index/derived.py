"""Owns the files of a generation that are made from the database: where they stand, whether they are sound, which of
them nobody needs any more. What is in them is a matter of `vectors` and `lexical`.

A generation's files are complete and synced before the transaction that names them begins to be committed, and they
never change afterwards, so a reader has either all of them or none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from index import records
from index.durable import FileStamp, Previous, holds, remove_tree, storage_errors, sync_folder
from index.lexical import LexicalSource, write_lexical
from index.limits import Limits
from index.vectors import VectorSource, write_vectors

if TYPE_CHECKING:
    from index.types import Ids, Vectors

FILES_NAME = "generations"
_VECTORS = "vectors"
_LEXICAL = "lexical"
_ALWAYS_READ = 16 << 20
"""Bytes of all files together up to which their sums are looked at every time (10 ms); beyond, sizes and times are,
and the bytes where one of these differs or a check is asked for."""


def vectors_folder(folder: Path, name: str) -> Path:
    """Of the generation whose files are called `name`."""
    return folder / FILES_NAME / name / _VECTORS


def lexical_folder(folder: Path, name: str) -> Path:
    """Of the generation whose files are called `name`."""
    return folder / FILES_NAME / name / _LEXICAL


def are_sound(folder: Path, stamps: Mapping[str, FileStamp], *, thorough: bool = False) -> bool:
    """True where every file is what was written. Raises OSError where one cannot be read."""
    if not stamps:
        return False
    thorough = thorough or sum(stamp.size for stamp in stamps.values()) <= _ALWAYS_READ
    return all(holds(stamp, folder, thorough=thorough) for stamp in stamps.values())


def find_moved(folder: Path, stamps: Mapping[str, FileStamp]) -> list[FileStamp]:
    """New stamps where sound files have other times than when they were written: a copied folder, whose large files
    would otherwise be read at every opening. Empty where all times are the same."""
    now = [replace(stamp, mtime_ns=(folder / stamp.path).stat().st_mtime_ns) for stamp in stamps.values()]
    return now if now != list(stamps.values()) else []


def write_derived(
    database: sqlite3.Connection,
    folder: Path,
    name: str,
    previous: str | None,
    added: Ids,
    removed: Ids,
    limits: Limits,
) -> list[FileStamp]:
    """Writes the files called `name` from what the database holds, uncommitted changes included, and syncs them.

    :param previous: name of the sound files they follow; None makes everything anew.
    :param added: ids (ascending) that the previous files do not have.
    :param removed: ids (ascending) that they have and the new ones have not.
    """
    with storage_errors(folder):
        top = folder / FILES_NAME / name
        remove_tree(top)
        for path in (folder / FILES_NAME, top, top / _VECTORS, top / _LEXICAL):
            path.mkdir(exist_ok=path.name == FILES_NAME)
        before = _previous(database, folder, previous)
        stamps = write_vectors(
            top / _VECTORS, before.get(_VECTORS), _vector_source(database, limits), added, removed, folder
        )
        stamps += write_lexical(
            top / _LEXICAL, before.get(_LEXICAL), _lexical_source(database, limits), added, removed, folder
        )
        for path in (top / _VECTORS, top / _LEXICAL, top, folder / FILES_NAME, folder):
            sync_folder(path)
    return stamps


def remove_others(folder: Path, name: str | None) -> None:
    """Removes the files of every generation but the one called `name`, and of builds that were killed. Readers that
    have opened them keep them; a reader about to open them finds them gone and takes the newer generation."""
    for path in _list(folder / FILES_NAME):
        if path.name != name:
            remove_tree(path)


def _list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _previous(database: sqlite3.Connection, folder: Path, name: str | None) -> dict[str, Previous]:
    if name is None:
        return {}
    stamps = records.load_stamps(database)
    halves = {_VECTORS: vectors_folder(folder, name), _LEXICAL: lexical_folder(folder, name)}
    return {
        half: Previous(
            path, {Path(stamp.path).name: stamp for stamp in stamps.values() if (folder / stamp.path).parent == path}
        )
        for half, path in halves.items()
    }


def _vector_source(database: sqlite3.Connection, limits: Limits) -> VectorSource:
    def load_some(ids: Ids) -> tuple[Ids, Vectors]:
        found, vectors = records.load_vectors(database, ids.tolist())
        return found, vectors.reshape(len(found), dimension)

    dimension = int(records.load_state(database)["dimension"])
    count = _count(database)
    return VectorSource(dimension, count, lambda: records.stream_vectors(database), load_some, limits.room, limits.jobs)


def _lexical_source(database: sqlite3.Connection, limits: Limits) -> LexicalSource:
    return LexicalSource(
        _count(database),
        lambda: records.stream_texts(database),
        lambda ids: records.load_texts(database, ids.tolist()),
        limits.writer_heap,
    )


def _count(database: sqlite3.Connection) -> int:
    return int(records.load_state(database)["paragraphs"])
