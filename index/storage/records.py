"""Owns how values become rows of the database and rows become values again.

What is read is checked: a vector by its CRC, a paragraph by its content hash, a text by zlib's own sum. A bit that
flipped on the disk becomes IndexDamagedError and never an answer.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from index.durable import FileStamp
from index.errors import IndexDamagedError
from index.storage.schema import pack_text, unpack_text
from index.types import Article, Document, Heading, Paragraph, StoredParagraph

if TYPE_CHECKING:
    from index.types import Ids, Vectors

PIECE = 2048
"""Characters of a text that are compressed together: a paragraph is cut out of one or two pieces (12 µs each), whatever
the size of its article. Pieces of 8192 take 42 µs and save 4% of the text."""
PIECE_BITS = 24
_ROWS = 4096
"""Rows of a block that is streamed: 6 MB of vectors."""
_PARAMETERS = 500
"""Ids asked for in one statement."""

Slice = tuple[int, int, int]
"""(article id, start, end): characters of a canonical text."""


def load_state(database: sqlite3.Connection) -> dict[str, Any]:
    """All of the table `state`."""
    return dict(database.execute("SELECT key, value FROM state"))


def save_state(database: sqlite3.Connection, **values: int | str | float | None) -> None:
    """Adds or replaces rows of the table `state`."""
    database.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", values.items())


def damaged(what: str) -> IndexDamagedError:
    """The error for contents that are not what was stored."""
    return IndexDamagedError(f"The index is damaged ({what}); run `qa index --rebuild`.")


def save_text(database: sqlite3.Connection, article_id: int, text: str) -> None:
    """Stores a canonical text in pieces."""
    rows = (
        (article_id << PIECE_BITS | number, zlib.compress(pack_text(text[start : start + PIECE])))
        for number, start in enumerate(range(0, len(text), PIECE))
    )
    database.executemany("INSERT INTO texts VALUES (?, ?)", rows)


def delete_text(database: sqlite3.Connection, article_id: int) -> None:
    """Removes every piece of a text."""
    first = article_id << PIECE_BITS
    database.execute("DELETE FROM texts WHERE id BETWEEN ? AND ?", (first, first + (1 << PIECE_BITS) - 1))


def load_text(database: sqlite3.Connection, article_id: int) -> str:
    """The whole canonical text.

    :raises IndexDamagedError: if it is not what was stored.
    """
    first = article_id << PIECE_BITS
    query = "SELECT body FROM texts WHERE id BETWEEN ? AND ? ORDER BY id"
    rows = database.execute(query, (first, first + (1 << PIECE_BITS) - 1))
    return "".join(_unpack_piece(body) for (body,) in rows)


def load_slices(database: sqlite3.Connection, slices: Sequence[Slice]) -> list[str]:
    """`text[start:end]` of each slice, in order; each piece is unpacked once.

    :raises IndexDamagedError: if a text is not what was stored.
    """
    wanted = {number for item in slices for number in _pieces_of(item)}
    pieces = {
        number: _unpack_piece(body)
        for number, body in select_in(database, "SELECT id, body FROM texts WHERE id IN", sorted(wanted))
    }
    return [_cut(pieces, item) for item in slices]


def _pieces_of(item: Slice) -> range:
    article_id, start, end = item
    first = article_id << PIECE_BITS
    return range(first | start // PIECE, (first | max(start, end - 1) // PIECE) + 1)


def _cut(pieces: dict[int, str], item: Slice) -> str:
    _, start, end = item
    try:
        text = "".join(pieces[number] for number in _pieces_of(item))
    except KeyError:
        raise damaged("a piece of a text is missing") from None
    offset = start - start % PIECE
    return text[start - offset : end - offset]


def _unpack_piece(body: bytes) -> str:
    try:
        return unpack_text(zlib.decompress(body))
    except (zlib.error, UnicodeDecodeError):
        raise damaged("a text does not unpack") from None


def select_in(database: sqlite3.Connection, query: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a query that ends in 'IN', fetched for a block of values at a time."""
    for first in range(0, len(values), _PARAMETERS):
        block = values[first : first + _PARAMETERS]
        yield from database.execute(f"{query} ({','.join('?' * len(block))})", block)


