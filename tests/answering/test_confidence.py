"""Scores become probabilities. The expected numbers are computed by hand from the fitted weights."""

from __future__ import annotations

import math

import pytest

from index.types import Reading
from qa.answering.confidence import choose_threshold, estimate_probability
from tests.helpers.evidence import build_candidate, build_reading


def logistic(logit: float) -> float:
    """The logistic function."""
    return 1 / (1 + math.exp(-logit))


def test_the_threshold_is_the_calibrated_one_unless_another_is_chosen() -> None:
    """A threshold of 0, which answers everything, counts as a choice."""
    assert choose_threshold(None) == 0.55
    assert choose_threshold(0.0) == 0.0


@pytest.mark.parametrize(("margin", "logit"), [(-10.0, -1.289), (0.0, 0.251), (10.0, 1.791)])
def test_of_a_short_question_only_the_margin_counts(margin: float, logit: float) -> None:
    """The logit is -18.616 + 18.867 + .154 of the margin, however near the passage is."""
    for dense, coverage in ((0.2, 0.0), (0.9, 1.0)):
        candidate = build_candidate(dense=dense, coverage=coverage)
        probability = estimate_probability(candidate, build_reading("Text.", ("Text", margin)), 1.0)
        assert probability == pytest.approx(logistic(logit))


def test_of_a_long_question_cosine_and_coverage_count_more_than_the_margin() -> None:
    """With brevity .25 the logit is -18.616 + .154 * .25 * 4 + 32.781 * .75 * .8 + 1.356 * .75 * .5 + 18.867 * .25."""
    candidate = build_candidate(dense=0.8, coverage=0.5)
    probability = estimate_probability(candidate, build_reading("Text.", ("Text", 4.0)), 0.25)
    assert probability == pytest.approx(logistic(6.4319))


@pytest.mark.parametrize(("relevance", "logit"), [(-2.0, 0.0), (0.0, 1.2), (5.0, 4.2)])
def test_without_spans_relevance_decides(relevance: float, logit: float) -> None:
    """If the cross-encoder finds no spans, the logit is 1.2 + .6 of the relevance."""
    assert estimate_probability(build_candidate(), Reading(relevance), 1.0) == pytest.approx(logistic(logit))


@pytest.mark.parametrize(("dense", "probability"), [(0.7, 0.7), (-0.1, 0.0), (1.0000001, 1.0)])
def test_without_a_reading_there_is_the_cosine(dense: float, probability: float) -> None:
    """The probability of an unread passage is its cosine, kept within 0..1."""
    assert estimate_probability(build_candidate(dense=dense), None, 1.0) == probability


@pytest.mark.parametrize("margin", [-1e6, 1e6])
def test_no_score_is_too_large(margin: float) -> None:
    """Any score gives a probability within 0..1."""
    assert 0.0 <= estimate_probability(build_candidate(), build_reading("Text.", ("Text", margin)), 1.0) <= 1.0
