"""Lets the engines write the next generation from what the database holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from index.durable import FileStamp, remove_tree, storage_errors, sync
from index.engines import registry
from index.engines.protocols import LexicalSource, VectorSource
from index.storage import records
from index.storage.generation_files import find_places
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
    """Writes the generation called `name`, uncommitted changes of the database included, and syncs it.

    :param previous: name of the sound generation before; None makes everything anew.
    :param added: ids (ascending) that the previous generation lacks.
    :param removed: ids (ascending) that only the previous generation has.
    """
    with storage_errors(folder):
        new = find_places(folder, name)
        before = find_places(folder, previous, records.load_stamps(database)) if previous is not None else None
        top = new.vectors.folder.parent
        remove_tree(top)
        for place in new:
            place.folder.mkdir(parents=True)
        vectors = registry.load_vector_engine().write(
            new.vectors, before and before.vectors, _vector_source(database, limits), added, removed
        )
        words = registry.load_lexical_engine().write(
            new.lexical, before and before.lexical, _lexical_source(database, limits), added, removed
        )
        for path in (new.vectors.folder, new.lexical.folder, top, top.parent, folder):
            sync(path)
    return [*vectors, *words]


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
