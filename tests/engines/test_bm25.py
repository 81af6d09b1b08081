"""What counts as a word, and scores that can be computed by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.engines import bm25
from index.engines.bm25 import CorpusFigures, find_missing_words, keep_rarest, score_bm25, weigh_terms
from tests.engines.lexical_contract import ask


def test_stop_words_count_only_if_there_is_nothing_else() -> None:
    """'Who is in the house' is about the house. 'To be or not to be' is about its stop words."""
    assert ask("Who is in the house?") == ["hous"]
    assert ask("to be or to be") == ["to", "be", "or"]
    assert ask("?!") == []


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_analysed(text: str) -> None:
    """No text is a query language, and none breaks the analyser."""
    assert len(ask(text)) == len(set(ask(text)))


def test_the_score_is_bm25(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: N = 2, both terms in one text of 4 terms, mean length 3; IDF = ln(1 + 1.5/1.5) = ln 2;
    tf part = 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 4/3)) = 0.88 for each of two terms."""
    monkeypatch.setattr(bm25, "K1", 1.2)
    monkeypatch.setattr(bm25, "B", 0.75)
    terms = {"red": 1.0, "hous": 1.0}
    texts = ["one red house there", "blue sky"]
    first, second = score_bm25(terms, texts, {"red": 1, "hous": 1}, CorpusFigures(2, 6))
    assert first.bm25 == pytest.approx(2 * math.log(2) * 0.88)
    assert (first.coverage, second.bm25, second.coverage) == (1.0, 0, 0)


def test_context_weighs_less() -> None:
    """A word that only the context has counts with the weight of the context. A word that the question has too counts
    in full."""
    assert weigh_terms("red house", "house river", 0.3) == {"red": 1.0, "hous": 1.0, "river": 0.3}
    assert weigh_terms("red house", "house river") == {"red": 1.0, "hous": 1.0}


def test_of_a_long_question_the_rarest_words_are_kept() -> None:
    """A hundred thousand characters take no longer than a long sentence."""
    terms = ["common", *[f"unknown{number}" for number in range(70)], "rareword"]
    frequencies = dict.fromkeys(terms, 0) | {"common": 50, "rareword": 1}
    kept = keep_rarest(terms, frequencies)
    assert len(kept) == 64
    assert "common" not in kept
    assert kept == [term for term in terms if term in kept]


def test_missing_words_are_named_as_typed() -> None:
    """A word is not missing if the text has another form of it: 'running' if it has 'runs', but not if it has 'ran'."""
    assert find_missing_words("Who is running the Louvre?", "He runs a museum") == ["Louvre"]
    assert find_missing_words("Is it so?", "") == []
