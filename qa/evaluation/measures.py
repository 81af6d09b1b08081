"""The measures: a table with a row for each question, and functions from a table to one number. Pure.

A table is (n, len(COLUMNS)) float64; NaN marks a column that has no meaning for a question. Because every measure is a
function of a table, one bootstrap and one paired test serve them all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
Column = NDArray[np.float64]
Rows = Callable[[Table], NDArray[np.bool_]]

COLUMNS = (
    "hit@1",
    "hit@5",
    "hit@10",
    "mrr@10",
    "ndcg@10",
    "excerpts@5",
    "quote_holds",
    "quote_sentences",
    "quote_exact",
    "answerable",
    "answered",
    "confidence",
    "right",
    "ms",
)
RESAMPLES = 1_000
SEED = 20_220_309
CALIBRATION_BINS = 10
RANKED = 10
"""Passages of an answer that the ranking measures look at."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a report."""

    name: str
    says: str
    """The measure in a few words."""
    compute: Callable[[Table], float]
    """NaN if the table has nothing to compute it from."""
    rows: Rows
    """Selects, (n,), the questions it is computed from."""
    higher_is_better: bool | None = True
    """None if neither is: answering more is better only for questions that have an answer."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure with its 95% confidence interval by the percentile bootstrap over questions."""

    value: float
    low: float
    high: float
    count: int
    """Number of questions it was computed from."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure in two runs over the same questions, paired."""

    before: float
    after: float
    low: float
    """Lower end of the 95% confidence interval of `after - before`, by the paired bootstrap."""
    high: float
    p_value: float
    """Two-sided, by the paired permutation test: the probability of such a difference between interchangeable runs."""
    count: int


def column(table: Table, name: str) -> Column:
    """The column `name`, (n,)."""
    return table[:, COLUMNS.index(name)]


def _all_rows(table: Table) -> NDArray[np.bool_]:
    return np.ones(table.shape[0], dtype=np.bool_)


def _rows_with(name: str) -> Rows:
    """Select the questions for which the column `name` has a meaning."""
    return lambda table: ~np.isnan(column(table, name))


def _rows_where(condition: str, value: bool, name: str) -> Rows:
    """Select the questions whose column `condition` is `value` and for which the column `name` has a meaning."""
    return lambda table: (column(table, condition) == float(value)) & ~np.isnan(column(table, name))


def _mean(name: str, says: str, of: str | None = None, *, higher_is_better: bool | None = True) -> Measure:
    """The mean of a column.

    :param of: the column; the one called `name` unless given.
    """
    values = of or name
    rows = _rows_with(values)

    def compute(table: Table) -> float:
        chosen = column(table, values)[rows(table)]
        return float(chosen.mean()) if chosen.size else math.nan

    return Measure(name, says, compute, rows, higher_is_better)


def _share(name: str, says: str, of: str, condition: str, *, is_true: bool = True, of_true: bool = True) -> Measure:
    """Among the questions whose column `condition` is `of_true`, the share whose column `of` is `is_true`."""
    rows = _rows_where(condition, of_true, of)

    def compute(table: Table) -> float:
        values = column(table, of)[rows(table)] == float(is_true)
        return float(values.mean()) if values.size else math.nan

    return Measure(name, says, compute, rows)


def _quantile_of(name: str, quantile: float) -> Callable[[Table], float]:
    def compute(table: Table) -> float:
        values = column(table, name)
        return float(np.quantile(values, quantile)) if values.size else math.nan

    return compute


def compute_auroc(table: Table) -> float:
    """The probability that an answerable question has a higher confidence than an unanswerable one; ties count half.

    By ranks (Mann-Whitney).

    :return: NaN if there is only one kind of question.
    """
    positive = column(table, "answerable") == 1.0
    count = int(positive.sum())
    others = positive.size - count
    if not count or not others:
        return math.nan
    _, inverse, sizes = np.unique(column(table, "confidence"), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[inverse]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def compute_aurc(table: Table) -> float:
    """Area under the risk-coverage curve, 0..1, lower is better: the mean, over all coverages, of the share of wrong
    answers if only the most confident are given. Questions of equal confidence share their errors evenly.

    Geifman and El-Yaniv, "Selective classification for deep neural networks", 2017.

    :return: NaN if nothing says which answers are right.
    """
    table = table[~np.isnan(column(table, "right"))]
    if not table.shape[0]:
        return math.nan
    wrong = 1.0 - column(table, "right")
    _, inverse, sizes = np.unique(-column(table, "confidence"), return_inverse=True, return_counts=True)
    errors = np.bincount(inverse, weights=wrong)
    shared = np.repeat(errors / sizes, sizes)
    return float((np.cumsum(shared) / np.arange(1, shared.size + 1)).mean())


def compute_calibration_error(table: Table) -> float:
    """Expected calibration error, 0..1, lower is better: in ten equal bins of confidence, the distance between mean
    confidence and share of right answers, weighted by the number of questions in each bin.

    Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015.

    :return: NaN if nothing says which answers are right.
    """
    table = table[~np.isnan(column(table, "right"))]
    if not table.shape[0]:
        return math.nan
    confidence, right = column(table, "confidence"), column(table, "right")
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / table.shape[0])


