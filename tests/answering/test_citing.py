"""Which passages are cited, and the scores of those that are only shown."""

from __future__ import annotations

from dataclasses import replace

from index.types import Candidate, Paragraph, Reading, Span, StoredParagraph
from qa.answering.answer import build_passages, choose_cited
from qa.answering.evidence import Evidence


def build_evidence(number: int, dense: float, margin: float | None) -> Evidence:
    """A passage as it was found; `margin` is None where it was not read."""
    paragraph = Paragraph(number, number, 0, 4, 1, "Text")
    reading = None if margin is None else Reading(1.0, (Span(0, 4, margin),), 0.0)
    source = StoredParagraph(number, "a", "A", None, paragraph)
    return Evidence(Candidate(number, dense, 1.0, 0.5), source, reading, 1.0)


def test_what_was_not_read_is_not_cited_beside_what_was() -> None:
    """Its cosine of .9 is no chance of .9."""
    read, unread = build_evidence(1, 0.8, 9.0), build_evidence(2, 0.9, None)
    assert choose_cited([read, unread], 0.5) == [read]


def test_without_a_cross_encoder_cosines_decide() -> None:
    """Then all are judged alike."""
    close, far = build_evidence(1, 0.9, None), build_evidence(2, 0.2, None)
    assert choose_cited([close, replace(close), far], 0.5) == [close, close]


def test_the_score_of_what_was_not_read_is_no_cosine_beside_chances() -> None:
    """It stands below what was read, in order and in score."""
    read = [build_evidence(1, 0.8, 9.0), build_evidence(2, 0.8, -9.0)]
    first, second, unread = (one.score for one in build_passages([*read, build_evidence(3, 0.9, None)], 3))
    assert first > second == unread


def test_the_score_is_the_cosine_where_nothing_was_read() -> None:
    """Without a cross-encoder, and while it still reads."""
    assert [one.score for one in build_passages([build_evidence(1, 0.9, None)], 1)] == [0.9]