def pack_marks(document: Document) -> bytes:
    """The headings and pages of a document as bytes."""
    headings = [[mark.start, mark.end, mark.level, mark.text] for mark in document.headings]
    return zlib.compress(json.dumps([headings, document.pages]).encode())


def unpack_marks(data: bytes) -> tuple[tuple[Heading, ...], tuple[int, ...]]:
    """What `pack_marks` packed.

    :raises IndexDamagedError: if it is something else.
    """
    try:
        headings, pages = json.loads(zlib.decompress(data))
    except (zlib.error, ValueError):
        raise damaged("the headings of an article do not unpack") from None
    return tuple(Heading(*mark) for mark in headings), tuple(pages)


_ARTICLE = "SELECT id, path, title, date, characters, paragraphs FROM articles"


def list_articles(database: sqlite3.Connection) -> Iterator[Article]:
    """All articles by path."""
    for row in database.execute(f"{_ARTICLE} ORDER BY path"):
        yield _article_from(row)


def find_article(database: sqlite3.Connection, path: str) -> Article | None:
    """The article of that path; None if there is none."""
    row = database.execute(f"{_ARTICLE} WHERE path = ?", (pack_text(path),)).fetchone()
    return None if row is None else _article_from(row)


def _article_from(row: tuple[Any, ...]) -> Article:
    article_id, path, title, date, characters, paragraphs = row
    return Article(article_id, unpack_text(path), unpack_text(title), date, characters, paragraphs)


def load_document(database: sqlite3.Connection, article_id: int) -> Document:
    """The article as its extractor made it.

    :raises IndexDamagedError: if it is not what was stored.
    """
    row = database.execute(
        "SELECT title, date, encoding, title_in_text, marks FROM articles WHERE id = ?", (article_id,)
    ).fetchone()
    title, date, encoding, title_in_text, marks = row
    headings, pages = unpack_marks(marks)
    text = load_text(database, article_id)
    return Document(text, unpack_text(title), date, encoding, headings, pages, bool(title_in_text))


_PARAGRAPH = """
SELECT p.id, p.article, p.ordinal, p.block, p.start, p.stop, p.line, p.page, p.heading, p.context, p.boilerplate,
       p.content_hash, a.path, a.title, a.date
FROM paragraphs p JOIN articles a ON a.id = p.article WHERE """


def load_paragraphs(database: sqlite3.Connection, ids: Sequence[int]) -> list[StoredParagraph]:
    """The paragraphs of these ids, in their order.

    :raises IndexDamagedError: if one is not what was stored.
    """
    rows = list(select_in(database, _PARAGRAPH + "p.id IN", ids))
    by_id = {stored.paragraph_id: stored for stored in _stored_from(database, rows)}
    try:
        return [by_id[number] for number in ids]
    except KeyError:
        raise damaged("a paragraph is missing") from None


def load_neighbours(database: sqlite3.Connection, paragraph_id: int, before: int, after: int) -> list[StoredParagraph]:
    """The paragraph with up to `before` before it and `after` behind it in its article, in order."""
    query = "SELECT article, ordinal FROM paragraphs WHERE id = ?"
    article_id, ordinal = database.execute(query, (paragraph_id,)).fetchone()
    where = _PARAGRAPH + "p.article = ? AND p.ordinal BETWEEN ? AND ? ORDER BY p.ordinal"
    rows = database.execute(where, (article_id, ordinal - before, ordinal + after)).fetchall()
    return _stored_from(database, rows)


def load_paragraphs_of(database: sqlite3.Connection, article_id: int) -> list[StoredParagraph]:
    """All paragraphs of an article, in order, boilerplate included."""
    rows = database.execute(_PARAGRAPH + "p.article = ? ORDER BY p.ordinal", (article_id,)).fetchall()
    return _stored_from(database, rows)


