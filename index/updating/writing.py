"""Owns how one generation's rows become the next one's, inside one transaction, and which paragraphs a search gains
and loses by it.

The work is in proportion to what changed: totals, counts of repeated paragraphs and uses of vectors are kept, not
counted anew.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from index.engines.bm25 import analyze
from index.storage import records
from index.storage.records import REPEATED, RULE
from index.storage.schema import pack_text, unpack_text
from index.text.boilerplate import MAX_LENGTH, can_be_boilerplate, is_repeated, repetition_key
from index.types import Paragraph, Skipped, SourceFile
from index.updating.staging import StagedArticle

if TYPE_CHECKING:
    from index.types import Ids

ORPHAN_GENERATIONS = 20
"""Generations for which a vector outlives its last paragraph, so that going back to an earlier text embeds nothing.
It is kept under the hash of its text; the text itself is gone at once."""
_OFTEN = 3
"""Articles a repetition key must stand in before it can be furniture; the database has an index of these."""


class GenerationWriter:
    """The rows of a generation that is being made; the caller has begun a transaction and commits it."""

    def __init__(self, database: sqlite3.Connection, generation: int, space: int) -> None:
        self._database = database
        self._generation = generation
        self._space = space
        state = records.load_state(database)
        self._articles = int(state.get("articles") or 0)
        self._articles_before = self._articles
        self._paragraphs = int(state.get("paragraphs") or 0)
        self._terms = int(state.get("terms") or 0)
        self._next_paragraph = int(state.get("next_paragraph") or 1)
        self._next_article = int(state.get("next_article") or 1)
        # Arrays: of each paragraph of a large folder these hold something, in 8 bytes where a set takes 70.
        self._gained = array("q")
        """Ids of paragraphs that became searchable, each time they did."""
        self._lost = array("q")
        """Ids of paragraphs that ceased to be, likewise."""
        self._new_keys = array("q")
        """Repetition keys of new rows."""
        self._rarer_keys = array("q")
        """Those that stand in fewer articles than before."""
        self._loose = array("q")
        """Vectors that a removed row used."""
        self._touched: set[int] = set()
        """Articles whose number of searchable paragraphs may have changed."""

    def delete_article(self, article_id: int) -> None:
        """Removes the article with everything that was made of it."""
        self._remove_rows(article_id)
        records.delete_text(self._database, article_id)
        self._database.execute("DELETE FROM articles WHERE id = ?", (article_id,))
        self._articles -= 1
        self._touched.discard(article_id)

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
        self._touched.add(article_id)

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
        """Removes the paragraphs of an article; their ids by content hash, first ones first."""
        rows = self._database.execute(
            "SELECT id, content_hash, repetition, furniture, terms, vector FROM paragraphs "
            "WHERE article = ? ORDER BY ordinal",
            (article_id,),
        ).fetchall()
        reusable: dict[bytes, list[int]] = {}
        for number, content_hash, _, furniture, terms, vector in rows:
            reusable.setdefault(content_hash, []).append(number)
            if not furniture:
                self._lose(number, terms)
            if vector is not None:
                self._loose.append(vector)
        self._database.execute("DELETE FROM paragraphs WHERE article = ?", (article_id,))
        self._count_repetitions({row[2] for row in rows if row[2] is not None}, -1)
        return reusable

    def _add_rows(self, article_id: int, paragraphs: Sequence[Paragraph], reusable: dict[bytes, list[int]]) -> None:
        keys = set()
        for paragraph in paragraphs:
            content_hash = paragraph.content_hash
            # The same words in the same article keep their id, so that a search has nothing to learn.
            number = reusable[content_hash].pop(0) if reusable.get(content_hash) else self._take_id()
            key = _key_of(paragraph)
            terms = len(analyze(paragraph.embedded_text))
            if key is not None:
                keys.add(key)
            if not paragraph.boilerplate:
                self._gain(number, terms)
            self._insert(number, article_id, paragraph, terms, key, content_hash)
        self._count_repetitions(keys, 1)
        self._new_keys.extend(keys)

    def _gain(self, number: int, terms: int) -> None:
        self._gained.append(number)
        self._paragraphs += 1
        self._terms += terms

    def _lose(self, number: int, terms: int) -> None:
        self._lost.append(number)
        self._paragraphs -= 1
        self._terms -= terms

    def _take_id(self) -> int:
        self._next_paragraph += 1
        return self._next_paragraph - 1

    def _insert(
        self, number: int, article_id: int, paragraph: Paragraph, terms: int, key: int | None, content_hash: bytes
    ) -> None:
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
            RULE if paragraph.boilerplate else 0,
            key,
            vector,
            content_hash,
        )
        self._database.execute("INSERT INTO paragraphs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if vector is not None:
            self._database.execute("DELETE FROM orphans WHERE vector = ?", (vector,))

    def _find_vector(self, content_hash: bytes) -> int:
        query = "SELECT id FROM vectors WHERE content_hash = ? AND space = ?"
        row = self._database.execute(query, (content_hash, self._space)).fetchone()
        if row is None:
            raise records.damaged("a vector that was finished is missing")
        return int(row[0])

    def _count_repetitions(self, keys: set[int], step: int) -> None:
        add = "INSERT INTO repetitions VALUES (?1, 1) ON CONFLICT (key) DO UPDATE SET articles = articles + ?2"
        self._database.executemany(add, ((key, step) for key in keys))
        if step < 0:
            empty = "DELETE FROM repetitions WHERE key = ? AND articles <= 0"
            self._database.executemany(empty, ((key,) for key in keys))
            self._rarer_keys.extend(keys)

    def finish(self) -> tuple[Ids, Ids]:
        """Decides again what repetition makes furniture, and brings totals and uses of vectors up to date.

        :return: ids (ascending) of the paragraphs that a search gains, and of those that it loses.
        """
        self._decide_repetitions()
        self._count_searchable()
        self._note_orphans()
        records.save_state(
            self._database,
            articles=self._articles,
            paragraphs=self._paragraphs,
            terms=self._terms,
            next_paragraph=self._next_paragraph,
            next_article=self._next_article,
        )
        return _more_often(self._gained, self._lost), _more_often(self._lost, self._gained)

    def _decide_repetitions(self) -> None:
        """Only for keys whose decision can have changed: those of new and removed rows, and where the number of
        articles moved the threshold over a key's count."""
        counts = dict(
            self._database.execute(f"SELECT key, articles FROM repetitions WHERE articles >= {_OFTEN}")  # noqa: S608
        )
        moved = {key for key, count in counts.items() if self._threshold_moved(count)}
        moved.update(key for key in self._new_keys if key in counts)
        for key in moved:
            self._decide(key, counts[key])
        for key in _different(self._rarer_keys):
            if key not in moved:
                self._decide(key, counts.get(key, 0))

    def _threshold_moved(self, count: int) -> bool:
        if self._articles == self._articles_before:
            return False
        return _decisions(count, self._articles) != _decisions(count, self._articles_before)

    def _decide(self, key: int, count: int) -> None:
        rows = self._database.execute(
            "SELECT id, article, stop - start, furniture, terms FROM paragraphs WHERE repetition = ?", (key,)
        ).fetchall()
        for number, article_id, length, furniture, terms in rows:
            repeated = count >= _OFTEN and is_repeated(count, self._articles, length)
            if repeated == bool(furniture & REPEATED):
                continue
            self._touched.add(article_id)
            decided = furniture ^ REPEATED
            self._database.execute("UPDATE paragraphs SET furniture = ? WHERE id = ?", (decided, number))
            if not decided:
                self._gain(number, terms)
            elif not furniture:
                self._lose(number, terms)

    def _count_searchable(self) -> None:
        self._database.executemany(
            "UPDATE articles SET paragraphs = "
            "(SELECT count(*) FROM paragraphs WHERE article = ?1 AND furniture = 0) WHERE id = ?1",
            ((number,) for number in self._touched),
        )

    def _note_orphans(self) -> None:
        used = "SELECT 1 FROM paragraphs WHERE vector = ?"
        for vector in _different(self._loose):
            if self._database.execute(used, (vector,)).fetchone() is None:
                self._database.execute("INSERT OR IGNORE INTO orphans VALUES (?, ?)", (vector, self._generation))
        oldest = self._generation - ORPHAN_GENERATIONS
        old = "SELECT vector FROM orphans WHERE generation < ?"
        unused = "NOT EXISTS (SELECT 1 FROM paragraphs WHERE vector = vectors.id)"
        self._database.execute(f"DELETE FROM vectors WHERE id IN ({old}) AND {unused}", (oldest,))  # noqa: S608
        self._database.execute("DELETE FROM orphans WHERE generation < ?", (oldest,))


