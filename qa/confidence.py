"""How likely a passage is to answer: the one place where scores become chances.

Logistic regressions; where their numbers come from is written in tests/benchmarks/DECISIONS.md.
"""

from __future__ import annotations

import math

from qa.evidence import Evidence

DEFAULT_THRESHOLD = 0.5
"""Chance from which an answer is given."""
_INTERCEPT = -2.5
_WEIGHTS = (2.0, 1.0, 0.3, 0.2, 2.0)
"""Of `build_features`, where the cross-encoder finds spans."""
MOST_LEAD = 0.5
"""Beyond it a passage does not stand more alone."""
_BY_RELEVANCE = (1.2, 0.6)
"""Intercept and slope over the relevance of a cross-encoder that finds no spans."""


def estimate_chance(evidence: Evidence) -> float:
    """0..1: the chance that the passage holds the answer. Without a cross-encoder, its cosine to the question."""
    reading = evidence.reading
    if reading is None:
        return min(1.0, max(0.0, evidence.candidate.dense or 0.0))
    if reading.margin is not None:
        return _logistic(_INTERCEPT + sum(w * x for w, x in zip(_WEIGHTS, build_features(evidence), strict=True)))
    intercept, slope = _BY_RELEVANCE
    return _logistic(intercept + slope * reading.relevance)


def build_features(evidence: Evidence) -> tuple[float, ...]:
    """What the chance is told from: cosine to the question, share of its words that the passage holds, margin of the
    best answer over none, relevance, and how far the passage stands above the others, at most .5 either way."""
    reading, candidate = evidence.reading, evidence.candidate
    return (
        candidate.dense or 0.0,
        candidate.coverage,
        0.0 if reading is None else reading.margin or 0.0,
        0.0 if reading is None else reading.relevance,
        max(-MOST_LEAD, min(MOST_LEAD, evidence.lead)),
    )


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))
