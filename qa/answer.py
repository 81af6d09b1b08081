"""From evidence to an answer: which sentences are quoted, how they are numbered, and whether there is an answer at all.

Pure: the same evidence always gives the same answer. A quote is never written, only cut: `text[start:end]`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qa.evidence import Evidence, Sentence
from qa.types import Citation, Location, Passage, TextRange

DEFAULT_THRESHOLD = 0.5
MOST_QUOTES = 5
_SLOPE, _OFFSET = 0.6, 1.2


@dataclass(frozen=True, slots=True)
class Quote:
    """One or two neighbouring sentences of a passage."""

    evidence: Evidence
    start: int
    end: int
    score: float
    """0..1; higher is better."""
    span: tuple[int, int] | None
    """The answering words; like `start` and `end` in the passage's text."""


def estimate_confidence(evidence: Sequence[Evidence]) -> float:
    """0..1: the chance that the best passage answers."""
    readings = [one.reading for one in evidence if one.reading is not None]
    if readings:
        return _sigmoid(_SLOPE * max(reading.relevance for reading in readings) + _OFFSET)
    return max((one.candidate.dense or 0.0 for one in evidence), default=0.0)


def choose_quotes(evidence: Sequence[Evidence], most: int = MOST_QUOTES) -> tuple[Quote, ...]:
    """The best sentences of the passages that have sentences, best passage first."""
    quotes: list[Quote] = []
    for one in evidence:
        if one.sentences and len(quotes) < most:
            best = max(one.sentences, key=lambda sentence: sentence.score)
            quotes.append(_cut_quote(one, best))
    return tuple(quotes)


def _cut_quote(evidence: Evidence, best: Sentence) -> Quote:
    span = None if best.span is None else (best.span.start, best.span.end)
    end = best.end if span is None else max(best.end, span[1])
    return Quote(evidence, best.start, end, estimate_confidence([evidence]), span)


def build_citations(quotes: Sequence[Quote]) -> tuple[Citation, ...]:
    """Quotes as numbered citations in the offsets of their articles."""
    return tuple(_build_citation(number, quote) for number, quote in enumerate(quotes, 1))


def _build_citation(number: int, quote: Quote, also_in: tuple[Location, ...] = ()) -> Citation:
    source = quote.evidence.source
    paragraph = source.paragraph
    offset = paragraph.start
    span = quote.span
    return Citation(
        number=number,
        path=source.path,
        title=source.title,
        date=source.date,
        paragraph=paragraph.block,
        start=offset + quote.start,
        end=offset + quote.end,
        line=paragraph.line + _count_line_ends(paragraph.text[: quote.start]),
        page=paragraph.page,
        heading=paragraph.heading,
        quote=paragraph.text[quote.start : quote.end],
        score=quote.score,
        answer_span=None
        if span is None
        else TextRange(offset + span[0], offset + span[1], paragraph.text[span[0] : span[1]]),
        passage=TextRange(paragraph.start, paragraph.end, paragraph.text),
        also_in=also_in,
    )


def _count_line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def build_passages(evidence: Sequence[Evidence], most: int) -> tuple[Passage, ...]:
    """The closest passages, best first."""
    return tuple(_build_passage(one) for one in evidence[:most])


def _build_passage(evidence: Evidence) -> Passage:
    source = evidence.source
    paragraph = source.paragraph
    return Passage(
        path=source.path,
        title=source.title,
        date=source.date,
        paragraph=paragraph.block,
        start=paragraph.start,
        end=paragraph.end,
        line=paragraph.line,
        page=paragraph.page,
        heading=paragraph.heading,
        text=paragraph.text,
        score=estimate_confidence([evidence]),
    )


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))


def render_reason(evidence: Sequence[Evidence], confidence: float, threshold: float) -> str:
    """Why there is no answer: what came closest, and that it was not enough."""
    if not evidence:
        return "No paragraph has anything to do with the question."
    closest = evidence[0].source
    return (
        f"The closest passage is in {closest.path} (line {closest.paragraph.line}), but it does not seem to answer: "
        f"confidence {confidence:.2f}, {threshold:.2f} is needed."
    )
