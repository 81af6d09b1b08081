"""Owns the tables of an index's database, and how it is opened for reading and for writing.

SQLite in WAL mode is the truth of an index. Texts that come from files or their names are stored as bytes, because
they may hold lone surrogates, which SQLite refuses as text.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from index.durable import storage_errors, sync_folder
from index.errors import IndexDamagedError, StorageError

DATABASE_NAME = "index.db"
FORMAT = 2
"""Raised when an older program could not read what a newer one writes, or the other way round."""
_APPLICATION_ID = 0x71614958
_PAGE_BYTES = 8192
"""A vector of 384 float16 takes 768 bytes: ten to a page; with 4096 only five, and a quarter of the file empty."""
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
    terms INTEGER NOT NULL,           -- length for BM25
    furniture INTEGER NOT NULL,       -- 1: by rule; 2: by repetition; 3: both; 0: searchable
    repetition INTEGER,               -- key of what says the same; NULL where too long to be furniture
    vector INTEGER,                   -- NULL where it is furniture by rule, which is not embedded
    content_hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX paragraphs_of_article ON paragraphs (article, ordinal);
CREATE INDEX paragraphs_by_vector ON paragraphs (vector) WHERE vector IS NOT NULL;
CREATE INDEX paragraphs_by_repetition ON paragraphs (repetition) WHERE repetition IS NOT NULL;

-- In how many articles a repetition key stands.
CREATE TABLE repetitions (key INTEGER PRIMARY KEY, articles INTEGER NOT NULL) STRICT;
CREATE INDEX repetitions_often ON repetitions (articles) WHERE articles >= 3;

CREATE TABLE spaces (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL) STRICT;

CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    space INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    body BLOB NOT NULL,               -- float16, little-endian
    crc INTEGER NOT NULL              -- of body
) STRICT;
CREATE UNIQUE INDEX vectors_by_content ON vectors (content_hash, space);

-- Vectors no paragraph uses, and the generation since which.
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
    """The index was made by an older version of this program: it can be made anew with the embeddings it has."""


def open_for_writing(folder: Path) -> sqlite3.Connection:
    """The database of `folder`, made where there is none; the caller holds the writer lock.

    Raises IndexDamagedError where the file is not a sound database of this program and this format, StorageError
    where the system refuses.
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
        sync_folder(path.parent)
    check_format(database, path.parent)
    _use_log(database, path)
    # FULL: a commit is on the disk when it returns; files of older generations are removed on the strength of that.
    for pragma in ("synchronous = FULL", "secure_delete = ON", "cache_size = -65536", "temp_store = MEMORY"):
        database.execute(f"PRAGMA {pragma}")


def _use_log(database: sqlite3.Connection, path: Path) -> None:
    """Readers beside a writer need WAL, which stays set once it is, unless the disk refused at that moment."""
    if database.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StorageError(
            f"{path.parent}: the disk cannot hold an index now (SQLite's log cannot be made there); "
            "check it, or put the documents on a local disk, and run `qa index` again."
        )


def _is_empty(database: sqlite3.Connection) -> bool:
    return int(database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]) == 0


def _create(database: sqlite3.Connection) -> None:
    """All tables in one transaction: killed half-way, the file is still empty."""
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
    """Ends a transaction without a trace, where there is one: SQLite ends it by itself where the disk refuses."""
    if database.in_transaction:
        database.execute("ROLLBACK")


def open_for_reading(folder: Path) -> sqlite3.Connection | None:
    """The database of `folder`, of which nothing can be changed; None where there is none, or a build was ended
    before it had made the tables.

    Raises IndexDamagedError and StorageError like `open_for_writing`.
    """
    path = folder / DATABASE_NAME
    if not path.exists():
        return None
    with storage_errors(folder):
        database = _connect(path, "mode=ro")
        try:
            database.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
            database = _readable(database, path)
            # 16 MB: the inner pages of the trees of 1,000,000 paragraphs stay in memory; 2 MB cost 4 ms of a search.
            database.execute("PRAGMA cache_size = -16384")
            if _is_empty(database) or _is_older(database):
                database.close()
                return None
            check_format(database, folder)
        except BaseException:
            database.close()
            raise
    return database


def _readable(database: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """WAL needs a shared-memory file beside the database. On a disk that cannot be written, a database without a log
    is read as what it is: unchanging. One whose log or journal was left by a loss of power is recovered first, which
    only a connection that may write can do."""
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
    return sqlite3.connect(_uri(path, options), uri=True, isolation_level=None, check_same_thread=False)


def _uri(path: Path, options: str) -> str:
    return f"{path.absolute().as_uri()}?{options}"


def _is_older(database: sqlite3.Connection) -> bool:
    own = database.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
    return own and int(database.execute("PRAGMA user_version").fetchone()[0]) < FORMAT


def check_format(database: sqlite3.Connection, folder: Path) -> None:
    """Raises IndexDamagedError where the database is another program's, or of another format."""
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
