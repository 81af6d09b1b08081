"""From evidence to an answer: whether there is one, which passages it cites, and why there is none.

The same evidence always gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.types import CrossEncoder
from qa.answering.citations import build_citations, build_passages
from qa.answering.evidence import Evidence
from qa.answering.follow_ups import Understood, has_subject, names_subject
from qa.answering.list_items import follow_lead_ins
from qa.answering.quotes import choose_quotes
from qa.answering.sentences import ScoredPassage, score_sentences
from qa.types import Answer, Citation, IndexInfo

_MOST_QUOTES = 5
_MOST_CITED = 8
"""Passages whose sentences are scored: at most five are quoted, the others may say the same."""
_CITED_SHARE = 0.75
"""A further passage is cited if its probability is at least this share of the first one's."""
_MOST_MISSING = 3
_NO_WORDS = "The question has no words to look for."
"""Why there is no answer to "???"."""
_NO_SUBJECT = "The question does not say what it is about."
"""Why there is no answer to "Why?" if nothing was asked before."""
_NO_PASSAGE = "No paragraph has anything to do with the question."


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What the user chose about answers."""

    threshold: float
    """Probability from which an answer is given, 0..1."""
    passages: int
    """How many of the closest passages are listed."""


def build_answer(
    asked: Understood,
    evidence: Sequence[Evidence],
    cross_encoder: CrossEncoder | None,
    options: AnswerOptions,
    index: IndexInfo,
) -> Answer:
    """The answer, or that there is none and why.

    :param evidence: the passages in their final order.
    :param cross_encoder: reads single sentences if it finds no spans; None if none is used.
    :param index: the generation that the evidence comes from.
    """
    question = asked.asked_as
    confidence = estimate_confidence(question, evidence)
    answered = bool(evidence) and confidence >= options.threshold
    return Answer(
        question=asked.question,
        asked_as=question,
        answered=answered,
        confidence=confidence,
        citations=_cite(question, evidence, cross_encoder, options.threshold) if answered else (),
        passages=build_passages(evidence, options.passages),
        index=index,
        timings_ms={},
        reason=None if answered else explain(question, evidence, confidence, options.threshold),
        context=asked.context or None,
    )


def estimate_confidence(question: str, evidence: Sequence[Evidence]) -> float:
    """0..1: the probability that the first passage answers; 0 without a passage, or for a question that does not say
    what it is about.

    Not the highest of all: the highest of twelve is high by luck (calibration error .25 instead of .1), and the first
    passage is quoted first.
    """
    return evidence[0].probability if evidence and has_subject(question) else 0.0


def _cite(
    question: str, evidence: Sequence[Evidence], cross_encoder: CrossEncoder | None, threshold: float
) -> tuple[Citation, ...]:
    cited = follow_lead_ins(choose_cited(evidence, threshold)[:_MOST_CITED], evidence)
    scored = [
        ScoredPassage(one.evidence, score_sentences(question, one.evidence, cross_encoder), one.is_listed)
        for one in cited
    ]
    return build_citations(choose_quotes(scored, _MOST_QUOTES))


def choose_cited(evidence: Sequence[Evidence], threshold: float) -> list[Evidence]:
    """The passages worth quoting, in their order: the first, and those about as likely to answer.

    If the cross-encoder has read the first, only what it has read is cited: an unread passage has only a cosine, which
    is not comparable with the others' probabilities.
    """
    if not evidence:
        return []
    first = evidence[0]
    least = max(threshold, _CITED_SHARE * first.probability)
    comparable = [one for one in evidence[1:] if (one.reading is None) == (first.reading is None)]
    return [first, *(one for one in comparable if one.probability >= least)]


def explain(question: str, evidence: Sequence[Evidence], confidence: float, threshold: float) -> str:
    """Why there is no answer: what came closest, and why that was not enough."""
    # Loaded by now: the search has used it.
    from index.engines.bm25 import analyze, find_missing_words

    if not analyze(question):
        return _NO_WORDS
    if not has_subject(question):
        return _NO_SUBJECT
    if not evidence:
        return _NO_PASSAGE
    closest = evidence[0].source
    place = f"The closest passage, in {closest.path} (line {closest.paragraph.line}),"
    doubt = _render_doubt(confidence, threshold)
    missing = [word for word in find_missing_words(question, closest.paragraph.embedded_text) if names_subject(word)]
    if missing:
        named = ", ".join(f"“{word}”" for word in missing[:_MOST_MISSING])
        return f"{place} says nothing of {named} ({doubt})."
    return f"{place} is about this but does not seem to answer ({doubt})."


def _render_doubt(confidence: float, threshold: float) -> str:
    reached, needed = f"{confidence:.2f}", f"{threshold:.2f}"
    if reached == needed:
        return f"confidence just below the {needed} that is needed"
    return f"confidence {reached}, {needed} is needed"