def _stored_from(database: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[StoredParagraph]:
    texts = load_slices(database, [(row[1], row[4], row[5]) for row in rows])
    return [_one_stored(row, text) for row, text in zip(rows, texts, strict=True)]


def _one_stored(row: tuple[Any, ...], text: str) -> StoredParagraph:
    (
        number,
        _,
        ordinal,
        block,
        start,
        end,
        line,
        page,
        heading,
        context,
        boilerplate,
        content_hash,
        path,
        title,
        date,
    ) = row
    paragraph = Paragraph(
        ordinal=ordinal,
        block=block,
        start=start,
        end=end,
        line=line,
        text=text,
        page=page,
        heading=None if heading is None else unpack_text(heading),
        context=unpack_text(context),
        boilerplate=bool(boilerplate),
    )
    if paragraph.content_hash != content_hash:
        raise damaged(f"paragraph {ordinal} of {unpack_text(path)} is not what was stored")
    return StoredParagraph(number, unpack_text(path), unpack_text(title), date, paragraph)


def pack_vector(vector: Vectors) -> bytes:
    """(d,) float32 as float16, little-endian."""
    data: bytes = vector.astype("<f2").tobytes()
    return data


def load_vectors(database: sqlite3.Connection, ids: Sequence[int]) -> tuple[Ids, Vectors]:
    """Ids (n,) ascending of those that have a vector, and their vectors (n, d) float32.

    :raises IndexDamagedError: if one is not what was stored.
    """
    query = "SELECT p.id, v.body, v.crc FROM paragraphs p JOIN vectors v ON v.id = p.vector WHERE p.id IN"
    return _matrix(sorted(select_in(database, query, ids)))


def stream_vectors(database: sqlite3.Connection) -> Iterator[tuple[Ids, Vectors]]:
    """The vectors of all searchable paragraphs in blocks, ids ascending.

    :raises IndexDamagedError: if one is not what was stored.
    """
    rows = database.execute(
        "SELECT p.id, v.body, v.crc FROM paragraphs p JOIN vectors v ON v.id = p.vector "
        "WHERE p.boilerplate = 0 ORDER BY p.id"
    )
    while block := rows.fetchmany(_ROWS):
        yield _matrix(block)


def _matrix(rows: Sequence[tuple[int, bytes, int]]) -> tuple[Ids, Vectors]:
    import numpy as np

    for number, body, crc in rows:
        if zlib.crc32(body) != crc:
            raise damaged(f"the vector of paragraph {number} is not what was stored")
    ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    flat = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f2").astype(np.float32)
    return ids, flat.reshape(len(rows), -1 if len(rows) else 0)


_SEARCHED = "SELECT id, article, start, stop, context FROM paragraphs WHERE "


def stream_texts(database: sqlite3.Connection) -> Iterator[tuple[int, int, str]]:
    """(paragraph id, article id, text with context) of all searchable paragraphs."""
    rows = database.execute(_SEARCHED + "boilerplate = 0 ORDER BY article, ordinal")
    while block := rows.fetchmany(_ROWS):
        yield from _searched_from(database, block)


def load_texts(database: sqlite3.Connection, ids: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """The same of the given paragraphs, in any order."""
    for first in range(0, len(ids), _ROWS):
        block = list(select_in(database, _SEARCHED + "id IN", ids[first : first + _ROWS]))
        yield from _searched_from(database, block)


def _searched_from(
    database: sqlite3.Connection, rows: Sequence[tuple[int, int, int, int, bytes]]
) -> Iterator[tuple[int, int, str]]:
    texts = load_slices(database, [(row[1], row[2], row[3]) for row in rows])
    for (number, article_id, _, _, context), text in zip(rows, texts, strict=True):
        yield number, article_id, f"{unpack_text(context)}\n{text}" if context else text


def load_stamps(database: sqlite3.Connection) -> dict[str, FileStamp]:
    """The files of the generation by their paths in the index folder."""
    rows = database.execute("SELECT path, size, mtime_ns, sha256 FROM files")
    return {row[0]: FileStamp(*row) for row in rows}


def save_stamps(database: sqlite3.Connection, stamps: Iterable[FileStamp]) -> None:
    """Replaces the files of the generation."""
    database.execute("DELETE FROM files")
    rows = ((stamp.path, stamp.size, stamp.mtime_ns, stamp.sha256) for stamp in stamps)
    database.executemany("INSERT INTO files VALUES (?, ?, ?, ?)", rows)
