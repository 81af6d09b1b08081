"""How well each sentence of a passage answers the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from index.types import Reading, Span
from qa.answering.sentences import Sentence, score_sentences
from tests.helpers.evidence import build_evidence

TEXT = "The bridge was opened in 2019. It cost 12 million euros. The mayor came on foot."


class OneSidedReader:
    """A cross-encoder without spans, for which longer texts are more relevant."""

    name = "one-sided"
    finds_spans = False

    def __init__(self) -> None:
        self.read_texts: list[str] = []

    def read(self, question: str, texts: Sequence[str], *_: Any, **__: Any) -> list[Reading]:
        self.read_texts += texts
        return [Reading(float(len(text))) for text in texts]


def test_a_sentence_has_the_score_of_the_best_answer_that_starts_in_it() -> None:
    """A sentence without an answer scores ten less than the worst of those that have one."""
    evidence = build_evidence(TEXT, ("bridge", 1.0), ("2019. It", 9.0), ("12 million", 3.0))
    first, second, third = score_sentences("When?", evidence, None)
    assert (first.score, first.span) == (9.0, Span(25, 33, 9.0))
    assert second.score == 3.0
    assert (third.score, third.span) == (-9.0, None)
    assert [TEXT[one.start : one.end] for one in (first, third)] == [
        "The bridge was opened in 2019.",
        "The mayor came on foot.",
    ]


def test_a_cross_encoder_without_spans_reads_each_sentence() -> None:
    """A single sentence is not read again, unless its passage was not read."""
    reader = OneSidedReader()
    passage = build_evidence(TEXT)
    assert [one.score for one in score_sentences("When?", passage, reader)] == [30.0, 25.0, 23.0]
    single = build_evidence("It cost 12 million euros.")
    reader.read_texts.clear()
    assert score_sentences("When?", single, reader) == (Sentence(0, 25, 1.0),)
    assert not reader.read_texts
    assert score_sentences("When?", replace(single, reading=None), reader) == (Sentence(0, 25, 25.0),)


@pytest.mark.parametrize(
    ("question", "scores"), [("What cost 12 million?", [0, 0.5, 0]), ("x", [0, 0, 0]), ("", [0] * 3)]
)
def test_without_a_model_shared_words_decide(question: str, scores: list[float]) -> None:
    """The score is the share of the question's words in the sentence."""
    evidence = build_evidence(TEXT, is_read=False)
    assert [one.score for one in score_sentences(question, evidence, None)] == scores


@pytest.mark.parametrize("text", ["* * *", "\u00a0 "])
def test_a_passage_without_words_is_one_sentence(text: str) -> None:
    """A passage always has something to quote."""
    assert [(one.start, one.end) for one in score_sentences("?", build_evidence(text), None)] == [(0, len(text))]
