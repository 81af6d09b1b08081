"""The lexical half: what counts as a word, that scores depend on what is alive, and that files are shared."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.durable import Previous
from index.engines import tantivy_words as lexical
from index.engines.tantivy_words import (
    CorpusFigures,
    LexicalIndex,
    LexicalSource,
    analyze,
    score_bm25,
    without_stop_words,
    write_lexical,
)

if TYPE_CHECKING:
    from index.types import Ids


class Corpus:
    """Texts by id, what a database is to `lexical`."""

    def __init__(self, rows: dict[int, tuple[int, str]]) -> None:
        self.rows = rows

    def source(self) -> LexicalSource:
        return LexicalSource(
            len(self.rows), lambda: self._some(sorted(self.rows)), lambda ids: self._some(ids.tolist())
        )

    def _some(self, ids: list[int]) -> Iterator[tuple[int, int, str]]:
        for number in ids:
            yield number, *self.rows[number]


def write(
    folder: Path, name: str, corpus: Corpus, before: Previous | None, added: set[int], removed: set[int]
) -> Previous:
    """One more generation in `folder`."""
    target = folder / name
    target.mkdir()
    stamps = write_lexical(target, before, corpus.source(), _ids(added), _ids(removed), folder)
    return Previous(target, {Path(stamp.path).name: stamp for stamp in stamps})


def _ids(numbers: set[int]) -> Ids:
    return np.array(sorted(numbers), dtype=np.int64)


def ask(question: str) -> list[str]:
    """The terms a question is searched by."""
    return without_stop_words(dict.fromkeys(analyze(question)))


def open_corpus(folder: Path, *texts: str) -> LexicalIndex:
    """The texts with ids 0, 1, …, all of article 1."""
    corpus = Corpus({number: (1, text) for number, text in enumerate(texts)})
    return LexicalIndex(write(folder, "1", corpus, None, set(corpus.rows), set()).folder)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Trade grew to $146.9 billion.", "146.9"),
        ("Founded in 1856.", "when 1856?"),
        ("The façade of the Zürich house", "facade zurich"),
        ("They were running", "run"),
        ("Nobody condemned it", "condemning"),
        ("東京は日本の首都です", "東京"),
        ("Москва — столица", "МОСКВА"),
        ("Zhao Lijian spoke", "ZHAO lijian"),
        ("error code E1234-X", "e1234"),
        ("a" * 150, "a" * 150),
    ],
)
def test_words_are_found_however_they_are_written(tmp_path: Path, text: str, question: str) -> None:
    """Case, accents and endings do not matter; numbers and names stay whole."""
    opened = open_corpus(tmp_path, "something else", text, "more of it")
    assert opened.search(ask(question), 5).tolist() == [1]


def test_stop_words_count_only_where_there_is_nothing_else() -> None:
    """'Who is in the house' is about the house; 'to be or not to be' is about itself."""
    assert ask("Who is in the house?") == ["hous"]
    assert ask("to be or to be") == ["to", "be", "or"]
    assert ask("?!") == []


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_indexed_and_asked(text: str) -> None:
    """No text is a query language, and none breaks the analyser."""
    assert len(ask(text)) == len(set(ask(text)))


@settings(max_examples=10, deadline=None)
@given(text=st.text(alphabet=st.characters(), max_size=80))
def test_a_text_is_found_by_its_own_words(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever can be typed can be found again, lone surrogates and operators of query languages included."""
    opened = open_corpus(tmp_path_factory.mktemp("any"), "other", text)
    terms = opened.rarest(ask(text))
    assert not terms or 1 in opened.search(terms, 5).tolist()


