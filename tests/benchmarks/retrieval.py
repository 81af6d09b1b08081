"""How good each engine is alone: hit@1, hit@5 and nDCG@10 of BM25, of the vectors, and of both fused, on every set,
without reranking and without conversations.

    python -m tests.benchmarks.retrieval [--sets covidqa,news-dev] [--limit 300]

Prints a table in Markdown. Copies and indexes are kept in the same folder as those of quality.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from index.errors import QaError
from index.models.encoder import load_encoder
from index.search import search_candidates
from index.storage.folder import locate_index_folder
from index.storage.snapshot import Snapshot, open_snapshot
from index.types import Candidate, Encoder
from qa.answerer import open_answerer
from qa.evaluation.measures import RANKED
from qa.evaluation.questions import Place, Question, load_questions
from qa.evaluation.ranking import score_rankings
from qa.settings import Settings
from tests.benchmarks.quality import ROOT, SHARED, EvaluationSet, copy_docs, find_sets, sample, say

SHOWN = ("hit@1", "hit@5", "ndcg@10")
_LOOKED_AT = 3 * RANKED
"""Number of paragraphs that are turned into places. Pieces of one block count once."""
ORDERS: dict[str, Callable[[Candidate], float]] = {
    "BM25": lambda one: one.lexical or 0.0,
    "vectors": lambda one: -1.0 if one.dense is None else one.dense,
    "fused": lambda one: one.fused,
}


def rank(snapshot: Snapshot, candidates: Sequence[Candidate], score: Callable[[Candidate], float]) -> list[Place]:
    """The places of the best candidates by `score`."""
    best = sorted(candidates, key=lambda one: (-score(one), one.paragraph_id))[:_LOOKED_AT]
    sources = snapshot.load_paragraphs([one.paragraph_id for one in best])
    return [(source.path, source.paragraph.block) for source in sources]


def measure_set(chosen: EvaluationSet, encoder: Encoder, cache: Path, limit: int | None) -> list[str]:
    """The cells of a row of the table."""
    docs = cache / "sets" / chosen.name
    copy_docs(chosen.docs, docs)
    open_answerer(Settings(docs=docs.resolve()), tell=say).close()
    snapshot = open_snapshot(locate_index_folder(docs.resolve()))
    assert snapshot is not None, "the answerer has just made it"
    questions = [one for one in sample(load_questions(chosen.questions), limit) if one.relevant]
    rankings: dict[str, list[list[Place]]] = {name: [] for name in ORDERS}
    for question in questions:
        vector = encoder.encode_questions([question.text])[0]
        candidates = search_candidates(snapshot, question.text, vector)
        for name, score in ORDERS.items():
            rankings[name].append(rank(snapshot, candidates, score))
    snapshot.close()
    return [chosen.name, f"{len(questions):,}", *(average(questions, rankings[name]) for name in ORDERS)]


def average(questions: Sequence[Question], rankings: Sequence[Sequence[Place]]) -> str:
    """The means of the measures in SHOWN, separated by slashes."""
    scores = [one for one in score_rankings(questions, rankings) if one is not None]
    return " / ".join(f"{np.mean([one[name] for one in scores]):.3f}" for name in SHOWN) if scores else "-"


def main() -> None:
    """Prints a row for each set as soon as it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", help="names with commas between them; all where left out")
    parser.add_argument("--limit", type=int, help="at most so many questions of each set, evenly over it")
    parser.add_argument("--cache", type=Path, default=ROOT / ".benchmarks")
    options = parser.parse_args()
    encoder = load_encoder()
    print(f"{' / '.join(SHOWN)}\n")
    print(f"| set | questions | {' | '.join(ORDERS)} |")
    print("|" + " --- |" * (2 + len(ORDERS)))
    for one in find_sets(SHARED):
        if options.sets and one.name not in options.sets.split(","):
            continue
        try:
            print(f"| {' | '.join(measure_set(one, encoder, options.cache, options.limit))} |", flush=True)
        except QaError as error:
            say(f"{one.name}: left out: {error}")


if __name__ == "__main__":
    main()