def _decline_precision() -> Measure:
    share = _share(
        "decline_precision",
        "of the questions declined, those without an answer",
        "answerable",
        "answered",
        is_true=False,
        of_true=False,
    )

    def compute(table: Table) -> float:
        # If all questions have an answer, it would be 0 whatever was declined.
        return math.nan if (column(table, "answerable") == 1.0).all() else share.compute(table)

    return replace(share, compute=compute)


MEASURES = (
    _mean("hit@1", "a labelled paragraph is first"),
    _mean("hit@5", "a labelled paragraph is among the first five"),
    _mean("hit@10", "… the first ten"),
    _mean("mrr@10", "reciprocal rank of the first labelled paragraph"),
    _mean("ndcg@10", "how high all labelled paragraphs rank"),
    _mean("excerpts@5", "labelled excerpts covered by the first five passages"),
    _mean("quote_holds", "the first quote holds the labelled answer"),
    _mean("quote_sentences", "sentences of the first quote", higher_is_better=False),
    _mean("quote_exact", "quotes that stand in the article, to the character"),
    _mean("coverage", "questions that are answered", of="answered", higher_is_better=None),
    _share("answer_precision", "of the answers given, those that are right", "right", "answered"),
    _share("answer_recall", "of the answerable questions, those answered", "answered", "answerable"),
    _decline_precision(),
    _share(
        "decline_recall",
        "of the questions without an answer, those declined",
        "answered",
        "answerable",
        is_true=False,
        of_true=False,
    ),
    Measure("auroc", "confidence separates answerable from unanswerable", compute_auroc, _all_rows),
    Measure("aurc", "area under risk-coverage", compute_aurc, _rows_with("right"), higher_is_better=False),
    Measure("ece", "calibration error, ten bins", compute_calibration_error, _rows_with("right"), False),
    Measure("median_ms", "time per question", _quantile_of("ms", 0.5), _all_rows, False),
    Measure("p95_ms", "time per question, 95th percentile", _quantile_of("ms", 0.95), _all_rows, False),
)


def estimate_measures(table: Table, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Every measure that has a value for `table`, with its interval; the same table always gives the same numbers."""
    samples = _resample(table, resamples)
    estimates = {}
    for measure in MEASURES:
        value = measure.compute(table)
        if math.isnan(value):
            continue
        low, high = _interval([measure.compute(sample) for sample in samples])
        estimates[measure.name] = Estimate(value, low, high, int(measure.rows(table).sum()))
    return estimates


def _resample(table: Table, resamples: int) -> list[Table]:
    random = np.random.default_rng(SEED)
    count = table.shape[0]
    return [table[random.integers(0, count, count)] for _ in range(resamples)] if count else []


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """The middle 95% of the values that are numbers (a resample may hold no question of a kind)."""
    known = np.asarray(values)[~np.isnan(values)]
    if not known.size:
        return math.nan, math.nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def compare_measures(before: Table, after: Table, resamples: int = RESAMPLES) -> dict[str, Difference]:
    """Every measure of two tables whose rows are the same questions in the same order.

    :raises ValueError: if the tables have different shapes.
    """
    if before.shape != after.shape:
        raise ValueError(f"tables of {before.shape} and {after.shape} cannot be paired")
    random = np.random.default_rng(SEED)
    count = before.shape[0]
    picks = [random.integers(0, count, count) for _ in range(resamples)]
    swaps = [random.random((count,)) < 0.5 for _ in range(resamples)]
    differences = {}
    for measure in MEASURES:
        values = measure.compute(before), measure.compute(after)
        if any(map(math.isnan, values)):
            continue
        spread = [measure.compute(after[pick]) - measure.compute(before[pick]) for pick in picks]
        p_value = _permute(measure.compute, before, after, swaps, values[1] - values[0])
        differences[measure.name] = Difference(*values, *_interval(spread), p_value, int(measure.rows(after).sum()))
    return differences


def _permute(
    compute: Callable[[Table], float], before: Table, after: Table, swaps: Sequence[NDArray[np.bool_]], seen: float
) -> float:
    """Share of random swaps of the two runs' rows whose difference is at least as large as the one seen."""
    as_large = 1
    for swap in swaps:
        mask = swap[:, None]
        difference = compute(np.where(mask, before, after)) - compute(np.where(mask, after, before))
        as_large += abs(difference) >= abs(seen) - 1e-12
    return as_large / (len(swaps) + 1)
