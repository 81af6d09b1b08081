"""The dense half: exact where it says so, near enough where it does not, and the same after any history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.engines import faiss_vectors as vectors
from index.engines.faiss_vectors import VectorIndex
from tests.helpers.vectors import Corpus, as_ids, make_vectors, write_generation

if TYPE_CHECKING:
    pass


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.tuples(st.sets(st.integers(0, 300)), st.sets(st.integers(0, 300))), min_size=1, max_size=6))
def test_any_history_finds_what_brute_force_finds(
    steps: list[tuple[set[int], set[int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After any additions and removals a search finds exactly the nearest that are there."""
    folder = tmp_path_factory.mktemp("vectors")
    every = make_vectors(301)
    corpus = Corpus({})
    before = None
    for number, (more, fewer) in enumerate(steps):
        had = set(corpus.rows)
        corpus.rows = {key: every[key] for key in (had | more) - fewer}
        added, removed = set(corpus.rows) - had, had - set(corpus.rows)
        before = write_generation(folder, str(number), corpus, before, added, removed)
        opened = VectorIndex(before.folder)
        assert opened.count() == len(corpus.rows)
        ids, scores = opened.search(every[7], 10)
        assert ids.tolist() == corpus.nearest(every[7], 10)
        assert np.all(np.diff(scores) <= 0)


def test_a_filter_is_applied_inside_the_search(tmp_path: Path) -> None:
    """Ten are found among the allowed, however far they are from the question."""
    corpus = Corpus(dict(enumerate(make_vectors(2000))))
    written = write_generation(tmp_path, "1", corpus, None, set(corpus.rows), set())
    query = corpus.rows[0]
    far = set(corpus.nearest(query, 2000)[-50:])
    ids, _ = VectorIndex(written.folder).search(query, 10, allowed=as_ids(far))
    assert ids.tolist() == corpus.nearest(query, 10, far)
    none, _ = VectorIndex(written.folder).search(query, 10, allowed=as_ids(set()))
    assert none.tolist() == []


def test_a_small_change_shares_the_base_and_leaves_the_generation_before_as_it_was(tmp_path: Path) -> None:
    """Adding one vector to many writes a small file, and readers of the old generation notice nothing."""
    corpus = Corpus(dict(enumerate(make_vectors(1000))))
    one = write_generation(tmp_path, "1", corpus, None, set(corpus.rows), set())
    opened = VectorIndex(one.folder)
    seen = opened.search(corpus.rows[3], 5)
    gone = corpus.rows.pop(3)
    corpus.rows[5000] = make_vectors(1, seed=9)[0]
    two = write_generation(tmp_path, "2", corpus, one, {5000}, {3})
    assert (two.folder / "base.faiss").samefile(one.folder / "base.faiss")
    assert VectorIndex(two.folder).search(gone, 5)[0].tolist() == corpus.nearest(gone, 5)
    assert [part.tolist() for part in opened.search(gone, 5)] == [part.tolist() for part in seen]


@pytest.fixture
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """An inverted file already at a thousand vectors, its delta full at a hundred."""
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 1000)
    monkeypatch.setattr(vectors, "_DELTA_LIMIT", 100)


@pytest.mark.usefixtures("_small_limits")
def test_a_large_index_is_an_inverted_file_with_a_measured_recall(tmp_path: Path) -> None:
    """Its recall is measured when it is made, stored with it, and true of questions it was not measured on."""
    corpus = Corpus(dict(enumerate(make_vectors(4000))))
    written = write_generation(tmp_path, "1", corpus, None, set(corpus.rows), set())
    opened = VectorIndex(written.folder)
    assert opened.info.kind == "inverted file"
    assert opened.info.recall >= 0.95
    found = 0
    for query in make_vectors(50, seed=5):
        ids, _ = opened.search(query, 40)
        found += len(set(ids.tolist()) & set(corpus.nearest(query, 10)))
    assert found / 500 >= 0.95


@pytest.mark.usefixtures("_small_limits")
def test_a_large_index_grows_without_being_made_anew(tmp_path: Path) -> None:
    """A full delta moves into the lists and the dead leave them; every vector is still found by itself."""
    every = make_vectors(1700)
    corpus = Corpus(dict(enumerate(every[:1500])))
    before = write_generation(tmp_path, "0", corpus, None, set(corpus.rows), set())
    lists = VectorIndex(before.folder).info.lists
    for step in range(1, 5):
        added = set(range(1450 + step * 50, 1500 + step * 50))
        removed = set(range(step * 10, step * 10 + 10))
        corpus.rows |= {number: every[number] for number in added}
        corpus.rows = {number: row for number, row in corpus.rows.items() if number not in removed}
        before = write_generation(tmp_path, str(step), corpus, before, added, removed)
    opened = VectorIndex(before.folder)
    assert (opened.info.delta, opened.info.lists) == (50, lists)
    assert opened.count() == len(corpus.rows)
    found = [opened.search(row, 1)[0].tolist() == [number] for number, row in corpus.rows.items()]
    assert sum(found) / len(found) > 0.99
    nowhere = opened.search(every[15], len(corpus.rows))[0].tolist()
    assert not set(nowhere) & set(range(10, 50))


@pytest.mark.usefixtures("_small_limits")
def test_filters_reach_far_lists(tmp_path: Path) -> None:
    """A few allowed among many are found although the lists nearest to the question hold none of them."""
    corpus = Corpus(dict(enumerate(make_vectors(3000))))
    opened = VectorIndex(write_generation(tmp_path, "1", corpus, None, set(corpus.rows), set()).folder)
    query = corpus.rows[0]
    far = set(corpus.nearest(query, 3000)[-20:])
    ids, _ = opened.search(query, 20, allowed=as_ids(far))
    assert set(ids.tolist()) == far


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    """No article is left, and no search fails for it."""
    written = write_generation(tmp_path, "1", Corpus({}), None, set(), set())
    opened = VectorIndex(written.folder)
    assert opened.count() == 0
    assert opened.search(make_vectors(1)[0], 5)[0].tolist() == []


def test_a_cut_off_file_is_not_opened(tmp_path: Path) -> None:
    """Half a file is an error and never half an answer."""
    corpus = Corpus(dict(enumerate(make_vectors(500))))
    written = write_generation(tmp_path, "1", corpus, None, set(corpus.rows), set())
    base = written.folder / "base.faiss"
    base.write_bytes(base.read_bytes()[:-100])
    with pytest.raises((RuntimeError, ValueError)):
        VectorIndex(written.folder)
