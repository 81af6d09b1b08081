"""How likely a passage is to hold the answer: the only place where scores become probabilities. Pure.

Logistic regressions; tests/benchmarks/DECISIONS.md says what they were fitted on.
"""

from __future__ import annotations

import math

from index.types import Candidate, Reading

_DEFAULT_THRESHOLD = 0.55
"""From .52 on, nine of ten answers were right, over plain questions, questions half of which only look answerable, and
long questions."""
_INTERCEPT = -18.616
_WEIGHTS = (0.154, 32.781, 1.356, 18.867)
"""Of `build_features`, if the cross-encoder finds spans."""
_BY_RELEVANCE = (1.2, 0.6)
"""Intercept and slope over the relevance of a cross-encoder that finds no spans."""


def choose_threshold(chosen: float | None) -> float:
    """The probability from which an answer is given.

    :param chosen: by the user; None is the calibrated default.
    """
    return _DEFAULT_THRESHOLD if chosen is None else chosen


def estimate_probability(candidate: Candidate, reading: Reading | None, brevity: float) -> float:
    """The probability, 0..1, that the passage holds the answer.

    :param reading: of the passage; None if no cross-encoder has read it: then its cosine to the question is returned,
        which orders passages but is not calibrated.
    :param brevity: of the question, 0..1; see `ranking.compute_brevity`.
    """
    if reading is None:
        return min(1.0, max(0.0, candidate.dense or 0.0))
    if reading.margin is None:
        intercept, slope = _BY_RELEVANCE
        return _apply_logistic(intercept + slope * reading.relevance)
    features = build_features(candidate.dense or 0.0, candidate.coverage, reading.margin, brevity)
    return _apply_logistic(_INTERCEPT + sum(weight * one for weight, one in zip(_WEIGHTS, features, strict=True)))


def build_features(dense: float, coverage: float, margin: float, brevity: float) -> tuple[float, ...]:
    """What the probability depends on: for a short question the margin; for a long one, which the cross-encoder cannot
    judge, how near the passage is and how many of the words it holds.

    :param dense: cosine to the question.
    :param coverage: share of the question's terms that the passage holds, 0..1.
    :param margin: logit of the best answer over none.
    :param brevity: of the question, 0..1.
    """
    length = 1.0 - brevity
    return (brevity * margin, length * dense, length * coverage, brevity)


def _apply_logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))
