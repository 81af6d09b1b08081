"""Which sentences of the passages are quoted, and what says the same elsewhere. Pure.

A quote is never written, only cut: one or two neighbouring sentences, `text[start:end]` of a passage.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qa.answering.evidence import Evidence
from qa.answering.list_items import split_items
from qa.answering.sentences import ScoredPassage, Sentence
from qa.types import Location

_NEIGHBOUR_SHARE = 0.1
"""A neighbouring sentence is quoted too if its best answer is at least this share as likely as the best of all."""
_SAME_WORDS = 0.9
"""Share of words (Jaccard) from which two sentences say the same; of fewer than nine words, all."""
_LEANS_BACK = re.compile(r"[\"“‘'(]*(?:He|She|It|They|His|Her|Its|Their|This|That|These|Those|The latter|The former)\b")
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Quote:
    """One or two neighbouring sentences of a passage; offsets count in the passage's text."""

    evidence: Evidence
    start: int
    end: int
    span: tuple[int, int] | None
    """The answering words inside the quote; None if no model found them."""
    also_in: tuple[Location, ...] = ()

    @property
    def text(self) -> str:
        """The quote itself."""
        return self.evidence.text[self.start : self.end]


def choose_quotes(passages: Sequence[ScoredPassage], most: int) -> tuple[Quote, ...]:
    """A quote of each passage, and of each item of a list that is asked for, in their order.

    A passage that says the same in the same words, in whatever article, is named at the quote it repeats.

    :param most: number of quotes.
    """
    quotes: list[Quote] = []
    for one in (item for passage in passages for item in split_items(passage)):
        repeated = _find_repeated(quotes, one)
        if repeated is not None:
            position, location = repeated
            quotes[position] = replace(quotes[position], also_in=(*quotes[position].also_in, location))
        elif len(quotes) < most:
            quotes.append(cut_quote(one))
    return tuple(quotes)


def cut_quote(passage: ScoredPassage) -> Quote:
    """The best sentence, with a neighbour that answers about as well or without which it cannot be understood."""
    sentences = passage.sentences
    best = max(range(len(sentences)), key=lambda position: (sentences[position].score, -position))
    first, last = _add_neighbour(passage.evidence.text, sentences, best)
    span = sentences[best].span
    start, end = sentences[first].start, sentences[last].end
    if span is None:
        return Quote(passage.evidence, start, end, None)
    # An answer may go on beyond its sentence: the quote then ends with the sentence in which the answer ends.
    whole = [sentence.end for sentence in sentences if sentence.start < span.end]
    return Quote(passage.evidence, start, max(end, span.end, *whole[-1:]), (span.start, span.end))


def _add_neighbour(text: str, sentences: Sequence[Sentence], best: int) -> tuple[int, int]:
    """Positions of the first and the last sentence to quote, `best` and at most one more."""
    span = sentences[best].span
    if span is not None and span.end > sentences[best].end:
        return best, best
    rivals = [position for position in (best - 1, best + 1) if 0 <= position < len(sentences)]
    if span is not None and rivals:
        rival = max(rivals, key=lambda position: sentences[position].score)
        if math.exp(sentences[rival].score - sentences[best].score) >= _NEIGHBOUR_SHARE:
            return min(best, rival), max(best, rival)
    if best > 0 and _LEANS_BACK.match(text, sentences[best].start):
        return best - 1, best
    return best, best


def _find_repeated(quotes: Sequence[Quote], passage: ScoredPassage) -> tuple[int, Location] | None:
    """The position of the quote whose words stand in this passage too, and where they stand."""
    source, text = passage.evidence.source, passage.evidence.text
    for position, quote in enumerate(quotes):
        for sentence in passage.sentences:
            if _say_the_same(quote.text, text[sentence.start : sentence.end]):
                offset = source.paragraph.start
                return position, Location(source.path, offset + sentence.start, offset + sentence.end)
    return None


def _say_the_same(one: str, other: str) -> bool:
    first, second = _find_words(one), _find_words(other)
    # A different figure makes a different statement, however alike the rest is.
    if any(char.isdigit() for word in first ^ second for char in word):
        return False
    return len(first & second) >= _SAME_WORDS * len(first | second)


def _find_words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORDS.findall(text))
