"""The final order of the passages: the fused score, and a share of what the cross-encoder says. Pure.

Obeyed alone, the cross-encoder ranks short questions best and spoils long news questions (hit@1 .46 instead of .73): it
learned from short ones. So its share shrinks as the question grows.
"""

from __future__ import annotations

from collections.abc import Sequence

from index.types import Reading

MOST_READ = 12
"""Candidates that the cross-encoder reads at most."""
FEWEST_READ = 4
READ_CHARACTERS = 9_000
"""Characters of candidates that it reads: 500 take 8 ms on 2 cores, 1,300 take 25. The labelled paragraph is among the
first five of the fused order for .99 of short questions."""
RELEVANCE_SHARE = 0.02
"""Of a logit of relevance, in a short question, against a cosine of 1."""
MARGIN_SHARE = 0.02
"""Of a logit of the best answer over 'no answer here', where it is over it. How far it is under tells nothing: a
passage that answers in its own words, without a span, is often the right one (follow-ups: hit@1 .78 instead of .76)."""
FULL_WORDS = 14
"""Words of a question up to which the shares are whole."""


def compute_brevity(words: int) -> float:
    """0..1: 1 for a question of up to 14 words, less with the square of its length beyond: .25 for 28, .1 for 45."""
    return min(1.0, FULL_WORDS / max(words, 1)) ** 2


def choose_depth(lengths: Sequence[int]) -> int:
    """How many of the candidates are read.

    :param lengths: characters of the candidates, in their order.
    """
    room = READ_CHARACTERS
    for depth, length in enumerate(lengths[:MOST_READ]):
        room -= length
        if room < 0 and depth >= FEWEST_READ:
            return depth
    return min(len(lengths), MOST_READ)


def blend(fused: float, reading: Reading, brevity: float) -> float:
    """The order of a passage; higher is better.

    :param fused: score of its candidate.
    :param brevity: of the question, as `compute_brevity` tells it.
    """
    return fused + brevity * (RELEVANCE_SHARE * reading.relevance + MARGIN_SHARE * max(0.0, reading.margin or 0.0))
