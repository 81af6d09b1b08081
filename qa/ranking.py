"""The final order of the passages: the fused score, and a share of what the cross-encoder says. Pure.

Obeyed alone, the cross-encoder ranks short questions best and spoils long news questions (hit@1 .46 instead of .73): it
learned from short ones. So its share shrinks as the question grows.
"""

from __future__ import annotations

from index.types import Reading

RELEVANCE_SHARE = 0.05
"""Of a logit of relevance, in a short question, against a cosine of 1."""
MARGIN_SHARE = 0.0
"""Of a logit of the best answer over 'no answer here'."""
FULL_WORDS = 12
"""Words of a question up to which the shares are whole; beyond, they shrink in proportion."""


def blend(fused: float, reading: Reading, words: int) -> float:
    """The order of a passage; higher is better.

    :param fused: score of its candidate.
    :param words: of the question.
    """
    shrunk = min(1.0, FULL_WORDS / max(words, 1))
    return fused + shrunk * (RELEVANCE_SHARE * reading.relevance + MARGIN_SHARE * (reading.margin or 0.0))
