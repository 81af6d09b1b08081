"""Owns what a build has finished before it publishes anything: articles that are extracted and split, and vectors.

Both are committed as they are finished, in small transactions. The build after a killed one goes on where that one
ended, so nothing is embedded twice. Vectors go into the index's database, which keeps them. Articles go into a file of
their own, which is removed when they are published: in the database they would leave as much free space behind as all
texts take.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.storage import records
from index.storage.schema import pack_text, rollback
from index.types import Document, Heading, Paragraph, SourceFile

if TYPE_CHECKING:
    from index.types import Vectors


_STAGE_NAME = "staged.db"
_STAGE_TABLE = """
CREATE TABLE IF NOT EXISTS staged (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    looked_ns INTEGER NOT NULL, sha256 BLOB NOT NULL, split TEXT NOT NULL, body BLOB NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class StagedArticle:
    """An article that waits to be published."""

    file: SourceFile
    looked_ns: int
    sha256: bytes
    base: str | None
    """Path of the article it follows: its own if it was changed, another if it was renamed, None if it is new."""
    document: Document
    paragraphs: tuple[Paragraph, ...] | None
    """None if those of the article it follows stay as they are."""
    split: str
    """Names the way they were made; empty if there are none."""


def open_stage(folder: Path) -> sqlite3.Connection:
    """The file of articles that wait. A damaged one is thrown away, because it can be made again from the files."""
    try:
        return _open_stage(folder)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            raise
    remove_stage(folder)
    return _open_stage(folder)


def _open_stage(folder: Path) -> sqlite3.Connection:
    stage = sqlite3.connect(folder / _STAGE_NAME, isolation_level=None, check_same_thread=False)
    try:
        stage.execute("PRAGMA journal_mode = WAL")
        stage.execute("PRAGMA synchronous = NORMAL")
        stage.execute(_STAGE_TABLE)
        stage.execute("SELECT count(*) FROM staged").fetchone()
    except BaseException:
        stage.close()
        raise
    return stage


def remove_stage(folder: Path) -> None:
    """Removes the file, after everything in it is published.

    :raises OSError: if the system refuses.
    """
    for suffix in ("", "-wal", "-shm", "-journal"):
        (folder / (_STAGE_NAME + suffix)).unlink(missing_ok=True)


def save_staged(stage: sqlite3.Connection, article: StagedArticle) -> None:
    """Adds or replaces an article. The caller has begun a transaction."""
    file = article.file
    body = {
        "base": article.base,
        "document": asdict(article.document),
        "paragraphs": None if article.paragraphs is None else [_pack(paragraph) for paragraph in article.paragraphs],
    }
    packed = zlib.compress(json.dumps(body).encode(), 1)
    row = (pack_text(file.path), file.size, file.mtime_ns, file.identity, article.looked_ns, article.sha256)
    stage.execute("INSERT OR REPLACE INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, article.split, packed))


def load_staged(stage: sqlite3.Connection, path: str) -> StagedArticle | None:
    """The article of that path; None if none is waiting."""
    row = stage.execute(
        "SELECT size, mtime_ns, inode, looked_ns, sha256, split, body FROM staged WHERE path = ?", (pack_text(path),)
    ).fetchone()
    if row is None:
        return None
    size, mtime_ns, inode, looked_ns, sha256, split, packed = row
    try:
        body = json.loads(zlib.decompress(packed))
    except (zlib.error, ValueError):
        return None
    document = _document_from(body["document"])
    paragraphs = body["paragraphs"]
    return StagedArticle(
        SourceFile(path, size, mtime_ns, inode),
        looked_ns,
        sha256,
        body["base"],
        document,
        None if paragraphs is None else tuple(_unpack(fields, document.text) for fields in paragraphs),
        split,
    )


def _pack(paragraph: Paragraph) -> list[int | str | bool | None]:
    return [
        paragraph.ordinal,
        paragraph.block,
        paragraph.start,
        paragraph.end,
        paragraph.line,
        paragraph.page,
        paragraph.heading,
        paragraph.context,
        paragraph.boilerplate,
    ]


def _unpack(fields: list[int | str | bool | None], text: str) -> Paragraph:
    ordinal, block, start, end, line, page, heading, context, boilerplate = fields
    return Paragraph(
        ordinal=int(ordinal or 0),
        block=int(block or 0),
        start=int(start or 0),
        end=int(end or 0),
        line=int(line or 0),
        text=text[int(start or 0) : int(end or 0)],
        page=None if page is None else int(page),
        heading=None if heading is None else str(heading),
        context=str(context),
        boilerplate=bool(boilerplate),
    )


def _document_from(fields: dict[str, Any]) -> Document:
    headings = tuple(Heading(**heading) for heading in fields.pop("headings"))
    pages = tuple(fields.pop("pages"))
    return Document(headings=headings, pages=pages, **fields)


def find_space(database: sqlite3.Connection, fingerprint: str, dimension: int) -> int:
    """Number of the vector space of an encoder; a new one gets a number."""
    database.execute("INSERT OR IGNORE INTO spaces (fingerprint, dimension) VALUES (?, ?)", (fingerprint, dimension))
    row = database.execute("SELECT id FROM spaces WHERE fingerprint = ?", (fingerprint,)).fetchone()
    return int(row[0])


def has_vector(database: sqlite3.Connection, space: int, content_hash: bytes, verify: bool = False) -> bool:
    """True if nothing has to be embedded; with `verify`, only if the vector is what was stored."""
    query = "SELECT body, crc FROM vectors WHERE content_hash = ? AND space = ?"
    if not verify:
        query = "SELECT 1 FROM vectors WHERE content_hash = ? AND space = ?"
    row = database.execute(query, (content_hash, space)).fetchone()
    return row is not None and (not verify or zlib.crc32(row[0]) == row[1])


def save_vectors(
    database: sqlite3.Connection, space: int, hashes: list[bytes], vectors: Vectors, generation: int
) -> None:
    """Keeps finished vectors (n, d) from now on, whatever becomes of the build. They count as orphans until a paragraph
    of a generation uses them."""
    database.execute("BEGIN IMMEDIATE")
    try:
        for content_hash, vector in zip(hashes, vectors, strict=True):
            body = records.pack_vector(vector)
            row = (space, content_hash, body, zlib.crc32(body))
            # One that is there already is damaged, or it would not have been made again.
            number = database.execute(
                "INSERT INTO vectors (space, content_hash, body, crc) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (content_hash, space) DO UPDATE SET body = excluded.body, crc = excluded.crc RETURNING id",
                row,
            ).fetchone()[0]
            database.execute("INSERT OR REPLACE INTO orphans VALUES (?, ?)", (number, generation))
        database.execute("COMMIT")
    except BaseException:
        rollback(database)
        raise


def find_unfinished(
    database: sqlite3.Connection, space: int, article: StagedArticle, verify: bool
) -> Iterator[tuple[bytes, str]]:
    """(content hash, text to embed) of the article's paragraphs that have no vector at the moment they are reached."""
    for paragraph in article.paragraphs or ():
        content_hash = paragraph.content_hash
        if not paragraph.boilerplate and not has_vector(database, space, content_hash, verify):
            yield content_hash, paragraph.embedded_text
