"""Compares ways to score words and to fuse both scores, over the evaluation sets; without the cross-encoder.

    python -m tests.benchmarks.fusion [--limit 400] [--sets news-dev,squad2-dev]

The candidates are those of both searches at a large depth. Each way scores and sorts the same candidates.
tests/benchmarks/DECISIONS.md says what won, and by how much.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.engines import bm25
from index.models.encoder import load_encoder
from index.search import search_candidates
from index.storage.folder import locate_index_folder
from index.storage.snapshot import Snapshot, open_snapshot
from index.types import Encoder
from index.updating.build import refresh
from qa.evaluation.questions import Question, load_questions
from tests.benchmarks.quality import ROOT, SHARED, EvaluationSet, copy_docs, find_sets

DEPTH = 100
Scores = NDArray[np.float64]
WORDS = {
    "k1 0.9 b 0.4": (0.9, 0.4, True),
    "k1 0.9 b 0.4, no stop words": (0.9, 0.4, False),
    "k1 1.2 b 0.75": (1.2, 0.75, True),
    "k1 1.2 b 0.75, no stop words": (1.2, 0.75, False),
}
"""The constants of BM25, and True if stop words are scored."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the scores of its candidates. Row i is the same candidate in every array."""

    dense: Scores
    words: dict[str, Scores]
    """The scores by the names in WORDS."""
    relevant: NDArray[np.bool_]


@contextmanager
def bm25_constants(k1: float, b: float) -> Iterator[None]:
    """Gives BM25 other constants inside the `with` block."""
    before = bm25.K1, bm25.B
    bm25.K1, bm25.B = k1, b
    try:
        yield
    finally:
        bm25.K1, bm25.B = before


def gather(snapshot: Snapshot, encoder: Encoder, question: Question) -> Asked:
    """Scores the candidates of a question in every way."""
    vector = encoder.encode_questions([question.text])[0]
    candidates = search_candidates(snapshot, question.text, vector, depth=DEPTH)
    sources = snapshot.load_paragraphs([one.paragraph_id for one in candidates])
    texts = [source.paragraph.embedded_text for source in sources]
    every = bm25.weigh_terms(question.text)
    words = {}
    for name, (k1, b, with_stop_words) in WORDS.items():
        kept = set(every) if with_stop_words else set(bm25.without_stop_words(every))
        terms = {term: weight for term, weight in every.items() if term in kept}
        with bm25_constants(k1, b):
            scored = bm25.score_bm25(terms, texts, snapshot.lexical.count_paragraphs(terms), snapshot.figures)
        words[name] = np.array([score.bm25 for score in scored])
    relevant = [question.is_relevant(source.path, source.paragraph.block) for source in sources]
    return Asked(np.array([one.dense or 0.0 for one in candidates]), words, np.array(relevant, dtype=bool))


def scale(scores: Scores) -> Scores:
    """The scores of one question, scaled to 0..1."""
    low, high = float(scores.min()), float(scores.max())
    scaled: Scores = (scores - low) / (high - low) if high > low else np.zeros_like(scores)
    return scaled


def rank(scores: Scores) -> Scores:
    """The ranks of the scores; 0 is the best."""
    ranks: Scores = np.argsort(np.argsort(-scores, kind="stable"), kind="stable").astype(float)
    return ranks


def build_ways() -> dict[str, Callable[[Asked], Scores]]:
    """All orders that are compared."""
    ours = next(iter(WORDS))
    ways: dict[str, Callable[[Asked], Scores]] = {"dense alone": lambda asked: asked.dense}
    for name in WORDS:
        ways[f"BM25 alone, {name}"] = lambda asked, name=name: asked.words[name]
        ways[f"dense + 0.02 BM25, {name}"] = lambda asked, name=name: asked.dense + 0.02 * asked.words[name]
    for weight in (0.005, 0.01, 0.03, 0.05):
        ways[f"dense + {weight} BM25, {ours}"] = lambda asked, w=weight: asked.dense + w * asked.words[ours]
    for constant in (10, 60):
        ways[f"reciprocal ranks, {constant}"] = lambda asked, c=constant: (
            1 / (c + rank(asked.dense)) + 1 / (c + rank(asked.words[ours]))
        )
    for share in (0.4, 0.5, 0.6):
        ways[f"scaled to 0..1, {share} BM25"] = lambda asked, s=share: (
            (1 - s) * scale(asked.dense) + s * scale(asked.words[ours])
        )
    return ways


def compute_hits(asked: Sequence[Asked], way: Callable[[Asked], Scores]) -> tuple[float, float]:
    """hit@1 and hit@5 of the questions that have labels. If no label of a question is a candidate, it counts as a
    miss."""
    orders = [one.relevant[np.argsort(-way(one), kind="stable")] for one in asked]
    return float(np.mean([order[:1].any() for order in orders])), float(np.mean([order[:5].any() for order in orders]))


def gather_set(one: EvaluationSet, cache: Path, limit: int, encoder: Encoder) -> list[Asked]:
    """The answerable questions of a set, sampled evenly, over a copy of its articles."""
    docs = cache / one.name / one.docs.name
    copy_docs(one.docs, docs)
    folder = locate_index_folder(docs)
    refresh(docs, folder, lambda: encoder)
    questions = [question for question in load_questions(one.questions) if question.answerable]
    step = max(1, len(questions) // limit)
    snapshot = open_snapshot(folder)
    assert snapshot is not None
    with snapshot:
        return [gather(snapshot, encoder, question) for question in questions[::step][:limit]]


def main() -> None:
    """Prints hit@1 / hit@5 of every way on every set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=400, help="questions of each set, evenly taken")
    parser.add_argument("--sets", default="xquad-en,squad2-dev,news-dev,followups-mtrag,covidqa,excerpts-chroma")
    parser.add_argument("--cache", type=Path, default=ROOT / ".benchmarks" / "sets")
    options = parser.parse_args()
    wanted = options.sets.split(",")
    encoder = load_encoder()
    sets = {
        one.name: gather_set(one, options.cache, options.limit, encoder)
        for one in find_sets(SHARED)
        if one.name in wanted
    }
    print("hit@1 / hit@5".ljust(52), *(name.rjust(15) for name in sets))
    for name, way in build_ways().items():
        cells = [compute_hits(asked, way) for asked in sets.values()]
        print(name.ljust(52), *(f"{first:.3f} / {five:.3f}".rjust(15) for first, five in cells))


if __name__ == "__main__":
    main()
