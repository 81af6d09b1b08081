"""The final order of the passages: the fused score, and a share of what the cross-encoder says. Pure.

Used alone, the cross-encoder ranks short questions best and spoils long news questions (hit@1 .46 instead of .73): it
was trained on short ones. So its share shrinks as the question grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.types import Candidate, Reading, StoredParagraph
from qa.answering.confidence import estimate_probability
from qa.answering.evidence import Evidence

MOST_READ = 12
"""Passages that the cross-encoder reads at most."""
_FEWEST_READ = 4
_READ_CHARACTERS = 9_000
"""Characters of passages that it reads: 500 take 8 ms on 2 cores, 1,300 take 25. For .99 of short questions the
labelled paragraph is among the first five of the fused order."""
_RELEVANCE_SHARE = 0.02
"""Of a logit of relevance, in a short question, against a cosine of 1."""
_MARGIN_SHARE = 0.02
"""Of a logit of the best answer over 'no answer here', if it is above 0. How far below it is says nothing: a passage
that answers in its own words, without a span, is often the right one (follow-ups: hit@1 .78 instead of .76)."""
_FULL_WORDS = 14
"""Words of a question up to which the cross-encoder has its whole share."""


def build_evidence(candidate: Candidate, source: StoredParagraph) -> Evidence:
    """A passage that was found and not read yet; its order is that of the search."""
    return Evidence(candidate, source, None, estimate_probability(candidate, None, 1.0), candidate.fused)


def choose_read(found: Sequence[Evidence]) -> Sequence[Evidence]:
    """The passages that the cross-encoder reads: the first of `found`, as many as its time allows."""
    room = _READ_CHARACTERS
    for depth, one in enumerate(found[:MOST_READ]):
        room -= len(one.text)
        if room < 0 and depth >= _FEWEST_READ:
            return found[:depth]
    return found[:MOST_READ]


def rank(question: str, found: Sequence[Evidence], readings: Sequence[Reading]) -> list[Evidence]:
    """All passages in their final order; those that were not read stand last.

    An unread passage has only a cosine, which is not comparable with the others' probabilities: its probability is at
    most the lowest of theirs.

    :param found: the passages in the order of the search.
    :param readings: of the first of them, in the same order; empty if no cross-encoder is used.
    """
    brevity = compute_brevity(len(question.split()))
    read = [_add_reading(one, reading, brevity) for one, reading in zip(found, readings, strict=False)]
    ceiling = min((one.probability for one in read), default=1.0)
    unread = [replace(one, probability=min(ceiling, one.probability)) for one in found[len(read) :]]
    return sorted(read, key=lambda one: -one.order) + unread


def _add_reading(found: Evidence, reading: Reading, brevity: float) -> Evidence:
    return replace(
        found,
        reading=reading,
        probability=estimate_probability(found.candidate, reading, brevity),
        order=blend(found.candidate.fused, reading, brevity),
    )


def compute_brevity(words: int) -> float:
    """How far the cross-encoder can be believed, 0..1: 1 for a question of up to 14 words, less with the square of its
    length beyond: .25 for 28 words, .1 for 45."""
    return min(1.0, _FULL_WORDS / max(words, 1)) ** 2


def blend(fused: float, reading: Reading, brevity: float) -> float:
    """The order of a passage; higher is better.

    :param fused: score of its candidate.
    :param brevity: of the question; see `compute_brevity`.
    """
    return fused + brevity * (_RELEVANCE_SHARE * reading.relevance + _MARGIN_SHARE * max(0.0, reading.margin or 0.0))
