"""The only importer of tantivy: searches words in files that never change once they are written.

tantivy's segments are shared between generations. Deleted paragraphs stay in them, hidden, until so many are dead that
the files are made anew.
"""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.durable import FileStamp, stamp_file
from index.engines.protocols import EngineInfo, LexicalSource, Place
from index.text.words import prepare_words

if TYPE_CHECKING:
    from index.types import Ids

_PURGE_LIMIT = 5_000
"""Paragraphs up to which a deletion makes the files anew (0.4 s at the limit), so that nothing of the text is left. In
a larger index the words of what was deleted stay in the term lists until a fifth of the paragraphs is gone, or a
rebuild."""
_DEAD_SHARE = 0.2
_ANALYZER = "qa"
_LONGEST_WORD_BYTES = 200
_META_NAME = "meta.json"
_OWN_FILES = frozenset({_META_NAME, ".managed.json"})
"""tantivy replaces these; its other files never change once written."""


class TantivyEngine:
    """Writes and opens words; see `protocols.Engine`."""

    form = "tantivy 1"

    def write(
        self, target: Place, previous: Place | None, source: LexicalSource, added: Ids, removed: Ids
    ) -> list[FileStamp]:
        """See `protocols.Engine.write`."""
        if previous is not None and _can_follow(previous, source, len(added), len(removed)):
            files = _share_all(previous, target)
            _add(files, source.load_some(added), removed.tolist(), source.heap_bytes)
            return _stamp_all(target, previous)
        _add(_create(target.folder), source.load_all(), (), source.heap_bytes)
        return _stamp_all(target, None)

    def open(self, place: Place) -> TantivySearcher:
        """See `protocols.Engine.open`."""
        return TantivySearcher(place.folder)

    def discard(self, place: Place) -> None:
        """Everything is in the place's folder."""


class TantivySearcher:
    """The words of one generation."""

    def __init__(self, folder: Path) -> None:
        """
        :raises OSError: if files are missing.
        :raises ValueError: if they are damaged.
        """
        self._tantivy = _load_tantivy()
        files, self._searcher = _open_for_reading(folder)
        self._schema = files.schema
        segments = json.loads((folder / _META_NAME).read_text("utf-8"))["segments"]
        self.dead = sum(int((segment["deletes"] or {}).get("num_deleted_docs", 0)) for segment in segments)
        """Deleted paragraphs whose words are still in the files."""
        self._alive: dict[str, int] = {}

    @property
    def info(self) -> EngineInfo:
        """How words are searched."""
        figures = {"paragraphs": self.count(), "dead": self.dead}
        deleted = f"; {self.dead:,} deleted since the last rebuild" if self.dead else ""
        return EngineInfo("tantivy", False, f"{self.count():,} paragraphs{deleted}", figures)

    def count(self) -> int:
        """Paragraphs that a search can find."""
        return int(self._searcher.num_docs)

    def close(self) -> None:
        """The files are released with this object: tantivy cannot close them."""

    def search(self, terms: Sequence[str], k: int, articles: Iterable[int] | None = None) -> Ids:
        """See `protocols.LexicalSearcher.search`."""
        import numpy as np

        if not terms:
            return np.empty(0, dtype=np.int64)
        should = self._tantivy.Occur.Should
        query = self._tantivy.Query.boolean_query([(should, self._term(term)) for term in terms])
        if articles is not None:
            must = self._tantivy.Occur.Must
            allowed = self._tantivy.Query.term_set_query(self._schema, "article", list(articles))
            within = self._tantivy.Query.const_score_query(allowed, 0.0)
            query = self._tantivy.Query.boolean_query([(must, query), (must, within)])
        hits = self._searcher.search(query, limit=k, count=False).hits
        return np.array(self._searcher.fast_field_values("id", [address for _, address in hits]), dtype=np.int64)

    def count_paragraphs(self, terms: Iterable[str]) -> dict[str, int]:
        """See `protocols.LexicalSearcher.count_paragraphs`."""
        if not self.dead:
            return {term: int(self._searcher.doc_freq("body", term)) for term in terms}
        # Counting a common word's paragraphs takes up to 5 ms of 1,000,000, and the same words come again.
        wanted = list(terms)
        self._alive |= {term: self._count_alive(term) for term in wanted if term not in self._alive}
        return {term: self._alive[term] for term in wanted}

    def _count_alive(self, term: str) -> int:
        query = self._tantivy.Query.const_score_query(self._term(term), 1.0)
        return int(self._searcher.search(query, limit=1, count=True).count)

    def _term(self, term: str) -> Any:
        return self._tantivy.Query.term_query(self._schema, "body", term, "freq")


