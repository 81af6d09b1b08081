"""Checks whether a database holds what was stored in it, and carries what is good of a damaged one over into a new one.
A damaged database is never repaired in place."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from index.durable import storage_errors
from index.errors import IndexDamagedError
from index.storage import records
from index.storage.schema import DATABASE_NAME, rollback
from index.updating.staging import find_space

ASIDE_NAME = "damaged.db"
_SIDE_FILES = ("-wal", "-shm", "-journal")
_WINDOW = 1000
"""Ids read together; if one row cannot be read, all of them are lost."""


def check_structure(database: sqlite3.Connection, folder: Path) -> None:
    """
    :raises IndexDamagedError: if the database's pages are inconsistent.
    """
    with storage_errors(folder):
        result = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise IndexDamagedError(f"{folder}: the database is damaged ({result}); run `qa index --rebuild`.")


def find_damage(database: sqlite3.Connection) -> str | None:
    """Reads every text, paragraph and vector. Takes seconds for a large index.

    :return: a sentence about the first that is not what was stored; None if all are.
    """
    try:
        for _ in records.stream_vectors(database):
            pass
        for article in list(records.list_articles(database)):
            records.load_document(database, article.article_id)
            records.load_paragraphs_of(database, article.article_id)
    except IndexDamagedError as error:
        return str(error)
    return None


def set_aside(folder: Path) -> None:
    """Gives a damaged database, and its log, another name.

    :raises StorageError: if the system refuses.
    """
    with storage_errors(folder):
        (folder / f"{DATABASE_NAME}-shm").unlink(missing_ok=True)
        for suffix in ("-wal", ""):
            path = folder / (DATABASE_NAME + suffix)
            if path.exists():
                path.replace(folder / (ASIDE_NAME + suffix))


def carry_over(database: sqlite3.Connection, folder: Path) -> int:
    """Moves the sound vectors of a database that was set aside into the new one, and removes the old one.

    :return: how many were moved.
    """
    if not (folder / ASIDE_NAME).exists():
        return 0
    count = 0
    with storage_errors(folder):
        database.execute("BEGIN IMMEDIATE")
        try:
            for fingerprint, dimension, content_hash, body, crc in _readable_vectors(folder / ASIDE_NAME):
                space = find_space(database, fingerprint, dimension)
                row = (space, content_hash, body, crc)
                statement = "INSERT OR IGNORE INTO vectors (space, content_hash, body, crc) VALUES (?, ?, ?, ?)"
                added = database.execute(statement, row)
                if added.rowcount:
                    database.execute("INSERT INTO orphans VALUES (?, 0)", (added.lastrowid,))
                    count += 1
            database.execute("COMMIT")
        except BaseException:
            rollback(database)
            raise
        for suffix in ("", *_SIDE_FILES):
            (folder / (ASIDE_NAME + suffix)).unlink(missing_ok=True)
    return count


def _readable_vectors(path: Path) -> Iterator[tuple[str, int, bytes, bytes, int]]:
    """(fingerprint, dimension, content hash, body, CRC) of every vector that can be read and is what was stored."""
    with closing(sqlite3.connect(path, isolation_level=None)) as damaged:
        for first in range(1, _largest_id(damaged) + 1, _WINDOW):
            for row in _read_window(damaged, first):
                if isinstance(row[3], bytes) and zlib.crc32(row[3]) == row[4]:
                    yield row


def _largest_id(damaged: sqlite3.Connection) -> int:
    try:
        return int(damaged.execute("SELECT max(id) FROM vectors").fetchone()[0] or 0)
    except (sqlite3.Error, TypeError, ValueError):
        return 0  # not even its tables can be read: nothing is carried over


def _read_window(damaged: sqlite3.Connection, first: int) -> list[tuple[str, int, bytes, bytes, int]]:
    try:
        return damaged.execute(
            "SELECT s.fingerprint, s.dimension, v.content_hash, v.body, v.crc FROM vectors v "
            "JOIN spaces s ON s.id = v.space WHERE v.id BETWEEN ? AND ?",
            (first, first + _WINDOW - 1),
        ).fetchall()
    except sqlite3.Error:
        return []  # on a damaged page: these are embedded again
