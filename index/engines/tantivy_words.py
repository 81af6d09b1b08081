"""The only importer of tantivy: the lexical half of a generation, and the exact BM25 of what it proposes.

tantivy proposes and does not decide: its statistics count deleted paragraphs until their segment is merged, and it
rounds lengths. The proposals are scored again from their text, with document frequencies and lengths of what is alive,
so that a score depends on the articles alone and not on the history of the folder.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.durable import FileStamp, Previous, link_or_copy, stamp_file

if TYPE_CHECKING:
    from index.types import Ids

K1 = 0.9
B = 0.4
"""BM25's constants (Robertson and Zaragoza, 2009): how soon repeating a word stops to count, how much length does. With
1.2 and .75 hit@1 is .672 on news and .636 on excerpts, with these .734 and .702; single-answer sets differ by .01."""
MAX_QUERY_TERMS = 64
"""The rarest words of a longer question are searched for."""
_PURGE_LIMIT = 5_000
"""Paragraphs up to which a deletion makes the files anew (0.4 s at the limit), so that nothing of the text is left.
Beyond, the words of what was deleted stay in the term lists until a fifth of the paragraphs is gone, or a rebuild."""
_DEAD_SHARE = 0.2
_ANALYZER = "qa"
ANALYSIS_VERSION = 2
"""Raised when a text comes to have other terms; the lexical half is then made again."""
_THOUSANDS = re.compile(r",(?<=\d,)(?=\d{3}(?!\d))")
_POINTS = re.compile(r"[.,](?<=\d.)(?=\d)")
_UNPARTED = re.compile(r"([\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")
"""Scripts that do not part words: each character is a word."""
_LONGEST_WORD_BYTES = 200
_STOP_WORDS = frozenset(
    "a an and are as at be been but by can could did do does for from had has have he her his how i in "
    "into is it its me my of on or our she should so than that the their them there these they this those "
    "to was we were what when where which who whom whose why will with would you your".split()
)
_OWN_FILES = frozenset({"meta.json", ".managed.json"})
"""tantivy replaces these; all its other files never change once written."""


@dataclass(frozen=True, slots=True)
class LexicalSource:
    """Where the words of a generation come from: the database, streamed."""

    count: int
    """Paragraphs that the generation is to hold."""
    load_all: Callable[[], Iterator[tuple[int, int, str]]]
    """(paragraph id, article id, text with context) of all of them."""
    load_some: Callable[[Ids], Iterator[tuple[int, int, str]]]
    """Those of the given ids."""
    heap_bytes: int = 64 << 20
    """Words gathered before they become a segment."""


@dataclass(frozen=True, slots=True)
class CorpusFigures:
    """What BM25 has to know of the whole."""

    paragraphs: int
    terms: int
    """Of all paragraphs together."""

    @property
    def mean_length(self) -> float:
        """Terms of a paragraph; 1.0 where there is none."""
        return self.terms / self.paragraphs if self.paragraphs else 1.0


class LexicalIndex:
    """The lexical half of one generation."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where files are missing, ValueError where they are damaged."""
        self._tantivy = _load_tantivy()
        self._files, self._searcher = _open_for_reading(folder)
        self._schema = self._files.schema
        segments = json.loads((folder / "meta.json").read_text("utf-8"))["segments"]
        self.dead = sum(int((segment["deletes"] or {}).get("num_deleted_docs", 0)) for segment in segments)
        """Deleted paragraphs whose words are still in the files."""
        self._alive: dict[str, int] = {}

    def count(self) -> int:
        """Paragraphs that a search can find."""
        return int(self._searcher.num_docs)

    def search(self, terms: Sequence[str], k: int, articles: Iterable[int] | None = None) -> Ids:
        """The ids of up to `k` paragraphs that hold any of the terms, about best first.

        :param terms: as `without_stop_words` gives them.
        :param articles: ids of the articles that may be found; the others are passed over inside the search.
        """
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
        """How many of the paragraphs alive hold each term."""
        if not self.dead:
            return {term: int(self._searcher.doc_freq("body", term)) for term in terms}
        # Going through a common word's paragraphs takes up to 5 ms of 1,000,000, and the same words come again.
        self._alive |= {term: self._count_alive(term) for term in terms if term not in self._alive}
        return {term: self._alive[term] for term in terms}

    def rarest(self, terms: Sequence[str], most: int = MAX_QUERY_TERMS) -> list[str]:
        """The terms that fewest paragraphs hold, at most `most`, in the order given."""
        if len(terms) <= most:
            return list(terms)
        frequencies = {term: self._searcher.doc_freq("body", term) for term in terms}
        kept = set(sorted(terms, key=lambda term: (frequencies[term], term))[:most])
        return [term for term in terms if term in kept]

    def _count_alive(self, term: str) -> int:
        query = self._tantivy.Query.const_score_query(self._term(term), 1.0)
        return int(self._searcher.search(query, limit=1, count=True).count)

    def _term(self, term: str) -> Any:
        return self._tantivy.Query.term_query(self._schema, "body", term, "freq")


