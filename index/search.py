"""From a question and its vector to candidates: both engines propose, every proposal is scored exactly, and both scores
are fused.

Each candidate gets both scores, whichever engine found it: the cosine of the stored vector and BM25 of the text. Ties
are broken by where the paragraphs stand, so the order depends on the articles alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from index.durable import storage_errors
from index.engines.bm25 import LexicalScore, keep_rarest, score_bm25, weigh_terms, without_stop_words
from index.storage import records
from index.storage.snapshot import Snapshot
from index.types import Candidate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.types import Ids, Vectors

Score = TypeVar("Score")
_Places = Mapping[int, tuple[str, int]]
"""(path, ordinal) of paragraphs by their ids."""

DEPTH = 50
"""Paragraphs that each engine proposes."""
_EXTRA = 2
"""How many times as many are asked for, because an engine's order is only near the exact one."""
_EXTRA_EXACT = 10
"""How many more are asked for if an engine's order is exact but for rounding."""
_MOST_TIES = 65_536
"""Paragraphs with the very same vector beyond which their order does not matter."""
LEXICAL_WEIGHT = 0.02
"""A point of BM25 against a cosine of 1. A long question has more points, so its words weigh more by themselves, which
is what long news questions need: if both scores are scaled to 0..1, hit@1 on news is .546 instead of .729."""


def search_candidates(
    snapshot: Snapshot,
    question: str,
    question_vector: Vectors,
    *,
    context: str = "",
    context_weight: float = 0.0,
    depth: int = DEPTH,
    within: Collection[str] | None = None,
) -> list[Candidate]:
    """The paragraphs that may answer, best first; at most twice `depth`, fewer if there are fewer.

    :param question: the words to search for.
    :param question_vector: (d,) float32 of unit length, of the encoder the index was made with.
    :param context: words that weigh `context_weight` (0..1) of the question's own, such as the question before it.
    :param within: paths of the articles that may be found; None is all. The filter is part of both searches.
    :raises IndexDamagedError: if a stored vector or text is not what was stored.
    """
    articles = None if within is None else snapshot.find_article_ids(within)
    if articles is not None and not articles:
        return []
    terms = weigh_terms(question, context, context_weight)
    scoring = _Scoring(snapshot, terms, question_vector)
    searched = keep_rarest(without_stop_words(terms), scoring.frequencies)
    dense_ids, lexical_ids = _propose(snapshot, searched, question_vector, depth, articles)
    by_dense = _best(snapshot, scoring.score_dense(dense_ids), depth)
    words = scoring.score_lexical(lexical_ids)
    by_lexical = _best(snapshot, {number: score.bm25 for number, score in words.items() if score.bm25}, depth)
    fused = fuse(scoring.complete(by_dense, by_lexical))
    return fuse(fused, _find_places(snapshot, _tied({one.paragraph_id: one.fused for one in fused})))


def fuse(candidates: Sequence[Candidate], places: _Places | None = None) -> list[Candidate]:
    """The candidates by the sum of their scores, best first.

    :param places: where paragraphs of equal scores stand, which breaks the tie; without it their ids do.
    """
    fused = [replace(one, fused=(one.dense or 0.0) + LEXICAL_WEIGHT * (one.lexical or 0.0)) for one in candidates]
    return sorted(fused, key=lambda one: (-one.fused, _place(places, one.paragraph_id)))


def _place(places: _Places | None, paragraph_id: int) -> tuple[str, int]:
    return ("", paragraph_id) if places is None else places.get(paragraph_id, ("", paragraph_id))


def _propose(
    snapshot: Snapshot, terms: Sequence[str], vector: Vectors, depth: int, articles: list[int] | None
) -> tuple[list[int], list[int]]:
    """What the vector engine and the lexical engine find. In a large index each takes 10 ms, so they are asked side by
    side."""
    if snapshot.vectors.info.exact:
        lexical = snapshot.lexical.search(terms, depth * _EXTRA, articles)
        return _propose_dense(snapshot, vector, depth, articles).tolist(), lexical.tolist()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(snapshot.lexical.search, terms, depth * _EXTRA, articles)
        dense = _propose_dense(snapshot, vector, depth, articles)
        return dense.tolist(), waiting.result().tolist()


