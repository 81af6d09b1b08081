"""Chooses how scores become an order and a probability: the numbers of `ranking` and `confidence` in qa/answering.

    python -m tests.benchmarks.calibrate [--limit 400] [--sets squad2-dev,news-dev]

Reads the candidates of every set once (kept in --cache as JSON lines) and tries every order on all of them. The
probability is a logistic regression over the passage that is ranked first, fitted on the even questions and judged on
the odd ones.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.types import Reading, Span
from qa.answerer import Answerer, open_answerer
from qa.answering.confidence import build_features
from qa.answering.evidence import Evidence
from qa.answering.quotes import cut_quote
from qa.answering.ranking import blend, compute_brevity
from qa.answering.sentences import ScoredPassage, score_sentences
from qa.evaluation.questions import Question, holds_answer, load_questions
from qa.settings import Settings
from tests.benchmarks.quality import ROOT, SHARED, EvaluationSet, copy_docs, find_sets

FITTED = {"squad2-dev": 1.0, "news-dev": 0.5, "xquad-en": 1.0, "followups-mtrag": 0.1}
"""Sets with unanswerable questions, and one of plain answerable ones, with their weights."""
UNLABELLED = frozenset({"news-dev"})
"""Sets in which so many right passages lack a label that an answer counts as right if the question is answerable."""
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
JUDGED = ("xquad-en", "squad2-dev", "news-dev")
"""Plain questions, questions of which half only look answerable, and long ones. Each kind has the same weight in the
choice of the threshold. Follow-ups have too few labels to say that an answer is wrong."""
PRECISION = 0.9
"""Share of the answers from the default threshold on that must be right."""
Row = dict[str, Any]


def gather(one: EvaluationSet, cache: Path, limit: int) -> list[Row]:
    """A row for each question: its labels and the scores of its candidates. It comes from the cache if that exists."""
    kept = cache / f"{one.name}-{limit}.jsonl"
    if not kept.exists():
        docs = cache / one.name / one.docs.name
        copy_docs(one.docs, docs)
        questions = load_questions(one.questions)
        step = max(1, len(questions) // limit)
        answerer = open_answerer(Settings(docs=docs))
        try:
            rows = [build_row(answerer, question) for question in progress(questions[::step][:limit], one.name)]
        finally:
            answerer.close()
        kept.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    rows = [json.loads(line) for line in kept.read_text("utf-8").splitlines()]
    for row in rows:
        order_now(row)
    return rows


def order_now(row: Row) -> None:
    """Sorts the candidates as qa/answering/ranking.py does now."""
    brevity = compute_brevity(row["terms"])
    for one in row["candidates"]:
        reading = Reading(one["relevance"], (Span(0, 1, one["margin"]),), 0.0)
        one["order"] = blend(one["fused"], reading, brevity)
        one["features"] = build_features(one["dense"], one["coverage"], one["margin"], brevity)
    row["candidates"].sort(key=lambda one: -one["order"])


def progress(questions: Sequence[Question], name: str) -> Sequence[Question]:
    """Passes on the questions and prints their number to stderr."""
    print(f"{name}: {len(questions)} questions", file=sys.stderr, flush=True)
    return questions


def build_row(answerer: Answerer, question: Question) -> Row:
    """The row of one question."""
    evidence = [one for one in answerer.gather_evidence(question.text, question.history) if one.reading is not None]
    return {
        "answerable": question.answerable,
        "extractive": question.extractive,
        "terms": len(question.text.split()),
        "candidates": [build_candidate(question, one) for one in evidence],
    }


def build_candidate(question: Question, one: Evidence) -> Row:
    """The scores of a candidate, and two flags: it is labelled, and its quote holds an answer."""
    assert one.reading is not None
    quote = cut_quote(ScoredPassage(one, score_sentences(question.text, one, None)))
    return {
        "relevant": question.is_relevant(one.source.path, one.source.paragraph.block),
        "holds": holds_answer(quote.text, question.answers),
        "fused": one.candidate.fused,
        "relevance": one.reading.relevance,
        "margin": one.reading.margin or 0.0,
        "dense": one.candidate.dense or 0.0,
        "coverage": one.candidate.coverage,
    }


Order = Callable[[Row, Row], float]


def build_orders() -> dict[str, Order]:
    """All orders that are tried: the fused score plus a share of what the cross-encoder says, less in long
    questions."""

    def build(relevance: float, margin: float, least: float, full: float, power: int) -> Order:
        def order(row: Row, one: Row) -> float:
            brevity = min(1.0, full / max(row["terms"], 1)) ** power
            lifted = margin * max(least, one["margin"])
            return float(one["fused"] + brevity * (relevance * one["relevance"] + lifted))

        return order

    shares = itertools.product((0.0, 0.01, 0.02, 0.03, 0.05), (0.0, 0.01, 0.02, 0.03), (0.0, -5.0, -100.0))
    tried = [(*one, full, power) for one in shares for full in (10.0, 14.0) for power in (0, 1, 2)]
    return {f"relevance {r} margin {m} from {x} full {n} power {p}": build(r, m, x, n, p) for r, m, x, n, p in tried}


def compute_hit_at_1(rows: Sequence[Row], order: Order) -> float:
    """Share of the answerable questions whose first candidate is labelled."""
    hits = [
        max(row["candidates"], key=lambda one, row=row: order(row, one))["relevant"]
        for row in rows
        if row["answerable"] and row["candidates"]
    ]
    return float(np.mean(hits))


def print_orders(sets: dict[str, list[Row]]) -> None:
    """Prints the best orders by their mean over the sets, and the fused order alone."""
    table = {name: [compute_hit_at_1(rows, order) for rows in sets.values()] for name, order in build_orders().items()}
    print("hit@1".ljust(54), *sets, "mean")
    ranked = sorted(table, key=lambda name: -float(np.mean(table[name])))
    for name in [*ranked[:15], "relevance 0.0 margin 0.0 from 0.0 full 10.0 power 0"]:
        print(name.ljust(54), *(f"{value:.3f}" for value in table[name]), f"{np.mean(table[name]):.4f}")


def fit_probability(sets: dict[str, list[Row]]) -> None:
    """Fits on the even questions, with the same weight for each set. Prints the weights and the figures of the odd
    questions."""
    from sklearn.linear_model import LogisticRegression

    fitted = {name: [row for row in sets[name][::2] if row["candidates"]] for name in FITTED if name in sets}
    features, labels, weights = [], [], []
    for name, rows in fitted.items():
        for row in rows:
            features.append(row["candidates"][0]["features"])
            labels.append(is_answered(name, row))
            weights.append(FITTED[name] / len(rows) / sum(FITTED.values()))
    model = LogisticRegression(C=100.0, max_iter=10_000)
    model.fit(np.array(features), np.array(labels), sample_weight=np.array(weights) * len(features))
    print("intercept", round(float(model.intercept_[0]), 3), "weights", np.round(model.coef_[0], 3).tolist())
    judged = {name: [row for row in rows[1::2] if row["candidates"]] for name, rows in sets.items()}
    probabilities = {
        name: model.predict_proba(np.array([row["candidates"][0]["features"] for row in rows]))[:, 1]
        for name, rows in judged.items()
    }
    for name, rows in judged.items():
        print_set(name, rows, probabilities[name])
    print_threshold(judged, probabilities)


def print_threshold(sets: dict[str, list[Row]], probabilities: dict[str, NDArray[np.float64]]) -> None:
    """Prints the lowest threshold from which on PRECISION of the answers are right, and what it declines."""
    names = [name for name in JUDGED if name in sets]
    every = np.concatenate([probabilities[name] for name in names])
    weights = np.concatenate([np.full(len(sets[name]), 1 / len(sets[name])) for name in names])
    right = np.array([is_answered(name, row) for name in names for row in sets[name]])
    for threshold in np.arange(0.3, 0.96, 0.01):
        given = every >= threshold
        if given.any() and weights[given] @ right[given] >= PRECISION * weights[given].sum():
            share = weights[given].sum() / weights.sum()
            print(f"threshold {threshold:.2f}: {share:.3f} answered, {PRECISION} of them rightly or more")
            return
    print(f"no threshold gives a precision of {PRECISION}")


def is_answered(name: str, row: Row) -> bool:
    """True if answering with the first candidate counts as right in this set."""
    return bool(row["answerable"]) if name in UNLABELLED else is_right(row, row["candidates"][0])


def print_set(name: str, rows: Sequence[Row], probabilities: NDArray[np.float64]) -> None:
    """Prints the AUROC, and for each threshold the share of questions that are answered and how many of these are
    right."""
    from sklearn.metrics import roc_auc_score

    right = np.array([is_right(row, row["candidates"][0]) for row in rows])
    answerable = np.array([row["answerable"] for row in rows])
    auroc = roc_auc_score(answerable, probabilities) if 0 < answerable.sum() < len(answerable) else float("nan")
    print(f"{name:<18} AUROC {auroc:.3f}  mean probability {probabilities.mean():.3f}  right {right.mean():.3f}")
    cells = [
        f"{threshold}: {given.mean():.2f}/{right[given].mean():.2f}"
        for threshold in THRESHOLDS
        if (given := probabilities >= threshold).any()
    ]
    print("    answered / right of them, by threshold  ", "  ".join(cells))


def is_right(row: Row, one: Row) -> bool:
    """True if quoting this candidate is right: its passage is labelled or, for spans, its quote holds one."""
    return bool(row["answerable"] and (one["relevant"] or (row["extractive"] and one["holds"])))


def main() -> None:
    """Gathers the rows, tries the orders and fits the probability."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=400, help="questions of each set, evenly taken")
    parser.add_argument("--sets", default="xquad-en,squad2-dev,news-dev,followups-mtrag,covidqa,excerpts-chroma")
    parser.add_argument("--cache", type=Path, default=ROOT / ".benchmarks" / "sets")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    wanted = options.sets.split(",")
    sets = {one.name: gather(one, options.cache, options.limit) for one in find_sets(SHARED) if one.name in wanted}
    print_orders(sets)
    fit_probability(sets)


if __name__ == "__main__":
    main()
