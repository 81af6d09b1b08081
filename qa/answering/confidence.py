"""How likely a passage is to answer: the one place where scores become chances.

Logistic regressions; where their numbers come from is written in tests/benchmarks/DECISIONS.md.
"""

from __future__ import annotations

import math

from qa.answering.evidence import Evidence

DEFAULT_THRESHOLD = 0.55
"""Chance from which an answer is given. From .52 on nine of ten answers were right, over plain questions, questions
half of which only look answerable, and long ones."""
_INTERCEPT = -18.616
_WEIGHTS = (0.154, 32.781, 1.356, 18.867)
"""Of `build_features`, where the cross-encoder finds spans."""
_BY_RELEVANCE = (1.2, 0.6)
"""Intercept and slope over the relevance of a cross-encoder that finds no spans."""


def estimate_probability(evidence: Evidence) -> float:
    """0..1: the chance that the passage holds the answer. Without a cross-encoder, its cosine to the question."""
    reading, candidate = evidence.reading, evidence.candidate
    if reading is None:
        return min(1.0, max(0.0, candidate.dense or 0.0))
    if reading.margin is None:
        intercept, slope = _BY_RELEVANCE
        return _logistic(intercept + slope * reading.relevance)
    features = build_features(candidate.dense or 0.0, candidate.coverage, reading.margin, evidence.brevity)
    return _logistic(_INTERCEPT + sum(weight * one for weight, one in zip(_WEIGHTS, features, strict=True)))


def build_features(dense: float, coverage: float, margin: float, brevity: float) -> tuple[float, ...]:
    """What the chance is told from: of a short question the margin; of a long one, which the cross-encoder cannot
    judge, whether its sense and its words are there at all.

    :param dense: cosine to the question.
    :param coverage: share of the question's words that the passage holds, 0..1.
    :param margin: logit of the best answer over none.
    :param brevity: of the question, 0..1.
    """
    length = 1.0 - brevity
    return (brevity * margin, length * dense, length * coverage, brevity)


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))
