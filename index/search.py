"""From a question and its vector to candidates: what the dense and the lexical half propose, scored exactly and
fused.

Both halves only propose. Each candidate then gets both scores, the cosine from the stored vector and BM25 from the
text, whichever half found it, and ties are broken by where the paragraphs stand; so the order depends on the articles
alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from index import records
from index.durable import storage_errors
from index.lexical import score_bm25, weigh_terms, without_stop_words
from index.store import Snapshot
from index.types import Candidate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.types import Ids, Vectors

DEPTH = 50
"""Paragraphs that each half proposes."""
_EXTRA = 4
"""Times as many are looked at, because a half's own order is only near the exact one."""
_MOST_TIES = 65_536
"""Paragraphs of the very same vector beyond which their order is not looked at."""


LEXICAL_WEIGHT = 0.02
"""Of a point of BM25 against a cosine of 1. A long question has more points, so its words weigh more by themselves,
which is what long news questions need; hit@1 of scores scaled to 0..1 each: news .546 instead of .729."""


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
    """The paragraphs that may answer, best first; at most twice `depth`, fewer where there are fewer.

    :param question: the words to search for.
    :param question_vector: (d,) float32 of unit length, of the encoder the index was made with.
    :param context: words that count `context_weight` (0..1) of the question's own, such as the question before it.
    :param within: paths of the articles that may be found; None is all. It is applied inside both searches.
    :raises IndexDamagedError: where a stored vector or text is not what was stored.
    """
    articles = None if within is None else snapshot.find_article_ids(within)
    if articles is not None and not articles:
        return []
    terms = weigh_terms(question, context, context_weight)
    searched = snapshot.lexical.rarest(without_stop_words(terms))
    dense_ids = _propose_dense(snapshot, question_vector, depth, articles)
    lexical_ids = snapshot.lexical.search(searched, depth * _EXTRA, articles)
    scored = _score(snapshot, terms, question_vector, dense_ids.tolist(), lexical_ids.tolist())
    places = _places(snapshot, [candidate.paragraph_id for candidate in scored])
    return fuse(_keep_best(scored, depth, places), places)


def fuse(candidates: Sequence[Candidate], places: dict[int, tuple[str, int]] | None = None) -> list[Candidate]:
    """The candidates by the sum of their scores, best first.

    :param places: (path, ordinal) of each paragraph, which breaks ties; without them its id does.
    """
    fused = [replace(one, fused=(one.dense or 0.0) + LEXICAL_WEIGHT * (one.lexical or 0.0)) for one in candidates]
    return sorted(fused, key=lambda one: (-one.fused, _place(places, one.paragraph_id)))


def _place(places: dict[int, tuple[str, int]] | None, paragraph_id: int) -> tuple[str, int]:
    return ("", paragraph_id) if places is None else places[paragraph_id]


def _propose_dense(snapshot: Snapshot, vector: Vectors, depth: int, articles: list[int] | None) -> Ids:
    """The ids of the nearest paragraphs, and all that are as near as the last of them."""
    allowed = None if articles is None else snapshot.find_paragraph_ids(articles)
    k = depth * _EXTRA
    while True:
        ids, scores = snapshot.vectors.search(vector, k, allowed)
        # Equal texts have equal vectors: which of them a cut leaves out must not be chance.
        if len(ids) < k or scores[-1] < scores[depth - 1] or k >= _MOST_TIES:
            return ids
        k *= 4


def _score(
    snapshot: Snapshot, terms: Mapping[str, float], vector: Vectors, dense_ids: list[int], lexical_ids: list[int]
) -> list[Candidate]:
    """Every proposed paragraph with both scores, exactly; `fused` is still 0."""
    ids = sorted({*dense_ids, *lexical_ids})
    with storage_errors(snapshot.folder):
        found, matrix = records.load_vectors(snapshot.database, ids)
        texts = {number: text for number, _, text in records.load_texts(snapshot.database, ids)}
    if len(found) != len(ids) or len(texts) != len(ids):
        raise records.damaged("a paragraph that a search finds is missing")
    cosines = _cosines(matrix, vector).tolist() if ids else []
    frequencies = snapshot.lexical.count_paragraphs(terms)
    lexical = score_bm25(terms, [texts[number] for number in ids], frequencies, snapshot.figures)
    return [
        Candidate(number, cosine, words.bm25, 0.0, words.coverage)
        for number, cosine, words in zip(ids, cosines, lexical, strict=True)
    ]


def _cosines(matrix: Vectors, vector: Vectors) -> NDArray[np.float32]:
    """(n,) inner products, each summed on its own: a matrix product may add up in another order for another n, and the
    last bit would depend on what else was found."""
    import numpy as np

    products: NDArray[np.float32] = (matrix * np.asarray(vector, dtype=np.float32)).sum(axis=1)
    return products


def _places(snapshot: Snapshot, ids: Sequence[int]) -> dict[int, tuple[str, int]]:
    query = "SELECT p.id, a.path, p.ordinal FROM paragraphs p JOIN articles a ON a.id = p.article WHERE p.id IN"
    rows = records.select_in(snapshot.database, query, ids)
    return {number: (path.decode("utf-8", "surrogatepass"), ordinal) for number, path, ordinal in rows}


def _keep_best(scored: list[Candidate], depth: int, places: dict[int, tuple[str, int]]) -> list[Candidate]:
    """The first `depth` by cosine and the first `depth` by BM25."""
    by_dense = sorted(scored, key=lambda one: (-(one.dense or 0.0), places[one.paragraph_id]))[:depth]
    matching = [one for one in scored if one.lexical]
    by_lexical = sorted(matching, key=lambda one: (-(one.lexical or 0.0), places[one.paragraph_id]))[:depth]
    kept = {one.paragraph_id: one for one in (*by_dense, *by_lexical)}
    return list(kept.values())
