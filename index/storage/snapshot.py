"""Owns the reader's side of an index: one whole generation, opened once, that no writer can change.

A read transaction of SQLite in WAL mode is a snapshot: whatever a writer commits later, it goes on showing the
generation it began with, and nobody waits. The files of that generation stay readable after the writer has removed
their names.
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
from index.engines.faiss_vectors import VectorIndex, VectorsInfo
from index.engines.tantivy_words import CorpusFigures, LexicalIndex
from index.errors import IndexDamagedError, IndexFolderError
from index.storage import records
from index.storage.generation_files import are_sound, lexical_folder, vectors_folder
from index.storage.schema import DATABASE_NAME, open_for_reading, pack_text, unpack_text
from index.types import Article, Document, Skipped, StoredParagraph

if TYPE_CHECKING:
    from index.types import Ids, Vectors

FileIdentity = tuple[int, int] | None
"""Device and inode of a database; None where there is none."""
_ATTEMPTS = 20
"""Times that files may vanish under a reader that opens them, each time because a writer has published another
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
    """Of the encoder; vectors of another are of another space."""
    dimension: int


class Snapshot:
    """One generation. All methods may be called from any thread, one at a time."""

    def __init__(
        self, database: sqlite3.Connection, file: FileIdentity, folder: Path, name: str, info: SnapshotInfo, terms: int
    ) -> None:
        """Raises OSError, ValueError or RuntimeError where the files named `name` are not there or not sound."""
        self._file = file
        self.folder = folder
        self.info = info
        self.figures = CorpusFigures(info.paragraphs, terms)
        self.database = database
        self.vectors = VectorIndex(vectors_folder(folder, name))
        self.lexical = LexicalIndex(lexical_folder(folder, name))
        if not self.vectors.count() == self.lexical.count() == info.paragraphs:
            raise ValueError(f"{folder}: the files of generation {info.generation} hold another number of paragraphs")

    @property
    def vectors_info(self) -> VectorsInfo:
        """How the vectors are searched, with the recall that was measured."""
        return self.vectors.info

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The files that the generation left out, by path."""
        rows = self.database.execute("SELECT path, reason FROM skipped ORDER BY path")
        return tuple(Skipped(unpack_text(path), unpack_text(reason)) for path, reason in rows)

    def load_paragraphs(self, ids: Sequence[int]) -> list[StoredParagraph]:
        """The paragraphs of these ids, in their order. Raises IndexDamagedError where one is not what was stored."""
        with storage_errors(self.folder):
            return records.load_paragraphs(self.database, ids)

    def load_neighbours(self, paragraph_id: int, before: int = 1, after: int = 1) -> list[StoredParagraph]:
        """The paragraph with its neighbours in the article, itself included, in order; furniture is marked as such."""
        with storage_errors(self.folder):
            return records.load_neighbours(self.database, paragraph_id, before, after)

    def load_vectors(self, ids: Sequence[int]) -> tuple[Ids, Vectors]:
        """Ids (n,) ascending of those that are embedded, and their vectors (n, d) float32 as they are stored."""
        with storage_errors(self.folder):
            return records.load_vectors(self.database, ids)

    def load_article(self, path: str) -> tuple[Article, Document] | None:
        """The article of that path with its canonical text and marks; None where the generation has none."""
        with storage_errors(self.folder):
            article = records.find_article(self.database, path)
            return None if article is None else (article, records.load_document(self.database, article.article_id))

    def load_article_paragraphs(self, path: str) -> list[StoredParagraph]:
        """All units of the article of that path, in order, furniture included; empty where there is none."""
        with storage_errors(self.folder):
            article = records.find_article(self.database, path)
            return [] if article is None else records.load_paragraphs_of(self.database, article.article_id)

    def list_articles(self) -> Iterator[Article]:
        """All articles by path."""
        return records.list_articles(self.database)

    def find_article_ids(self, paths: Collection[str]) -> list[int]:
        """Ids of the articles of these paths, ascending; unknown paths are left out."""
        packed = [pack_text(path) for path in paths]
        return sorted(
            row[0] for row in records.select_in(self.database, "SELECT id FROM articles WHERE path IN", packed)
        )

    def find_paragraph_ids(self, article_ids: Sequence[int]) -> Ids:
        """Ids of the searchable paragraphs of these articles, ascending."""
        import numpy as np

        query = "SELECT id FROM paragraphs WHERE furniture = 0 AND article IN"
        rows = records.select_in(self.database, query, article_ids)
        return np.sort(np.fromiter((row[0] for row in rows), dtype=np.int64))

    def is_current(self) -> bool:
        """False where a writer has published a newer generation, or the index was made anew from nothing, which may
        have come to the same number."""
        return _identify(self.folder) == self._file and load_generation(self.folder) == self.info.generation

    def close(self) -> None:
        """Lets go of the generation's database; its files follow when nothing refers to this snapshot."""
        self.database.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _identify(folder: Path) -> FileIdentity:
    """Of the database; a file that is open keeps its inode to itself, also after it was deleted."""
    try:
        status = (folder / DATABASE_NAME).stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def has_index(folder: Path) -> bool:
    """True where `folder` holds a database; whether it is sound, opening tells."""
    return (folder / DATABASE_NAME).exists()


def load_generation(folder: Path) -> int:
    """Number of the newest generation; 0 where there is none yet. Raises like `open_snapshot`."""
    database = open_for_reading(folder)
    if database is None:
        return 0
    with closing(database), storage_errors(folder):
        return int(records.load_state(database)["generation"])


def load_model(folder: Path) -> str | None:
    """Name of the encoder that the index was made with; None where there is no generation yet, or none that can be
    read, which opening it tells."""
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
    """The newest generation of the index `folder`; None where there is none yet. Never waits for a writer.

    Raises IndexDamagedError where database or files are not what was written (`refresh` makes the files again),
    StorageError where the system refuses to read.
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
    """The snapshot, the number of its generation, and what of its files is missing or damaged; empty where nothing
    is."""
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
    if not are_sound(folder, records.load_stamps(database)):
        raise ValueError("a file is not what was written")
    info = SnapshotInfo(
        generation=int(state["generation"]),
        articles=int(state["articles"]),
        paragraphs=int(state["paragraphs"]),
        model=str(state["model"]),
        fingerprint=str(state["fingerprint"]),
        dimension=int(state["dimension"]),
    )
    return Snapshot(database, file, folder, str(state["files"]), info, int(state["terms"]))