def split_into_terms(prepared: str) -> list[str]:
    """The terms that are indexed of a text prepared by `prepare_words`, in order and repeated as they occur."""
    terms: list[str] = _analyzer().analyze(prepared)
    return terms


def _can_follow(previous: Place, source: LexicalSource, added: int, removed: int) -> bool:
    """False if it is better, or necessary, to start anew."""
    if removed and source.count <= _PURGE_LIMIT:
        return False
    try:
        before = TantivySearcher(previous.folder)
    except (OSError, ValueError):
        return False
    few_dead = before.dead + removed <= _DEAD_SHARE * source.count
    return few_dead and before.count() + added - removed == source.count


def _share_all(previous: Place, target: Place) -> Any:
    """`target` with the segments of `previous`."""
    for name in previous.stamps:
        if name in _OWN_FILES:
            (target.folder / name).write_bytes((previous.folder / name).read_bytes())
        else:
            previous.share(name, target)
    with _refusals():
        return _open(target.folder)


def _add(files: Any, documents: Iterable[tuple[int, int, str]], removed: Sequence[int], heap_bytes: int) -> None:
    """Deletes, adds and commits. Returns when merging has ended, so that nothing is written later."""
    tantivy = _load_tantivy()
    with _refusals():
        # One thread: the order of documents, and with it the files, depend on the articles alone.
        writer = files.writer(heap_bytes, 1)
        for paragraph_id in removed:
            writer.delete_documents_by_term("id", paragraph_id)
        for paragraph_id, article_id, text in documents:
            document = tantivy.Document()
            document.add_integer("id", paragraph_id)
            document.add_integer("article", article_id)
            document.add_text("body", prepare_words(text))
            writer.add_document(document)
        writer.commit()
        writer.garbage_collect_files()
        writer.wait_merging_threads()


def _stamp_all(target: Place, previous: Place | None) -> list[FileStamp]:
    """Syncs the new files and removes tantivy's locks. Shared files are known and not read again."""
    stamps = []
    for path in sorted(target.folder.iterdir()):
        if path.name.endswith(".lock"):
            path.unlink()
        elif previous is not None and path.name in previous.stamps and path.name not in _OWN_FILES:
            stamps.append(replace(previous.stamps[path.name], path=path.relative_to(target.index).as_posix()))
        else:
            stamps.append(stamp_file(path, target.index))
    return stamps


@contextmanager
def _refusals() -> Iterator[None]:
    """tantivy reports a full disk as a ValueError with the system's error number in its text."""
    try:
        yield
    except ValueError as error:
        number = re.search(r"\(os error (\d+)\)|code: (\d+)", str(error))
        code = int(number[1] or number[2]) if number else errno.EIO
        raise OSError(code, os.strerror(code)) from error


def _create(folder: Path) -> Any:
    tantivy = _load_tantivy()
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", indexed=True, fast=True)
    builder.add_integer_field("article", indexed=True)
    # Frequencies without positions: no phrase is ever searched for, and positions are half of the size.
    builder.add_text_field("body", tokenizer_name=_ANALYZER, index_option="freq")
    with _refusals():
        files = tantivy.Index(builder.build(), str(folder), reuse=False)
    return _prepare_files(files)


def _open(folder: Path) -> Any:
    return _prepare_files(_load_tantivy().Index.open(str(folder)))


def _prepare_files(files: Any) -> Any:
    """With our analyzer, and without the thread that loads the files again after every commit: it would leave a lock
    file in a finished folder, or read files that are being removed."""
    files.register_tokenizer(_ANALYZER, _analyzer())
    files.config_reader("manual", 0)
    return files


def _open_for_reading(folder: Path) -> tuple[Any, Any]:
    """The files and a searcher over them. tantivy makes a lock file even to read, so a folder that cannot be written is
    read through a folder of links, which is removed once the files are open."""
    if os.access(folder, os.W_OK):
        return _searcher_of(folder)
    with tempfile.TemporaryDirectory() as links:
        for path in folder.iterdir():
            if not path.name.endswith(".lock"):
                Path(links, path.name).symlink_to(path.absolute())
        return _searcher_of(Path(links))


def _searcher_of(folder: Path) -> tuple[Any, Any]:
    files = _open(folder)
    return files, files.searcher()


def _load_tantivy() -> Any:
    import tantivy  # 15 ms

    return tantivy


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    tantivy = _load_tantivy()
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(_LONGEST_WORD_BYTES),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()