def analyze(text: str) -> list[str]:
    """The terms of a text, in order, repeated as often as they stand there: lower case, without accents, stemmed."""
    terms: list[str] = _analyzer().analyze(_prepare(text))
    return terms


def weigh_terms(question: str, context: str = "", context_weight: float = 0.0) -> dict[str, float]:
    """The different terms to score by, in order: those of the question with weight 1, those that only `context` has
    with `context_weight`. Stop words count too: without them hit@1 on news is .594 instead of .734."""
    weighted = dict.fromkeys(analyze(question), 1.0)
    if context_weight > 0:
        for term in analyze(context):
            weighted.setdefault(term, context_weight)
    return weighted


def without_stop_words(terms: Iterable[str]) -> list[str]:
    """The terms worth searching for; all of them where there is nothing else."""
    every = list(terms)
    return [term for term in every if term not in _STOP_WORDS] or every


def find_missing_words(question: str, text: str) -> list[str]:
    """The words of the question, as typed and without stop words, whose terms the text does not hold."""
    held = set(analyze(text))
    missing = []
    for word in dict.fromkeys(question.split()):
        terms = [term for term in analyze(word) if term not in _STOP_WORDS]
        if terms and not held.intersection(terms):
            missing.append(word.strip("?!.,;:\"'()[]“”‘’«»"))
    return missing


@dataclass(frozen=True, slots=True)
class LexicalScore:
    """How the words of a text meet those of a question."""

    bm25: float
    """0 and up; higher is better."""
    coverage: float
    """0..1: share of the terms that the text holds, each by its weight and rarity."""


def score_bm25(
    terms: Mapping[str, float], texts: Sequence[str], frequencies: Mapping[str, int], figures: CorpusFigures
) -> list[LexicalScore]:
    """Each text for weighted terms.

    :param frequencies: of each term, how many paragraphs alive hold it.
    """
    weights = {term: weight * _idf(frequencies[term], figures.paragraphs) for term, weight in terms.items()}
    return [_score_one(weights, Counter(analyze(text)), figures.mean_length) for text in texts]


def _score_one(weights: Mapping[str, float], counts: Counter[str], mean_length: float) -> LexicalScore:
    norm = K1 * (1 - B + B * counts.total() / mean_length)
    score = held = 0.0
    for term, weight in weights.items():
        if count := counts.get(term):
            score += weight * count * (K1 + 1) / (count + norm)
            held += weight
    return LexicalScore(score, held / (sum(weights.values()) or 1.0))


def _idf(frequency: int, paragraphs: int) -> float:
    """Inverse document frequency in the form that is never negative, as in Lucene."""
    return math.log(1 + (paragraphs - frequency + 0.5) / (frequency + 0.5))


