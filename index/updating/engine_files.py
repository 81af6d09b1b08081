"""Writes the engines' files of the next generation from what the database holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from index.durable import FileStamp, Previous, remove_tree, storage_errors, sync_folder
from index.engines.faiss_vectors import VectorSource, write_vectors
from index.engines.tantivy_words import LexicalSource, write_lexical
from index.storage import records
from index.storage.generation_files import FILES_NAME, LEXICAL, VECTORS, lexical_folder, vectors_folder
from index.updating.limits import Limits

if TYPE_CHECKING:
    from index.types import Ids, Vectors


def write_engine_files(
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
        for path in (folder / FILES_NAME, top, top / VECTORS, top / LEXICAL):
            path.mkdir(exist_ok=path.name == FILES_NAME)
        before = _previous(database, folder, previous)
        stamps = write_vectors(
            top / VECTORS, before.get(VECTORS), _vector_source(database, limits), added, removed, folder
        )
        stamps += write_lexical(
            top / LEXICAL, before.get(LEXICAL), _lexical_source(database, limits), added, removed, folder
        )
        for path in (top / VECTORS, top / LEXICAL, top, folder / FILES_NAME, folder):
            sync_folder(path)
    return stamps


def _previous(database: sqlite3.Connection, folder: Path, name: str | None) -> dict[str, Previous]:
    if name is None:
        return {}
    stamps = records.load_stamps(database)
    halves = {VECTORS: vectors_folder(folder, name), LEXICAL: lexical_folder(folder, name)}
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
