"""Quotes and passages as a face shows them: offsets and lines of the article, numbers, scores. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from index.types import Paragraph
from qa.answering.evidence import Evidence
from qa.answering.quotes import Quote
from qa.types import Citation, Passage, TextRange


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
        score=quote.evidence.probability,
        answer_span=None if quote.span is None else _locate(paragraph, *quote.span),
        passage=TextRange(paragraph.start, paragraph.end, paragraph.text),
        also_in=quote.also_in,
    )


def _locate(paragraph: Paragraph, start: int, end: int) -> TextRange:
    return TextRange(paragraph.start + start, paragraph.start + end, paragraph.text[start:end])


def _count_line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def build_passages(evidence: Sequence[Evidence], most: int) -> tuple[Passage, ...]:
    """The closest passages, in their order.

    :param most: number of passages.
    """
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
        score=evidence.probability,
    )