def _sorted(values: array[int]) -> Ids:
    import numpy as np

    return np.sort(np.frombuffer(values.tobytes(), dtype=np.int64))


def _different(values: array[int]) -> Iterator[int]:
    """Each value once, ascending."""
    before = None
    for value in map(int, _sorted(values)):
        if value != before:
            yield value
        before = value


def _more_often(some: array[int], others: array[int]) -> Ids:
    """Ids (ascending) that stand once more in `some` than in `others`: a paragraph is gained and lost in turn."""
    import numpy as np

    more, fewer = _sorted(some), _sorted(others)
    if len(fewer):
        ids, counts = np.unique(more, return_counts=True)
        more = ids[counts > np.searchsorted(fewer, ids, "right") - np.searchsorted(fewer, ids, "left")]
    return more


def save_touched(database: sqlite3.Connection, files: Iterable[SourceFile], looked_ns: int) -> None:
    """Renews what the file system tells of files whose bytes are the same."""
    rows = ((file.size, file.mtime_ns, file.identity, looked_ns, pack_text(file.path)) for file in files)
    database.executemany("UPDATE articles SET size = ?, mtime_ns = ?, inode = ?, looked_ns = ? WHERE path = ?", rows)


def save_skipped(database: sqlite3.Connection, skipped: Iterable[tuple[Skipped, SourceFile | None]]) -> None:
    """Replaces the list of skipped files; with a file's size and times it is not tried again until these change."""
    database.execute("DELETE FROM skipped")
    for skip, file in skipped:
        stat = (None, None, None) if file is None else (file.size, file.mtime_ns, file.identity)
        row = (pack_text(skip.path), pack_text(skip.reason), *stat)
        database.execute("INSERT OR REPLACE INTO skipped VALUES (?, ?, ?, ?, ?)", row)


def load_skipped(database: sqlite3.Connection) -> set[tuple[str, str, tuple[int, ...] | None]]:
    """(path, reason, size and times where they are known) of the list as it is stored."""
    rows = database.execute("SELECT path, reason, size, mtime_ns, inode FROM skipped")
    return {
        (unpack_text(path), unpack_text(reason), None if stat[0] is None else tuple(stat))
        for path, reason, *stat in rows
    }


def _key_of(paragraph: Paragraph) -> int | None:
    """Eight bytes of the repetition key; None where repetition never makes the paragraph furniture."""
    if not can_be_boilerplate(paragraph.text):
        return None
    return int.from_bytes(repetition_key(paragraph.text)[:8], "big", signed=True)


@lru_cache(maxsize=4096)
def _decisions(count: int, articles: int) -> tuple[bool, ...]:
    """Of every length a repeated unit can have."""
    return tuple(is_repeated(count, articles, length) for length in range(MAX_LENGTH + 1))
