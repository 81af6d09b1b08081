"""The sentences of a passage, each with how well it answers: what quotes are cut from.

Pure, except that a cross-encoder without spans reads each sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.text.sentences import split_sentences
from index.types import CrossEncoder, Span
from qa.answering.evidence import Evidence

_NO_SPAN = 10.0
"""Logits by which a sentence without an answer span scores below the worst span."""


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
class ScoredPassage:
    """A passage that is to be quoted, cut into sentences."""

    evidence: Evidence
    sentences: tuple[Sentence, ...]
    """In order of `start`; at least one."""
    is_listed: bool = False
    """True if a lead-in to its items was found: then all of them are asked for."""


def score_sentences(question: str, evidence: Evidence, cross_encoder: CrossEncoder | None) -> tuple[Sentence, ...]:
    """The passage's sentences, scored by the spans in them; if the model finds none, by a reading of each sentence; if
    there is no model, by the words they share with the question."""
    text = evidence.text
    # A blank text has no sentence: it is quoted whole.
    ranges = split_sentences(text) or [(0, len(text))]
    if evidence.reading is not None and evidence.reading.spans:
        return _score_by_spans(ranges, evidence.reading.spans)
    if cross_encoder is None:
        return tuple(Sentence(start, end, _compute_overlap(question, text[start:end])) for start, end in ranges)
    if len(ranges) == 1 and evidence.reading is not None:
        return (Sentence(*ranges[0], evidence.reading.relevance),)
    readings = cross_encoder.read(question, [text[start:end] for start, end in ranges])
    return tuple(
        Sentence(start, end, reading.relevance) for (start, end), reading in zip(ranges, readings, strict=True)
    )


def _score_by_spans(ranges: Sequence[tuple[int, int]], spans: Sequence[Span]) -> tuple[Sentence, ...]:
    """Each sentence gets the score of the best span that starts in it."""
    floor = min(span.score for span in spans) - _NO_SPAN
    sentences = []
    for start, end in ranges:
        inside = [span for span in spans if start <= span.start < end]
        best = max(inside, key=lambda span: span.score, default=None)
        sentences.append(Sentence(start, end, best.score if best else floor, best))
    return tuple(sentences)


def _compute_overlap(question: str, sentence: str) -> float:
    """Share of the question's words that the sentence has, 0..1."""
    asked = set(question.lower().split())
    return len(asked & set(sentence.lower().split())) / max(len(asked), 1)
