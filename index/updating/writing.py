"""Owns how one generation's rows become the next one's, inside one transaction, and which paragraphs a search gains and
loses by it. The work is in proportion to what changed: totals and uses of vectors are kept, not counted again."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from index.engines.bm25 import analyze
from index.storage import records
from index.storage.schema import pack_text, unpack_text
from index.types import Paragraph, Skipped, SourceFile
from index.updating.staging import StagedArticle

if TYPE_CHECKING:
    from index.types import Ids

ORPHAN_GENERATIONS = 20
"""Generations for which a vector outlives its last paragraph, so that going back to an earlier text embeds nothing. It
is kept under the hash of its text; the text itself is gone at once."""


class GenerationWriter:
    """The rows of a generation that is being made. The caller has begun a transaction and commits it."""

    def __init__(self, database: sqlite3.Connection, generation: int, space: int) -> None:
        self._database = database
        self._generation = generation
        self._space = space
        state = records.load_state(database)
        self._articles = int(state.get("articles") or 0)
        self._paragraphs = int(state.get("paragraphs") or 0)
        self._terms = int(state.get("terms") or 0)
        self._next_paragraph = int(state.get("next_paragraph") or 1)
        self._next_article = int(state.get("next_article") or 1)
        # Arrays, because they hold something of each paragraph of a large folder: 8 bytes, where a set takes 70.
        self._written = array("q")
        """Ids of the searchable paragraphs that were written."""
        self._removed = array("q")
        """Ids of those that were removed; they may be among the written ones."""
        self._loose = array("q")
        """Vectors that a removed row used."""

    def delete_article(self, article_id: int) -> None:
        """Removes the article with everything that was made of it."""
        self._remove_rows(article_id)
        records.delete_text(self._database, article_id)
        self._database.execute("DELETE FROM articles WHERE id = ?", (article_id,))
        self._articles -= 1

    def release_paths(self, article_ids: Iterable[int]) -> None:
        """Gives articles a path no file can have, so that others can take theirs (a and b may have changed names)."""
        rows = ((b"\0" + str(number).encode(), number) for number in article_ids)
        self._database.executemany("UPDATE articles SET path = ? WHERE id = ?", rows)

    def put_article(self, article: StagedArticle, article_id: int | None) -> None:
        """Adds an article, or makes the one of that id what the file is now."""
        if article_id is None:
            article_id = self._next_article
            self._next_article += 1
            self._articles += 1
        self._save_article(article, article_id)
        if article.paragraphs is None:
            return
        records.delete_text(self._database, article_id)
        records.save_text(self._database, article_id, article.document.text)
        reusable = self._remove_rows(article_id)
        self._add_rows(article_id, article.paragraphs, reusable)

    def _save_article(self, article: StagedArticle, article_id: int) -> None:
        document, file = article.document, article.file
        values: dict[str, Any] = {
            "id": article_id,
            "path": pack_text(file.path),
            "title": pack_text(document.title),
            "date": document.date,
            "encoding": document.encoding,
            "title_in_text": int(document.title_in_text),
            "marks": records.pack_marks(document),
            "characters": len(document.text),
            "paragraphs": 0,
            "size": file.size,
            "mtime_ns": file.mtime_ns,
            "inode": file.identity,
            "looked_ns": article.looked_ns,
            "sha256": article.sha256,
        }
        names = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        changes = ", ".join(f"{name} = excluded.{name}" for name in values if name not in ("id", "paragraphs"))
        # The names are those above; no value becomes part of the statement.
        self._database.execute(
            f"INSERT INTO articles ({names}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {changes}",  # noqa: S608
            values,
        )

    def _remove_rows(self, article_id: int) -> dict[bytes, list[int]]:
        """Removes the paragraphs of an article. Returns their ids by content hash, first ones first."""
        rows = self._database.execute(
            "SELECT id, content_hash, boilerplate, terms, vector FROM paragraphs WHERE article = ? ORDER BY ordinal",
            (article_id,),
        ).fetchall()
        reusable: dict[bytes, list[int]] = {}
        for number, content_hash, boilerplate, terms, vector in rows:
            reusable.setdefault(content_hash, []).append(number)
            if not boilerplate:
                self._removed.append(number)
                self._paragraphs -= 1
                self._terms -= terms
                self._loose.append(vector)
        self._database.execute("DELETE FROM paragraphs WHERE article = ?", (article_id,))
        return reusable

    def _add_rows(self, article_id: int, paragraphs: Sequence[Paragraph], reusable: dict[bytes, list[int]]) -> None:
        searchable = 0
        for paragraph in paragraphs:
            content_hash = paragraph.content_hash
            # The same words in the same article keep their id, so that a search has nothing to learn.
            number = reusable[content_hash].pop(0) if reusable.get(content_hash) else self._take_id()
            terms = 0
            if not paragraph.boilerplate:
                terms = len(analyze(paragraph.embedded_text))
                self._written.append(number)
                self._terms += terms
                searchable += 1
            self._insert(number, article_id, paragraph, terms, content_hash)
        self._paragraphs += searchable
        self._database.execute("UPDATE articles SET paragraphs = ? WHERE id = ?", (searchable, article_id))

    def _take_id(self) -> int:
        self._next_paragraph += 1
        return self._next_paragraph - 1

    def _insert(self, number: int, article_id: int, paragraph: Paragraph, terms: int, content_hash: bytes) -> None:
        vector = None if paragraph.boilerplate else self._find_vector(content_hash)
        row = (
            number,
            article_id,
            paragraph.ordinal,
            paragraph.block,
            paragraph.start,
            paragraph.end,
            paragraph.line,
            paragraph.page,
            None if paragraph.heading is None else pack_text(paragraph.heading),
            pack_text(paragraph.context),
            terms,
            int(paragraph.boilerplate),
            vector,
            content_hash,
        )
        self._database.execute("INSERT INTO paragraphs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if vector is not None:
            self._database.execute("DELETE FROM orphans WHERE vector = ?", (vector,))

    def _find_vector(self, content_hash: bytes) -> int:
        query = "SELECT id FROM vectors WHERE content_hash = ? AND space = ?"
        row = self._database.execute(query, (content_hash, self._space)).fetchone()
        if row is None:
            raise records.damaged("a vector that was finished is missing")
        return int(row[0])

    def finish(self) -> tuple[Ids, Ids]:
        """Brings totals and uses of vectors up to date.

        :return: ids (ascending) of the paragraphs that a search gains, and of those that it loses.
        """
        import numpy as np

        self._note_orphans()
        records.save_state(
            self._database,
            articles=self._articles,
            paragraphs=self._paragraphs,
            terms=self._terms,
            next_paragraph=self._next_paragraph,
            next_article=self._next_article,
        )
        written, removed = _as_ids(self._written), _as_ids(self._removed)
        return np.setdiff1d(written, removed), np.setdiff1d(removed, written)

    def _note_orphans(self) -> None:
        import numpy as np

        used = "SELECT 1 FROM paragraphs WHERE vector = ?"
        for vector in map(int, np.unique(_as_ids(self._loose))):
            if self._database.execute(used, (vector,)).fetchone() is None:
                self._database.execute("INSERT OR IGNORE INTO orphans VALUES (?, ?)", (vector, self._generation))
        oldest = self._generation - ORPHAN_GENERATIONS
        old = "SELECT vector FROM orphans WHERE generation < ?"
        unused = "NOT EXISTS (SELECT 1 FROM paragraphs WHERE vector = vectors.id)"
        self._database.execute(f"DELETE FROM vectors WHERE id IN ({old}) AND {unused}", (oldest,))  # noqa: S608
        self._database.execute("DELETE FROM orphans WHERE generation < ?", (oldest,))


def _as_ids(values: array[int]) -> Ids:
    import numpy as np

    return np.frombuffer(values.tobytes(), dtype=np.int64)


def save_touched(database: sqlite3.Connection, files: Iterable[SourceFile], looked_ns: int) -> None:
    """Renews size, times and identity of files whose bytes are the same."""
    rows = ((file.size, file.mtime_ns, file.identity, looked_ns, pack_text(file.path)) for file in files)
    database.executemany("UPDATE articles SET size = ?, mtime_ns = ?, inode = ?, looked_ns = ? WHERE path = ?", rows)


def save_skipped(database: sqlite3.Connection, skipped: Iterable[tuple[Skipped, SourceFile | None]]) -> None:
    """Replaces the list of skipped files. One with size and times is not tried again until these change."""
    database.execute("DELETE FROM skipped")
    for skip, file in skipped:
        stat = (None, None, None) if file is None else (file.size, file.mtime_ns, file.identity)
        row = (pack_text(skip.path), pack_text(skip.reason), *stat)
        database.execute("INSERT OR REPLACE INTO skipped VALUES (?, ?, ?, ?, ?)", row)


def load_skipped(database: sqlite3.Connection) -> set[tuple[str, str, tuple[int, ...] | None]]:
    """(path, reason, size and times if they are known) of the stored list."""
    rows = database.execute("SELECT path, reason, size, mtime_ns, inode FROM skipped")
    return {
        (unpack_text(path), unpack_text(reason), None if stat[0] is None else tuple(stat))
        for path, reason, *stat in rows
    }
