"""Which sentences of the passages are quoted, and what says the same elsewhere. Pure.

A quote is never written, only cut: one or two neighbouring sentences, `text[start:end]` of a passage.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from qa.answering.evidence import Evidence, Sentence
from qa.answering.list_items import split_items
from qa.types import Location

_NEIGHBOUR_SHARE = 0.1
"""A neighbouring sentence is quoted too where its best answer is at least so likely as the best of all."""
_SAME_WORDS = 0.9
"""Share of words (Jaccard) from which two sentences say the same."""
_FEWEST_SAME = 5
"""Words below which sentences are alike by chance."""
_LEANS_BACK = re.compile(r"[\"“‘'(]*(?:He|She|It|They|His|Her|Its|Their|This|That|These|Those|The latter|The former)\b")
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Quote:
    """One or two neighbouring sentences of a passage; offsets count in the passage's text."""

    evidence: Evidence
    start: int
    end: int
    span: tuple[int, int] | None
    """The answering words inside the quote; None where nothing found them."""
    also_in: tuple[Location, ...] = ()

    @property
    def text(self) -> str:
        """The quote itself."""
        return self.evidence.source.paragraph.text[self.start : self.end]


def choose_quotes(evidence: Sequence[Evidence], most: int) -> tuple[Quote, ...]:
    """A quote of each passage that has sentences, in their order, and of each item of a list that is asked for; a
    passage that says the same in the same words, in another article or in the same one, is named at the quote it
    repeats."""
    quotes: list[Quote] = []
    for one in (item for passage in evidence for item in split_items(passage)):
        if not one.sentences:
            continue
        repeated = _find_repeated(quotes, one)
        if repeated is not None:
            position, location = repeated
            quotes[position] = _with_place(quotes[position], location)
        elif len(quotes) < most:
            quotes.append(cut_quote(one))
    return tuple(quotes)


def cut_quote(evidence: Evidence) -> Quote:
    """The best sentence, with the neighbour that answers about as well or that it cannot be understood without."""
    sentences = evidence.sentences
    best = max(range(len(sentences)), key=lambda position: (sentences[position].score, -position))
    first, last = _with_neighbour(evidence, sentences, best)
    span = sentences[best].span
    start, end = sentences[first].start, sentences[last].end
    if span is None:
        return Quote(evidence, start, end, None)
    # An answer may reach over the end of its sentence: the quote then ends with the sentence that it ends in.
    whole = [sentence.end for sentence in sentences if sentence.start < span.end]
    return Quote(evidence, start, max(end, span.end, *whole[-1:]), (span.start, span.end))


def _with_neighbour(evidence: Evidence, sentences: Sequence[Sentence], best: int) -> tuple[int, int]:
    """Positions of the first and the last sentence to quote, `best` and at most one more."""
    span = sentences[best].span
    if span is not None and span.end > sentences[best].end:
        return best, best
    rivals = [position for position in (best - 1, best + 1) if 0 <= position < len(sentences)]
    if span is not None and rivals:
        rival = max(rivals, key=lambda position: sentences[position].score)
        if math.exp(sentences[rival].score - sentences[best].score) >= _NEIGHBOUR_SHARE:
            return min(best, rival), max(best, rival)
    text = evidence.source.paragraph.text
    if best > 0 and _LEANS_BACK.match(text, sentences[best].start):
        return best - 1, best
    return best, best


def _find_repeated(quotes: Sequence[Quote], evidence: Evidence) -> tuple[int, Location] | None:
    """The quote whose words stand in this passage too, and where."""
    text = evidence.source.paragraph.text
    for position, quote in enumerate(quotes):
        for sentence in evidence.sentences:
            if _say_the_same(quote.text, text[sentence.start : sentence.end]):
                offset = evidence.source.paragraph.start
                return position, Location(evidence.source.path, offset + sentence.start, offset + sentence.end)
    return None


def _say_the_same(one: str, other: str) -> bool:
    first, second = _words(one), _words(other)
    if min(len(first), len(second)) < _FEWEST_SAME:
        return first == second
    # A figure that differs is another statement, however alike the rest is.
    if {word for word in first ^ second if any(char.isdigit() for char in word)}:
        return False
    return len(first & second) >= _SAME_WORDS * len(first | second)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORDS.findall(text))


def _with_place(quote: Quote, location: Location) -> Quote:
    return Quote(quote.evidence, quote.start, quote.end, quote.span, (*quote.also_in, location))
