"""The contract of engines that search words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from index.engines.bm25 import analyze, without_stop_words
from index.engines.protocols import Engine
from tests.engines.contract import COMMON, Half
from tests.helpers.generations import TextHistory

_WORDS = ["red", "blue", "green", "house", "river"]
_ROWS = {
    number: (number % 3, f"common text{number} " + " ".join(_WORDS[bit] for bit in range(5) if number >> bit & 1))
    for number in range(700)
}
_WRITTEN = [
    ("Trade grew to $146.9 billion.", "146.9"),
    ("Founded in 1856.", "when 1856?"),
    ("Sold for 1,250,000 yuan", "1250000"),
    ("The façade of the Zürich house", "facade zurich"),
    ("They were running", "run"),
    ("Nobody condemned it", "condemning"),
    ("東京は日本の首都です", "東京"),
    ("Москва — столица", "МОСКВА"),
    ("Zhao Lijian spoke", "ZHAO lijian"),
    ("error code E1234-X", "e1234"),
    ("a" * 150, "a" * 150),
    ("body:* AND (nonsense\0", "nonsense"),
    ("lone \ud800 surrogate", "surrogate"),
]
"""Texts, each with a question that finds only this text."""


def make_lexical_half(make_engine: Callable[[], Engine[Any, Any]], top: Path) -> Half:
    """The engine as the checks need it."""
    return Half(make_engine, TextHistory, _ROWS, _ask, _ask, top)


def _ask(searcher: Any) -> object:
    """What the questions find, without the order of equal texts, which is not promised."""
    found = [sorted(searcher.search([term], 700).tolist()) for term in ("red", "hous", "text7", "nowher")]
    return found, searcher.count_paragraphs(["red", "common", "text150", "nowher"])


def ask(question: str) -> list[str]:
    """What a question finds."""
    return without_stop_words(dict.fromkeys(analyze(question)))


def check_words_are_found_however_they_are_written(half: Half) -> None:
    """Case, accents and endings do not matter, numbers and names stay whole, and no text is a query language."""
    opened = half.begin().open({number: (1, text) for number, (text, _) in enumerate(_WRITTEN)})
    for number, (_, question) in enumerate(_WRITTEN):
        assert opened.search(ask(question), 5).tolist() == [number], question


def check_any_of_the_words_is_enough(half: Half) -> None:
    """Words that are nowhere change nothing. Without words nothing is found."""
    opened = half.begin().open({1: (1, "red house"), 2: (1, "blue sky"), 3: (1, "nothing")})
    assert sorted(opened.search(["red", "blue", "nowher"], 5).tolist()) == [1, 2]
    assert opened.search([], 5).tolist() == []
    assert opened.search(["nowher"], 5).tolist() == []


def check_the_best_come_first(half: Half) -> None:
    """A rare word counts more than a common one, two words more than one, and a short text more than a long one."""
    filler = " ".join(f"filler{number}" for number in range(60))
    rows = {number: (1, f"river {filler} number{number}") for number in range(40)}
    rows |= {50: (1, f"lighthouse {filler}"), 51: (1, "river lighthouse"), 52: (1, "river")}
    opened = half.begin().open(rows)
    assert opened.search(ask("river lighthouse"), 3).tolist()[:2] == [51, 50]
    assert opened.search(["river"], 2).tolist()[0] == 52
    assert len(opened.search(["river"], 7)) == 7


def check_changes_are_found(half: Half) -> None:
    """After any additions and removals, exactly what is there is found and counted."""
    history = half.begin()
    for first, last in ((0, 60), (0, 90), (30, 90), (10, 200), (10, 10), (5, 40)):
        opened = history.open(half.some(first, last))
        for word, term in (("red", "red"), ("house", "hous"), ("common", "common")):
            holding = {number for number in range(first, last) if word in _ROWS[number][1].split()}
            assert set(opened.search([term], 700).tolist()) == holding
            assert opened.count_paragraphs([term]) == {term: len(holding)}


def check_the_filter_is_part_of_the_search(half: Half) -> None:
    """As many paragraphs as wanted are found in the allowed articles, even if others fit better. Unknown articles are
    ignored."""
    rows = dict.fromkeys(range(100), (1, "river"))
    rows |= {number: (2, f"the river flows through a long text number{number}") for number in range(100, 110)}
    opened = half.begin().open(rows)
    assert sorted(opened.search(["river"], 5, [2, 99])) == sorted(opened.search(["river"], 5, [2]))
    assert set(opened.search(["river"], 50, [2, 99]).tolist()) == set(range(100, 110))
    assert len(opened.search(["river"], 5, [2])) == 5
    assert opened.search(["river"], 5, []).tolist() == []
    assert opened.search(["river"], 5, [99]).tolist() == []


def check_the_filter_after_changes(half: Half) -> None:
    """A paragraph that was removed is in no article."""
    history = half.begin()
    history.write(half.some(0, 60))
    opened = history.open(half.some(9, 70))
    expected = {number for number in range(9, 70) if number % 3 == 1}
    assert set(opened.search(["common"], 700, [1]).tolist()) == expected


def check_an_empty_generation_finds_nothing(half: Half) -> None:
    """No word is found or counted, and nothing fails."""
    opened = half.begin().open({})
    assert opened.search(["red"], 5).tolist() == []
    assert opened.search(["red"], 5, [1]).tolist() == []
    assert opened.count_paragraphs(["red"]) == {"red": 0}


LEXICAL_CHECKS = [
    *COMMON,
    check_words_are_found_however_they_are_written,
    check_any_of_the_words_is_enough,
    check_the_best_come_first,
    check_changes_are_found,
    check_the_filter_is_part_of_the_search,
    check_the_filter_after_changes,
    check_an_empty_generation_finds_nothing,
]