def write_lexical(
    target: Path, previous: Previous | None, source: LexicalSource, added: Ids, removed: Ids, folder: Path
) -> list[FileStamp]:
    """Writes the lexical half of a generation into the empty folder `target`, synced.

    :param previous: the lexical half it follows, whose segments are shared; None starts anew.
    :param added: ids that `previous` does not have.
    :param removed: ids that `previous` has and the new generation has not.
    :param folder: the index folder, to which the stamps' paths are relative.
    """
    files = _follow(target, previous, source, added, removed)
    if files is None:
        files = _create(target)
        _add(files, source.load_all(), (), source.heap_bytes)
    else:
        _add(files, source.load_some(added), removed.tolist(), source.heap_bytes)
    return _stamp_all(target, previous, folder)


def _follow(target: Path, previous: Previous | None, source: LexicalSource, added: Ids, removed: Ids) -> Any:
    """`target` with the segments of `previous`; None where it is better, or necessary, to start anew."""
    if previous is None or (len(removed) and source.count <= _PURGE_LIMIT):
        return None
    try:
        before = LexicalIndex(previous.folder)
    except (OSError, ValueError):
        return None
    dead = before.dead + len(removed)
    if dead > _DEAD_SHARE * source.count or before.count() + len(added) - len(removed) != source.count:
        return None
    for name in previous.stamps:
        if name in _OWN_FILES:
            (target / name).write_bytes((previous.folder / name).read_bytes())
        else:
            link_or_copy(previous.folder / name, target / name)
    with _refusals():
        return _open(target)


def _add(files: Any, documents: Iterable[tuple[int, int, str]], removed: Sequence[int], heap_bytes: int) -> None:
    """Deletes, adds and commits; ends when merging has ended, so that nothing is written later."""
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
            document.add_text("body", _prepare(text))
            writer.add_document(document)
        writer.commit()
        writer.garbage_collect_files()
        writer.wait_merging_threads()


def _stamp_all(target: Path, previous: Previous | None, folder: Path) -> list[FileStamp]:
    """Syncs the new files and forgets the locks; shared files are known and not read again."""
    stamps = []
    for path in sorted(target.iterdir()):
        if path.name.endswith(".lock"):
            path.unlink()
        elif previous is not None and path.name in previous.stamps and path.name not in _OWN_FILES:
            stamps.append(replace(previous.stamps[path.name], path=path.relative_to(folder).as_posix()))
        else:
            stamps.append(stamp_file(path, folder))
    return stamps


@contextmanager
def _refusals() -> Iterator[None]:
    """tantivy reports a full disk as ValueError with the system's number in its text."""
    try:
        yield
    except ValueError as error:
        number = re.search(r"\(os error (\d+)\)|code: (\d+)", str(error))
        code = int(number[1] or number[2]) if number else errno.EIO
        raise OSError(code, os.strerror(code)) from error


def _create(target: Path) -> Any:
    tantivy = _load_tantivy()
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", indexed=True, fast=True)
    builder.add_integer_field("article", indexed=True)
    # Frequencies without positions: no phrase is ever searched for, and positions are half of the size.
    builder.add_text_field("body", tokenizer_name=_ANALYZER, index_option="freq")
    with _refusals():
        files = tantivy.Index(builder.build(), str(target), reuse=False)
    return _prepare_files(files)


def _open(folder: Path) -> Any:
    return _prepare_files(_load_tantivy().Index.open(str(folder)))


def _prepare_files(files: Any) -> Any:
    """With our analyser, and without the thread that loads the files again after every commit: it would make its lock
    file in a folder that is finished, or read files that are being removed."""
    files.register_tokenizer(_ANALYZER, _analyzer())
    files.config_reader("manual", 0)
    return files


def _open_for_reading(folder: Path) -> tuple[Any, Any]:
    """The files and a searcher over them. tantivy makes a lock file even to read: where the folder cannot be written,
    it is given one of links, which may go again once the files are open."""
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


def _prepare(text: str) -> str:
    """The text as tantivy's plain tokenizer is to see it, which takes letters and digits together: 23 µs for a
    paragraph where its tokenizer by pattern takes 55. Numbers stay one word with their points, and lose the commas of
    thousands."""
    if not text.isascii():
        # Lone surrogates, which JSON escapes can bring into a text, become question marks.
        text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
        text = _UNPARTED.sub(r" \1 ", text)
    return _POINTS.sub("dot", _THOUSANDS.sub("", text))
