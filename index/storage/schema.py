"""Owns the tables of an index's database, and how it is opened for reading and for writing.

SQLite in WAL mode is the truth of an index. Texts that come from files or their names are stored as bytes, because they
may hold lone surrogates, which SQLite refuses as text.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from index.durable import storage_errors, sync
from index.errors import IndexDamagedError, StorageError

DATABASE_NAME = "index.db"
FORMAT = 3
"""Raised when an older program could not read what a newer one writes, or the other way round."""
_APPLICATION_ID = 0x71614958
_PAGE_BYTES = 8192
"""A vector of 384 float16 takes 768 bytes: ten fit into a page. Into 4096 only five do, and a quarter of the file is
empty."""
_ANY_READ = "SELECT count(*) FROM sqlite_schema"
_BUSY_MILLISECONDS = 10_000

_TABLES = """
CREATE TABLE state (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

CREATE TABLE articles (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    title BLOB NOT NULL,
    date TEXT,
    encoding TEXT,
    title_in_text INTEGER NOT NULL,
    marks BLOB NOT NULL,              -- headings and pages: JSON, zlib
    characters INTEGER NOT NULL,
    paragraphs INTEGER NOT NULL,      -- searchable
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,           -- and time of the last change of any kind, as one number
    looked_ns INTEGER NOT NULL,       -- when the file was read, on the clock of mtime_ns
    sha256 BLOB NOT NULL              -- of the file's bytes
) STRICT;

-- Canonical texts in pieces: id = article << 24 | piece.
CREATE TABLE texts (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;

CREATE TABLE paragraphs (
    id INTEGER PRIMARY KEY,           -- never used twice
    article INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    block INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    line INTEGER NOT NULL,
    page INTEGER,
    heading BLOB,
    context BLOB NOT NULL,
    terms INTEGER NOT NULL,           -- length for BM25; 0 if boilerplate
    boilerplate INTEGER NOT NULL,     -- 1: neither embedded nor searched
    vector INTEGER,                   -- NULL if boilerplate
    content_hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX paragraphs_of_article ON paragraphs (article, ordinal);
CREATE INDEX paragraphs_by_vector ON paragraphs (vector) WHERE vector IS NOT NULL;

CREATE TABLE spaces (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL) STRICT;

CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    space INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    body BLOB NOT NULL,               -- float16, little-endian
    crc INTEGER NOT NULL              -- of body
) STRICT;
CREATE UNIQUE INDEX vectors_by_content ON vectors (content_hash, space);

-- Vectors that no paragraph uses, and since which generation.
CREATE TABLE orphans (vector INTEGER PRIMARY KEY, generation INTEGER NOT NULL) STRICT;

CREATE TABLE skipped (
    path BLOB PRIMARY KEY, reason BLOB NOT NULL, size INTEGER, mtime_ns INTEGER, inode INTEGER
) STRICT, WITHOUT ROWID;

-- The files of the generation.
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""


class OlderFormatError(IndexDamagedError):
    """The index was made by an older version of this program. It can be made anew with the embeddings it has."""


def open_for_writing(folder: Path) -> sqlite3.Connection:
    """The database of `folder`, created if there is none. The caller holds the writer lock.

    :raises IndexDamagedError: if the file is not a sound database of this program and this format.
    :raises StorageError: if the system refuses.
    """
    path = folder / DATABASE_NAME
    with storage_errors(folder):
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _set_up(database, path)
        except BaseException:
            database.close()
            raise
    return database


def _set_up(database: sqlite3.Connection, path: Path) -> None:
    database.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    if _is_empty(database):
        database.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _use_log(database, path)
        _create(database)
        sync(path.parent)
    check_format(database, path.parent)
    _use_log(database, path)
    # FULL: a commit is on the disk when it returns. Files of older generations are removed only because of that.
    for pragma in ("synchronous = FULL", "secure_delete = ON", "cache_size = -65536", "temp_store = MEMORY"):
        database.execute(f"PRAGMA {pragma}")


def _use_log(database: sqlite3.Connection, path: Path) -> None:
    """Reading beside a writer needs WAL. Once set it stays set, unless the disk refused at that moment."""
    if database.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StorageError(
            f"{path.parent}: the disk cannot hold an index now (SQLite cannot create its log there); "
            "check it, or put the documents on a local disk, and run `qa index` again."
        )


def _is_empty(database: sqlite3.Connection) -> bool:
    return int(database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]) == 0


def _create(database: sqlite3.Connection) -> None:
    """Creates all tables in one transaction. If it is killed half-way, the file is still empty."""
    database.execute("BEGIN IMMEDIATE")
    try:
        for statement in _TABLES.split(";\n"):
            if statement.strip():
                database.execute(statement)
        database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {FORMAT}")
        database.execute("INSERT INTO state VALUES ('generation', 0)")
        database.execute("COMMIT")
    except BaseException:
        rollback(database)
        raise


def rollback(database: sqlite3.Connection) -> None:
    """Ends a transaction without a trace, if there is one: SQLite ends it by itself if the disk refuses."""
    if database.in_transaction:
        database.execute("ROLLBACK")


def open_for_reading(folder: Path) -> sqlite3.Connection | None:
    """The database of `folder`, read-only. None if there is none, if it has an older format, or if a build ended before
    it had created the tables.

    :raises IndexDamagedError: if the file is not a sound database of this program and this format.
    :raises StorageError: if the system refuses.
    """
    path = folder / DATABASE_NAME
    if not path.exists():
        return None
    with storage_errors(folder):
        database = _connect(path, "mode=ro")
        try:
            database.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
            database = _make_readable(database, path)
            # 16 MB: the inner pages of the trees of 1,000,000 paragraphs stay in memory; with 2 MB a search takes 4 ms
            # more.
            database.execute("PRAGMA cache_size = -16384")
            if _is_empty(database) or _is_older(database):
                database.close()
                return None
            check_format(database, folder)
        except BaseException:
            database.close()
            raise
    return database


def _make_readable(database: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """WAL needs a shared-memory file beside the database. If the disk cannot be written, a database without a log is
    opened as what it is: unchanging. If a loss of power left a log or a journal, it is recovered first, which only a
    connection that may write can do."""
    try:
        database.execute(_ANY_READ).fetchone()
    except sqlite3.OperationalError:
        database.close()
        if not _has_unfinished_log(path):
            return _connect(path, "immutable=1")
        with closing(_connect(path, "mode=rw")) as recovering:
            recovering.execute(_ANY_READ).fetchone()
        return _connect(path, "mode=ro")
    return database


def _has_unfinished_log(path: Path) -> bool:
    logs = (path.with_name(path.name + suffix) for suffix in ("-wal", "-journal"))
    return any(log.exists() and log.stat().st_size for log in logs)


def _connect(path: Path, options: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{options}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def _is_older(database: sqlite3.Connection) -> bool:
    own = database.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
    return own and int(database.execute("PRAGMA user_version").fetchone()[0]) < FORMAT


def check_format(database: sqlite3.Connection, folder: Path) -> None:
    """
    :raises IndexDamagedError: if the database is another program's, or of another format.
    """
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if application != _APPLICATION_ID:
        raise IndexDamagedError(
            f"{folder}: {DATABASE_NAME} is not an index of this program; move it away or run `qa index --rebuild`."
        )
    if version < FORMAT:
        raise OlderFormatError(f"{folder}: the index was made by an older version of this program.")
    if version > FORMAT:
        raise IndexDamagedError(
            f"{folder}: the index has format {version} and this program reads {FORMAT}; run `qa index --rebuild`."
        )


def pack_text(text: str) -> bytes:
    """For a BLOB column; keeps lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def unpack_text(data: bytes) -> str:
    """What `pack_text` packed."""
    return data.decode("utf-8", "surrogatepass")
