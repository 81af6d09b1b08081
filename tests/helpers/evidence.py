"""Passages as they are judged, with chosen scores."""

from __future__ import annotations

from index.types import Candidate, Paragraph, Reading, Span, StoredParagraph
from qa.answering.evidence import Evidence
from qa.answering.sentences import ScoredPassage, score_sentences


def build_candidate(number: int = 1, *, dense: float = 0.5, coverage: float = 1.0, fused: float = 0.5) -> Candidate:
    """A candidate for paragraph `number`."""
    return Candidate(number, dense, 1.0, fused, coverage)


def build_source(
    text: str = "Text.", number: int = 1, *, path: str = "a.txt", start: int = 0, context: str = ""
) -> StoredParagraph:
    """A paragraph with that text, which begins at `start` in its article."""
    paragraph = Paragraph(number, number, start, start + len(text), 1, text, context=context)
    return StoredParagraph(number, path, "A", None, paragraph)


def build_reading(text: str = "Text.", *answers: tuple[str, float] | Span, relevance: float = 1.0) -> Reading:
    """What the answer reader says: words or ranges of the text, with their logits minus that of 'no answer'."""
    spans = [
        one if isinstance(one, Span) else Span(text.index(one[0]), text.index(one[0]) + len(one[0]), one[1])
        for one in answers
    ]
    return Reading(relevance, tuple(sorted(spans, key=lambda span: -span.score)), 0.0)


def build_evidence(
    text: str = "Text.",
    *answers: tuple[str, float] | Span,
    number: int = 1,
    probability: float = 0.9,
    is_read: bool = True,
    path: str = "a.txt",
    start: int = 0,
    context: str = "",
) -> Evidence:
    """A passage that the answer reader has read, unless `is_read` is False."""
    source = build_source(text, number, path=path, start=start, context=context)
    reading = build_reading(text, *answers) if is_read else None
    return Evidence(build_candidate(number), source, reading, probability, 1.0)


def score(evidence: Evidence, *, is_listed: bool = False) -> ScoredPassage:
    """The passage with its sentences, scored by the answers in it."""
    return ScoredPassage(evidence, score_sentences("?", evidence, None), is_listed)