def _propose_dense(snapshot: Snapshot, vector: Vectors, depth: int, articles: list[int] | None) -> Ids:
    """The ids of the nearest paragraphs, and of all that are as near as the last of them."""
    allowed = None if articles is None else snapshot.find_paragraph_ids(articles)
    k = depth + _EXTRA_EXACT if snapshot.vectors.info.exact else depth * _EXTRA
    while True:
        ids, scores = snapshot.vectors.search(vector, k, allowed)
        # Equal texts have equal vectors. Which of them a cut leaves out must not depend on the engine.
        if len(ids) < k or scores[-1] < scores[depth - 1] or k >= _MOST_TIES:
            return ids
        k *= 4


class _Scoring:
    """The exact scores of one question, each computed once."""

    def __init__(self, snapshot: Snapshot, terms: Mapping[str, float], vector: Vectors) -> None:
        self._snapshot = snapshot
        self._terms = terms
        self._vector = vector
        self.frequencies = snapshot.lexical.count_paragraphs(terms)
        """Of each term, the number of paragraphs that hold it."""
        self._dense: dict[int, float] = {}
        self._lexical: dict[int, LexicalScore] = {}

    def score_dense(self, ids: Sequence[int]) -> dict[int, float]:
        """The cosine of each."""
        wanted = [number for number in ids if number not in self._dense]
        if wanted:
            with storage_errors(self._snapshot.folder):
                found, matrix = records.load_vectors(self._snapshot.database, wanted)
            self._dense |= zip(found.tolist(), _cosines(matrix, self._vector).tolist(), strict=True)
        return {number: _present(self._dense, number) for number in ids}

    def score_lexical(self, ids: Sequence[int]) -> dict[int, LexicalScore]:
        """BM25 and coverage of each."""
        wanted = [number for number in ids if number not in self._lexical]
        if wanted:
            with storage_errors(self._snapshot.folder):
                texts = {number: text for number, _, text in records.load_texts(self._snapshot.database, wanted)}
            scores = score_bm25(self._terms, list(texts.values()), self.frequencies, self._snapshot.figures)
            self._lexical |= zip(texts, scores, strict=True)
        return {number: _present(self._lexical, number) for number in ids}

    def complete(self, *found: Sequence[int]) -> list[Candidate]:
        """Everything that either engine found, with both scores; `fused` is still 0."""
        ids = sorted({number for one in found for number in one})
        dense, lexical = self.score_dense(ids), self.score_lexical(ids)
        return [Candidate(number, dense[number], lexical[number].bm25, 0.0, lexical[number].coverage) for number in ids]


def _present(scores: Mapping[int, Score], number: int) -> Score:
    try:
        return scores[number]
    except KeyError:
        raise records.damaged("a paragraph that a search finds is missing") from None


def _best(snapshot: Snapshot, scores: Mapping[int, float], depth: int) -> list[int]:
    """The first `depth`, equal ones by where they stand."""
    places = _find_places(snapshot, _tied(scores))
    return sorted(scores, key=lambda number: (-scores[number], _place(places, number)))[:depth]


def _tied(scores: Mapping[int, float]) -> list[int]:
    """Those that share their score with another: it only matters for them where they stand."""
    counts = Counter(scores.values())
    return [number for number, score in scores.items() if counts[score] > 1]


def _cosines(matrix: Vectors, vector: Vectors) -> NDArray[np.float32]:
    """(n,) inner products, each summed on its own: a matrix product may add up in another order for another n, and the
    last bit would depend on what else was found."""
    import numpy as np

    products: NDArray[np.float32] = (matrix * np.asarray(vector, dtype=np.float32)).sum(axis=1)
    return products


def _find_places(snapshot: Snapshot, ids: Sequence[int]) -> dict[int, tuple[str, int]]:
    query = "SELECT p.id, a.path, p.ordinal FROM paragraphs p JOIN articles a ON a.id = p.article WHERE p.id IN"
    rows = records.select_in(snapshot.database, query, ids)
    return {number: (path.decode("utf-8", "surrogatepass"), ordinal) for number, path, ordinal in rows}
