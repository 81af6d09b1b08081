"""The promises of tantivy alone: what generations share, and what a deletion leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.engines import tantivy_words
from index.engines.tantivy_words import TantivyEngine, TantivySearcher
from tests.engines.lexical_contract import ask
from tests.helpers.generations import TextHistory


def begin(top: Path) -> TextHistory[TantivySearcher]:
    """A history without generations."""
    return TextHistory(TantivyEngine(), top)


@settings(max_examples=10, deadline=None)
@given(text=st.text(alphabet=st.characters(), max_size=80))
def test_a_text_is_found_by_its_own_words(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever can be typed can be found, including lone surrogates and operators of query languages."""
    opened = begin(tmp_path_factory.mktemp("any")).open({0: (1, "other"), 1: (1, text)})
    terms = ask(text)
    assert not terms or 1 in opened.search(terms, 5).tolist()


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30))), min_size=1, max_size=5),
    purge=st.booleans(),
)
def test_frequencies_are_those_of_what_is_alive(
    steps: list[tuple[set[int], set[int]]], purge: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Deleted paragraphs do not count, even if their words are still in the files."""
    words = ["red", "blue", "green", "hous", "river"]
    texts = {n: (n % 3, " ".join(words[i] for i in range(5) if n >> i & 1) + " end") for n in range(31)}
    history = begin(tmp_path_factory.mktemp("lexical"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tantivy_words, "_PURGE_LIMIT", 20_000 if purge else 0)
        patch.setattr(tantivy_words, "_DEAD_SHARE", 0.5)
        for more, fewer in steps:
            history.write({key: texts[key] for key in (set(history.rows) | more) - fewer})
    assert history.last is not None
    opened = TantivySearcher(history.last.folder)
    assert opened.count() == len(history.rows)
    assert not (purge and opened.dead)
    for word in words:
        holding = sorted(n for n, (_, text) in history.rows.items() if word in text.split())
        assert opened.count_paragraphs([word]) == {word: len(holding)}
        assert sorted(opened.search([word], 100).tolist()) == holding
        in_one = sorted(n for n in holding if history.rows[n][0] == 1)
        assert sorted(opened.search([word], 100, articles=[1]).tolist()) == in_one


def test_additions_share_segments(tmp_path: Path) -> None:
    """One more paragraph is one more small segment. Whoever has opened the generation before keeps it, even after its
    files are gone."""
    rows = {number: (number, f"common text{number}") for number in range(200)}
    history = begin(tmp_path)
    one = history.write(rows)
    opened = TantivySearcher(one.folder)
    two = history.write(rows | {500: (500, "common addition")})
    shared = [name for name in one.stamps if name in two.stamps and (two.folder / name).samefile(one.folder / name)]
    assert len(shared) >= len(one.stamps) - 2
    for path in one.folder.iterdir():
        path.unlink()
    assert opened.search(["addit"], 5).tolist() == []
    assert len(opened.search(["common"], 500)) == 200
    assert TantivySearcher(two.folder).search(["addit"], 5).tolist() == [500]


def test_a_deleted_word_is_in_no_file(tmp_path: Path) -> None:
    """What is deleted from a small index leaves no trace in the files, because none of them is carried over."""
    history = begin(tmp_path)
    one = history.write({1: (1, "plain words"), 2: (2, "secret xylophones")})
    two = history.write({1: (1, "plain words")})
    assert set(one.stamps) & set(two.stamps) <= {"meta.json", ".managed.json"}
    assert TantivySearcher(two.folder).dead == 0


def test_what_is_dead_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`qa index --status` says how many deleted paragraphs are still in the files."""
    monkeypatch.setattr(tantivy_words, "_PURGE_LIMIT", 0)
    rows = {number: (1, f"text{number}") for number in range(20)}
    history = begin(tmp_path)
    assert history.open(rows).info.summary == "20 paragraphs"
    del rows[3]
    info = history.open(rows).info
    assert (info.summary, info.figures["dead"]) == ("19 paragraphs; 1 deleted since the last rebuild", 1)


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index on a read-only disk answers, and nothing is written into it."""
    written = begin(tmp_path).write({1: (1, "plain words")})
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert TantivySearcher(written.folder).search(["plain"], 5).tolist() == [1]
    assert {path.name for path in written.folder.iterdir()} == set(written.stamps)