def test_the_score_is_bm25(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: N = 2, both terms in one text of 4 terms, mean length 3; idf = ln(1 + 1.5/1.5) = ln 2;
    tf part = 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 4/3)) = 0.88 for each of two terms."""
    monkeypatch.setattr(lexical, "K1", 1.2)
    monkeypatch.setattr(lexical, "B", 0.75)
    terms = {"red": 1.0, "hous": 1.0}
    texts = ["one red house there", "blue sky"]
    first, second = score_bm25(terms, texts, {"red": 1, "hous": 1}, CorpusFigures(2, 6))
    assert first.bm25 == pytest.approx(2 * math.log(2) * 0.88)
    assert second.bm25 == 0


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30))), min_size=1, max_size=5),
    purge=st.booleans(),
)
def test_frequencies_are_those_of_what_is_alive(
    steps: list[tuple[set[int], set[int]]], purge: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Deleted paragraphs count for nothing, whether their words are still in the files or not."""
    folder = tmp_path_factory.mktemp("lexical")
    words = ["red", "blue", "green", "hous", "river"]
    texts = {n: (n % 3, " ".join(words[i] for i in range(5) if n >> i & 1) + " end") for n in range(31)}
    corpus = Corpus({})
    before = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lexical, "_PURGE_LIMIT", 20_000 if purge else 0)
        patch.setattr(lexical, "_DEAD_SHARE", 0.5)
        for number, (more, fewer) in enumerate(steps):
            had = set(corpus.rows)
            corpus.rows = {key: texts[key] for key in (had | more) - fewer}
            before = write(folder, str(number), corpus, before, set(corpus.rows) - had, had - set(corpus.rows))
    assert before is not None
    opened = LexicalIndex(before.folder)
    assert opened.count() == len(corpus.rows)
    assert not (purge and opened.dead)
    for word in words:
        holding = sorted(n for n, (_, text) in corpus.rows.items() if word in text.split())
        assert opened.count_paragraphs([word]) == {word: len(holding)}
        assert sorted(opened.search([word], 100).tolist()) == holding
        in_one = sorted(n for n in holding if corpus.rows[n][0] == 1)
        assert sorted(opened.search([word], 100, articles=[1]).tolist()) == in_one


def test_additions_share_segments_and_leave_the_generation_before_as_it_was(tmp_path: Path) -> None:
    """One more paragraph is one more small segment; readers of the old generation notice nothing, even when it is
    gone."""
    corpus = Corpus({number: (number, f"common text{number}") for number in range(200)})
    one = write(tmp_path, "1", corpus, None, set(corpus.rows), set())
    content = {path.name: path.read_bytes() for path in one.folder.iterdir()}
    opened = LexicalIndex(one.folder)
    corpus.rows[500] = (500, "common addition")
    two = write(tmp_path, "2", corpus, one, {500}, set())
    shared = [name for name in one.stamps if name in two.stamps and (two.folder / name).samefile(one.folder / name)]
    assert len(shared) >= len(one.stamps) - 2
    assert {name: (one.folder / name).read_bytes() for name in content} == content
    for path in one.folder.iterdir():
        path.unlink()
    assert opened.search(["addit"], 5).tolist() == []
    assert len(opened.search(["common"], 500)) == 200
    assert LexicalIndex(two.folder).search(["addit"], 5).tolist() == [500]


def test_a_deleted_word_is_in_no_file(tmp_path: Path) -> None:
    """What is deleted from a small index leaves no trace in its files: none of them is carried over."""
    corpus = Corpus({1: (1, "plain words"), 2: (2, "secret xylophones")})
    one = write(tmp_path, "1", corpus, None, {1, 2}, set())
    del corpus.rows[2]
    two = write(tmp_path, "2", corpus, one, set(), {2})
    assert set(one.stamps) & set(two.stamps) <= {"meta.json", ".managed.json"}
    assert LexicalIndex(two.folder).dead == 0


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index on a read-only disk answers, and nothing is written into it."""
    written = write(tmp_path, "1", Corpus({1: (1, "plain words")}), None, {1}, set())
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert LexicalIndex(written.folder).search(["plain"], 5).tolist() == [1]
    assert {path.name for path in written.folder.iterdir()} == set(written.stamps)


def test_of_a_long_question_the_rarest_words_are_kept(tmp_path: Path) -> None:
    """A hundred thousand characters cost no more than a long sentence."""
    opened = open_corpus(tmp_path, *["common words here"] * 50, "rareword")
    terms = ["common", *[f"unknown{number}" for number in range(70)], "rareword"]
    kept = opened.rarest(terms)
    assert len(kept) == 64
    assert "common" not in kept
