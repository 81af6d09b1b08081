"""What a passage says to a question: its sentences with their scores, and the words that answer.

Pure but for the one call of the cross-encoder; nothing here decides whether there is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.text.sentences import split_sentences
from index.types import Candidate, CrossEncoder, Reading, Span, StoredParagraph

_NO_SPAN = 10.0
"""Logits that a sentence without any of the likeliest answers stands below the last of those that have one."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage; offsets count in the passage's text."""

    start: int
    end: int
    score: float
    """Logit; higher answers better; comparable within one question."""
    span: Span | None = None
    """The likeliest answer that starts in it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A candidate with its text and what the cross-encoder read in it."""

    candidate: Candidate
    source: StoredParagraph
    reading: Reading | None
    """None where no cross-encoder is used."""
    order: float
    """The final order of the passages; higher is better."""
    brevity: float = 1.0
    """Of the question, 0..1: how far the cross-encoder, which learned from short ones, can be believed."""
    sentences: tuple[Sentence, ...] = ()
    """In order of `start`; empty where they were not scored."""
    listed: bool = False
    """The words that lead in to its items were found: all of them are asked for."""


def score_sentences(question: str, evidence: Evidence, cross_encoder: CrossEncoder | None) -> tuple[Sentence, ...]:
    """The passage's sentences, scored by the spans in them or, where the model finds none, by a reading of each."""
    text = evidence.source.paragraph.text
    # A passage of marks alone has no sentence: it is quoted whole.
    ranges = split_sentences(text) or [(0, len(text))]
    if evidence.reading is not None and evidence.reading.spans:
        return _score_by_spans(ranges, evidence.reading.spans)
    if cross_encoder is None:
        return tuple(Sentence(start, end, _overlap(question, text[start:end])) for start, end in ranges)
    if len(ranges) == 1 and evidence.reading is not None:
        return (Sentence(*ranges[0], evidence.reading.relevance),)
    readings = cross_encoder.read(question, [text[start:end] for start, end in ranges])
    return tuple(
        Sentence(start, end, reading.relevance) for (start, end), reading in zip(ranges, readings, strict=True)
    )


def _score_by_spans(ranges: Sequence[tuple[int, int]], spans: Sequence[Span]) -> tuple[Sentence, ...]:
    """Each sentence has the score of the best span that starts in it; a sentence without one stands below all."""
    floor = min(span.score for span in spans) - _NO_SPAN
    sentences = []
    for start, end in ranges:
        inside = [span for span in spans if start <= span.start < end]
        best = max(inside, key=lambda span: span.score, default=None)
        sentences.append(Sentence(start, end, best.score if best else floor, best))
    return tuple(sentences)


def _overlap(question: str, sentence: str) -> float:
    """Share of the question's words that the sentence has, 0..1: what is left to go by without a cross-encoder."""
    asked = set(question.lower().split())
    return len(asked & set(sentence.lower().split())) / max(len(asked), 1)
