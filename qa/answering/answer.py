"""From evidence to an answer: how sure it is, which passages are cited, and whether there is an answer at all.

Pure: the same evidence always gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from qa.answering.confidence import estimate_probability
from qa.answering.evidence import Evidence
from qa.answering.quotes import Quote
from qa.types import Citation, Passage, TextRange

MOST_QUOTES = 5
NO_WORDS = "The question has no words to look for."
"""Why there is no answer to "???"."""
NO_SUBJECT = "The question does not say what it is about."
"""Why there is none to "Why?" where nothing was asked before."""
_CITED_SHARE = 0.75
"""A further passage is cited where its chance to answer is at least this share of the best one's."""


def estimate_confidence(evidence: Sequence[Evidence]) -> float:
    """0..1: the chance that the first passage answers; 0 where there is none. Not the best chance of all: the best of
    twelve is high by luck (calibration error .25 instead of .1), and the first is what is quoted first."""
    return estimate_probability(evidence[0]) if evidence else 0.0


def choose_cited(evidence: Sequence[Evidence], threshold: float) -> list[Evidence]:
    """The passages worth quoting, in their order: the first, and those that are about as likely to answer. Where a
    cross-encoder reads, what it has not read is not cited: a cosine is no chance beside the chances of the others."""
    if not evidence:
        return []
    judged = [one for one in evidence if (one.reading is None) == (evidence[0].reading is None)]
    least = max(threshold, _CITED_SHARE * estimate_confidence(evidence))
    return [one for position, one in enumerate(judged) if position == 0 or estimate_probability(one) >= least]


def build_citations(quotes: Sequence[Quote]) -> tuple[Citation, ...]:
    """Quotes as numbered citations in the offsets of their articles."""
    return tuple(_build_citation(number, quote) for number, quote in enumerate(quotes, 1))


def _build_citation(number: int, quote: Quote) -> Citation:
    source = quote.evidence.source
    paragraph = source.paragraph
    return Citation(
        number=number,
        path=source.path,
        title=source.title,
        date=source.date,
        paragraph=paragraph.block,
        start=paragraph.start + quote.start,
        end=paragraph.start + quote.end,
        line=paragraph.line + _count_line_ends(paragraph.text[: quote.start]),
        page=paragraph.page,
        heading=paragraph.heading,
        quote=quote.text,
        score=estimate_probability(quote.evidence),
        answer_span=None if quote.span is None else _range(quote.evidence, *quote.span),
        passage=TextRange(paragraph.start, paragraph.end, paragraph.text),
        also_in=quote.also_in,
    )


def _range(evidence: Evidence, start: int, end: int) -> TextRange:
    paragraph = evidence.source.paragraph
    return TextRange(paragraph.start + start, paragraph.start + end, paragraph.text[start:end])


def _count_line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def build_passages(evidence: Sequence[Evidence], most: int) -> tuple[Passage, ...]:
    """The closest passages, best first. Where a cross-encoder reads, what it has not read stands below all that it has
    read, and its score is no higher than any of theirs: a cosine of .7 is no chance of .7."""
    read = [estimate_probability(one) for one in evidence if one.reading is not None]
    ceiling = min(read, default=1.0)
    return tuple(
        _build_passage(one, estimate_probability(one) if one.reading else min(ceiling, estimate_probability(one)))
        for one in evidence[:most]
    )


def _build_passage(evidence: Evidence, score: float) -> Passage:
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
        score=score,
    )


def render_reason(evidence: Sequence[Evidence], missing: Sequence[str], confidence: float, threshold: float) -> str:
    """Why there is no answer: what came closest, and why that was not enough.

    :param missing: words of the question that the closest passage does not hold.
    """
    if not evidence:
        return "No paragraph has anything to do with the question."
    closest = evidence[0].source
    place = f"The closest passage, in {closest.path} (line {closest.paragraph.line}),"
    sure = f"confidence {confidence:.2f}, {threshold:.2f} is needed"
    if missing:
        named = ", ".join(f"“{word}”" for word in missing[:3])
        return f"{place} says nothing of {named} ({sure})."
    return f"{place} is about this but does not seem to answer ({sure})."
