"""What counts as a word, and the exact BM25 of a text, whichever engine proposed it.

Engines rank by figures of their own: tantivy counts deleted paragraphs until it merges their segment, and rounds
lengths. Therefore an engine only proposes paragraphs. They are scored here from their texts, with the document
frequencies and lengths of what is alive, so that a score depends on the articles and not on the history of the folder.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from index.engines.tantivy_words import split_into_terms
from index.text.words import prepare_words

K1 = 0.9
B = 0.4
"""BM25's constants (Robertson and Zaragoza, 2009): how soon repeating a word stops to count, and how much length does.
With 1.2 and .75 hit@1 is .672 on news and .636 on excerpts, with these .734 and .702; sets of questions with a single
answer differ by .01."""
ANALYSIS_VERSION = 2
"""Raised when `analyze` finds other terms in a text; everything made of terms is then made again."""
MAX_QUERY_TERMS = 64
"""Terms of a question that are searched for; of a longer one, the rarest."""
_STOP_WORDS = frozenset(
    "a an and are as at be been but by can could did do does for from had has have he her his how i in "
    "into is it its me my of on or our she should so than that the their them there these they this those "
    "to was we were what when where which who whom whose why will with would you your".split()
)


@dataclass(frozen=True, slots=True)
class CorpusFigures:
    """What BM25 needs to know of all paragraphs together."""

    paragraphs: int
    terms: int

    @property
    def mean_length(self) -> float:
        """Terms of a paragraph; 1.0 if there is no paragraph."""
        return self.terms / self.paragraphs if self.paragraphs else 1.0


@dataclass(frozen=True, slots=True)
class LexicalScore:
    """How the words of a text match those of a question."""

    bm25: float
    """0 and up; higher is better."""
    coverage: float
    """0..1: share of the question's terms that the text holds, each counted by its weight and IDF."""


def analyze(text: str) -> list[str]:
    """The terms of a text, in order, repeated as often as they occur: lower case, without accents, stemmed."""
    return split_into_terms(prepare_words(text))


def weigh_terms(question: str, context: str = "", context_weight: float = 0.0) -> dict[str, float]:
    """The different terms to score by, in order: those of the question weigh 1, those that only `context` has weigh
    `context_weight`. Stop words count too: without them hit@1 on news is .594 instead of .734."""
    weighted = dict.fromkeys(analyze(question), 1.0)
    if context_weight > 0:
        for term in analyze(context):
            weighted.setdefault(term, context_weight)
    return weighted


def without_stop_words(terms: Iterable[str]) -> list[str]:
    """The terms worth searching for; all of them if there are no others."""
    every = list(terms)
    return [term for term in every if term not in _STOP_WORDS] or every


def keep_rarest(terms: Sequence[str], frequencies: Mapping[str, int], most: int = MAX_QUERY_TERMS) -> list[str]:
    """At most `most` of the terms, in their order: those that the fewest paragraphs hold."""
    if len(terms) <= most:
        return list(terms)
    kept = set(sorted(terms, key=lambda term: (frequencies[term], term))[:most])
    return [term for term in terms if term in kept]


def find_missing_words(question: str, text: str) -> list[str]:
    """The words of the question, as typed and without stop words, that the text does not hold in any form."""
    held = set(analyze(text))
    missing = []
    for word in dict.fromkeys(question.split()):
        terms = [term for term in analyze(word) if term not in _STOP_WORDS]
        if terms and not held.intersection(terms):
            missing.append(word.strip("?!.,;:\"'()[]“”‘’«»"))
    return missing


def score_bm25(
    terms: Mapping[str, float], texts: Sequence[str], frequencies: Mapping[str, int], figures: CorpusFigures
) -> list[LexicalScore]:
    """Scores each text for weighted terms.

    :param frequencies: of each term, the number of paragraphs that hold it.
    """
    weights = {term: weight * _compute_idf(frequencies[term], figures.paragraphs) for term, weight in terms.items()}
    return [_score_one(weights, Counter(analyze(text)), figures.mean_length) for text in texts]


def _score_one(weights: Mapping[str, float], counts: Counter[str], mean_length: float) -> LexicalScore:
    norm = K1 * (1 - B + B * counts.total() / mean_length)
    score = held = 0.0
    for term, weight in weights.items():
        if count := counts.get(term):
            score += weight * count * (K1 + 1) / (count + norm)
            held += weight
    return LexicalScore(score, held / (sum(weights.values()) or 1.0))


def _compute_idf(frequency: int, paragraphs: int) -> float:
    """Inverse document frequency in the form that is never negative, as in Lucene."""
    return math.log(1 + (paragraphs - frequency + 0.5) / (frequency + 0.5))
