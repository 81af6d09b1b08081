"""Owns a snapshot: what a searching process has open, one whole generation that no writer can change.

A read transaction of SQLite in WAL mode shows the generation it began with, whatever a writer commits later, and nobody
waits. The engines' files of that generation stay readable after a writer has removed their names.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from index.durable import storage_errors
from index.engines import registry
from index.engines.bm25 import CorpusFigures
from index.errors import IndexDamagedError, IndexFolderError
from index.storage import records
from index.storage.generation_files import are_sound, find_places
from index.storage.schema import DATABASE_NAME, open_for_reading, pack_text, unpack_text
from index.types import Article, Document, Skipped, StoredParagraph

if TYPE_CHECKING:
    from index.engines.protocols import LexicalSearcher, VectorSearcher
    from index.types import Ids, Vectors

FileIdentity = tuple[int, int] | None
"""Device and inode of a database; None if there is none."""
_ATTEMPTS = 20
"""How often files may vanish while a snapshot is being opened, each time because a writer has published another
generation."""


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """What a generation is and how it was made."""

    generation: int
    articles: int
    paragraphs: int
    """Searchable."""
    model: str
    """The encoder as the user named it."""
    fingerprint: str
    """Of the encoder. Vectors of another fingerprint belong to another space."""
    dimension: int


class Snapshot:
    """One generation. All methods may be called from any thread, one at a time."""

    def __init__(
        self,
        database: sqlite3.Connection,
        file: FileIdentity,
        folder: Path,
        info: SnapshotInfo,
        figures: CorpusFigures,
        vectors: VectorSearcher,
        lexical: LexicalSearcher,
    ) -> None:
        """
        :param database: in a read transaction.
        :param file: of the database, from before it was opened.
        :raises ValueError: if the engines and the database do not hold the same number of paragraphs.
        """
        self.database = database
        self._file = file
        self.folder = folder
        self.info = info
        self.figures = figures
        self.vectors = vectors
        self.lexical = lexical
        if not vectors.count() == lexical.count() == info.paragraphs:
            raise ValueError(f"{folder}: the files of generation {info.generation} hold another number of paragraphs")

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The files that the generation left out, by path."""
        rows = self.database.execute("SELECT path, reason FROM skipped ORDER BY path")
        return tuple(Skipped(unpack_text(path), unpack_text(reason)) for path, reason in rows)

    def load_paragraphs(self, ids: Sequence[int]) -> list[StoredParagraph]:
        """The paragraphs of these ids, in their order.

        :raises IndexDamagedError: if one is not what was stored.
        """
        with storage_errors(self.folder):
            return records.load_paragraphs(self.database, ids)

    def load_neighbours(self, paragraph_id: int, before: int = 1, after: int = 1) -> list[StoredParagraph]:
        """The paragraph and its neighbours in the article, in order; boilerplate is included and marked."""
        with storage_errors(self.folder):
            return records.load_neighbours(self.database, paragraph_id, before, after)

    def load_vectors(self, ids: Sequence[int]) -> tuple[Ids, Vectors]:
        """Ids (n,) ascending of those that are embedded, and their vectors (n, d) float32 as they are stored."""
        with storage_errors(self.folder):
            return records.load_vectors(self.database, ids)

    def load_article(self, path: str) -> tuple[Article, Document] | None:
        """The article of that path with its canonical text and marks; None if the generation has none."""
        with storage_errors(self.folder):
            article = records.find_article(self.database, path)
            return None if article is None else (article, records.load_document(self.database, article.article_id))

    def list_articles(self) -> Iterator[Article]:
        """All articles by path."""
        return records.list_articles(self.database)

    def find_article_ids(self, paths: Collection[str]) -> list[int]:
        """Ids of the articles of these paths, ascending; unknown paths are ignored."""
        packed = [pack_text(path) for path in paths]
        return sorted(
            row[0] for row in records.select_in(self.database, "SELECT id FROM articles WHERE path IN", packed)
        )

    def find_paragraph_ids(self, article_ids: Sequence[int]) -> Ids:
        """Ids of the searchable paragraphs of these articles, ascending."""
        import numpy as np

        query = "SELECT id FROM paragraphs WHERE boilerplate = 0 AND article IN"
        rows = records.select_in(self.database, query, article_ids)
        return np.sort(np.fromiter((row[0] for row in rows), dtype=np.int64))

    def is_current(self) -> bool:
        """False if a writer has published a newer generation, or the index was made anew from nothing, perhaps up to
        the same number."""
        return _identify(self.folder) == self._file and load_generation(self.folder) == self.info.generation

    def close(self) -> None:
        """Releases the database and the engines' files."""
        self.database.close()
        self.vectors.close()
        self.lexical.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _identify(folder: Path) -> FileIdentity:
    """Of the database. An open file keeps its inode to itself, even after it was deleted."""
    try:
        status = (folder / DATABASE_NAME).stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def has_index(folder: Path) -> bool:
    """True if `folder` holds a database. Whether it is sound shows when it is opened."""
    return (folder / DATABASE_NAME).exists()


def load_generation(folder: Path) -> int:
    """Number of the newest generation; 0 if there is none yet.

    :raises IndexDamagedError: if the database is damaged.
    :raises StorageError: if the system refuses to read.
    """
    database = open_for_reading(folder)
    if database is None:
        return 0
    with closing(database), storage_errors(folder):
        return int(records.load_state(database)["generation"])


def load_model(folder: Path) -> str | None:
    """Name of the encoder that the index was made with; None if there is no generation yet, or none that can be read
    (opening it reports why)."""
    try:
        database = open_for_reading(folder)
        if database is None:
            return None
        with closing(database), storage_errors(folder):
            name = records.load_state(database).get("model")
    except IndexFolderError:
        return None
    return None if name is None else str(name)


def open_snapshot(folder: Path) -> Snapshot | None:
    """The newest generation of the index `folder`; None if there is none yet. Never waits for a writer.

    :raises IndexDamagedError: if database or files are not what was written; `refresh` makes the files again.
    :raises StorageError: if the system refuses to read.
    """
    reason = ""
    generation = -1
    for _ in range(_ATTEMPTS):
        file = _identify(folder)  # before it is opened: one that takes its place meanwhile is then seen as another
        database = open_for_reading(folder)
        if database is None:
            return None
        snapshot, tried, reason = _try_to_open(database, file, folder)
        if not reason:
            return snapshot
        # Gone or changed because a newer generation has replaced it, or for no good reason.
        if generation == tried == load_generation(folder):
            break
        generation = tried
    raise IndexDamagedError(f"{folder}: files of the index are damaged or missing ({reason}); run `qa index`.")


def _try_to_open(database: sqlite3.Connection, file: FileIdentity, folder: Path) -> tuple[Snapshot | None, int, str]:
    """The snapshot, the number of its generation, and which of its files is missing or damaged; empty if none is."""
    generation = 0
    try:
        with storage_errors(folder):
            # A deferred transaction sees the database as it is at its first read, until it ends.
            database.execute("BEGIN")
            state = records.load_state(database)
            generation = int(state["generation"])
            try:
                snapshot = _open_generation(database, file, folder, state) if generation else None
            except (FileNotFoundError, ValueError, RuntimeError) as error:
                database.close()
                return None, generation, str(error) or type(error).__name__
    except BaseException:
        database.close()
        raise
    if snapshot is None:
        database.close()
    return snapshot, generation, ""


def _open_generation(database: sqlite3.Connection, file: FileIdentity, folder: Path, state: dict[str, Any]) -> Snapshot:
    if (forms := state.get("engines")) != registry.name_forms():
        raise ValueError(f"written by {forms} and not by {registry.name_forms()}")
    stamps = records.load_stamps(database)
    if not are_sound(folder, stamps):
        raise ValueError("a file is not what was written")
    info = SnapshotInfo(
        generation=int(state["generation"]),
        articles=int(state["articles"]),
        paragraphs=int(state["paragraphs"]),
        model=str(state["model"]),
        fingerprint=str(state["fingerprint"]),
        dimension=int(state["dimension"]),
    )
    places = find_places(folder, str(state["files"]), stamps)
    vectors = registry.load_vector_engine().open(places.vectors)
    lexical = registry.load_lexical_engine().open(places.lexical)
    return Snapshot(database, file, folder, info, CorpusFigures(info.paragraphs, int(state["terms"])), vectors, lexical)
