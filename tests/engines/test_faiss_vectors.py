"""The promises of FAISS alone: what generations share, what is trained, and how much memory it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.engines import faiss_vectors
from index.engines.faiss_vectors import FaissEngine, FaissSearcher
from index.errors import UsageError
from index.updating.limits import Limits
from tests.helpers.generations import VectorHistory, as_ids, find_nearest, make_vectors
from tests.helpers.places import ROOT

Steps = list[tuple[set[int], set[int]]]


def begin(top: Path) -> VectorHistory[FaissSearcher]:
    """A history without generations."""
    return VectorHistory(FaissEngine(), top)


def figures(searcher: FaissSearcher) -> dict[str, Any]:
    """The figures that `qa index --status --json` shows."""
    return dict(searcher.info.figures)


@settings(max_examples=20, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sets(st.integers(0, 300)), st.sets(st.integers(0, 300))), min_size=1, max_size=6),
    small=st.booleans(),
)
def test_any_history_finds_what_brute_force_finds(
    steps: Steps, small: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After any additions and removals, in one part or in many, a search finds exactly the nearest."""
    every = make_vectors(301)
    history = begin(tmp_path_factory.mktemp("vectors"))
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(faiss_vectors, "_DELTA_LIMIT", 20)
            patch.setattr(faiss_vectors, "_most_entries", lambda *_: 60)
        for more, fewer in steps:
            opened = history.open({key: every[key] for key in (set(history.rows) | more) - fewer})
            assert opened.count() == len(history.rows)
            assert opened.search(every[7], 10)[0].tolist() == find_nearest(history.rows, every[7], 10)


def test_a_small_change_shares_the_part(tmp_path: Path) -> None:
    """Adding one vector to many writes a small file."""
    rows = dict(enumerate(make_vectors(1000)))
    history = begin(tmp_path)
    one = history.write(rows)
    two = history.write(rows | {5000: make_vectors(1, seed=9)[0]})
    assert (two.folder / "part0.faiss").samefile(one.folder / "part0.faiss")
    assert sum(path.stat().st_size for path in two.folder.iterdir() if path.stat().st_nlink == 1) < 2000


@pytest.fixture
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """IVF from a thousand vectors on, and a delta that is full at a hundred."""
    monkeypatch.setattr(faiss_vectors, "EXACT_LIMIT", 1000)
    monkeypatch.setattr(faiss_vectors, "_DELTA_LIMIT", 100)


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("room", [256 << 20, 32 * 4 * 1000], ids=["one part", "parts of 1,600"])
def test_a_large_index_has_lists_with_a_measured_recall(tmp_path: Path, room: int) -> None:
    """The recall of the lists is measured when they are made, stored with them, and holds for other questions. It holds
    with little memory too, when parts are small and fewer vectors train the lists."""
    rows = dict(enumerate(make_vectors(6000)))
    history = begin(tmp_path)
    history.room_bytes = room
    opened = history.open(rows)
    info = figures(opened)
    assert (info["kind"], info["parts"] > 1) == ("IVF", room < 1 << 20)
    assert not opened.info.exact
    assert info["recall"] >= 0.95
    assert f"{info['probes']} of {info['lists']} lists searched find {info['recall']:.1%}" in opened.info.summary
    found = 0
    for query in make_vectors(50, seed=5):
        found += len(set(opened.search(query, 40)[0].tolist()) & set(find_nearest(rows, query, 10)))
    assert found / 500 >= 0.95


@pytest.mark.usefixtures("_small_limits")
def test_parts_change_nothing_that_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many parts that were trained on the same sample give what one gives, to the last bit."""
    rows = dict(enumerate(make_vectors(3000)))
    whole = begin(tmp_path / "whole").open(rows)
    monkeypatch.setattr(faiss_vectors, "_most_entries", lambda *_: 500)
    parts = begin(tmp_path / "parts").open(rows)
    assert (figures(whole)["parts"], figures(parts)["parts"]) == (1, 6)
    assert figures(whole)["probes"] == figures(parts)["probes"]
    for query in make_vectors(20, seed=5):
        one, other = whole.search(query, 30), parts.search(query, 30)
        assert [part.tolist() for part in one] == [part.tolist() for part in other]


@pytest.mark.usefixtures("_small_limits")
def test_a_large_index_grows_without_being_trained_again(tmp_path: Path) -> None:
    """A full delta becomes a part, the large part stays as it is, and every vector still finds itself."""
    every = make_vectors(2700)
    history = begin(tmp_path)
    first = history.write(dict(enumerate(every[:1500])))
    lists = figures(FaissSearcher(first.folder))["lists"]
    for step in range(1, 5):
        rows = {number: every[number] for number in range(step * 10, 1500 + step * 150)}
        opened = history.open(rows)
    info = figures(opened)
    assert (info["delta"], info["lists"], info["dead"]) == (0, lists, 40)
    assert info["parts"] == 3
    assert history.last is not None
    assert (history.last.folder / "part0.faiss").samefile(first.folder / "part0.faiss")
    found = [opened.search(row, 1)[0].tolist() == [number] for number, row in rows.items()]
    assert sum(found) / len(found) > 0.99
    assert not set(opened.search(every[15], len(rows))[0].tolist()) & set(range(40))


@pytest.mark.usefixtures("_small_limits")
def test_many_additions_are_loaded_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many vectors are added at once, few of them are in memory."""
    monkeypatch.setattr(faiss_vectors, "_BLOCK", 120)
    every = dict(enumerate(make_vectors(3000)))
    history = begin(tmp_path)
    history.write({number: every[number] for number in range(1500)})
    opened = history.open(every)
    assert (opened.count(), figures(opened)["delta"]) == (3000, 0)
    assert history.most_loaded == 120


@pytest.mark.usefixtures("_small_limits")
def test_the_dead_leave_when_they_are_many(tmp_path: Path) -> None:
    """Parts with many removed vectors are written again without them, and the lists keep their training."""
    every = make_vectors(3000)
    history = begin(tmp_path)
    first = history.open(dict(enumerate(every)))
    rows = {number: every[number] for number in range(1100, 3000)}
    opened = history.open(rows)
    info = figures(opened)
    assert (info["dead"], info["base"], info["lists"]) == (0, 1900, figures(first)["lists"])
    found = [opened.search(row, 1)[0].tolist() == [number] for number, row in rows.items()]
    assert sum(found) / len(found) > 0.99


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize(("count", "kind"), [(1001, "IVF"), (1000, "exact"), (600, "IVF"), (400, "exact")])
def test_the_kind_follows_the_size(tmp_path: Path, count: int, kind: str) -> None:
    """A folder that grows gets lists. One that shrinks keeps them until it is far smaller."""
    every = dict(enumerate(make_vectors(1500)))
    history = begin(tmp_path)
    history.write({} if count in (1001, 1000) else every)
    assert figures(history.open({number: every[number] for number in range(count)}))["kind"] == kind


@pytest.mark.usefixtures("_small_limits")
def test_what_comes_back_is_not_hidden_by_its_former_self(tmp_path: Path) -> None:
    """A vector that was removed from a part and added again is found, while the delta holds it and afterwards."""
    every = make_vectors(1700)
    history = begin(tmp_path)
    rows = dict(enumerate(every[:1500]))
    history.write(rows)
    history.write({number: row for number, row in rows.items() if number != 3})
    for last in (1500, 1650):
        opened = history.open(dict(enumerate(every[:last])))
        assert opened.search(every[3], 1)[0].tolist() == [3]
        assert opened.count() == last


@pytest.mark.usefixtures("_small_limits")
def test_filters_reach_far_lists(tmp_path: Path) -> None:
    """A few allowed vectors among many are found even if the lists nearest to the question hold none of them."""
    rows = dict(enumerate(make_vectors(3000)))
    opened = begin(tmp_path).open(rows)
    far = set(find_nearest(rows, rows[0], 3000)[-20:])
    assert set(opened.search(rows[0], 20, allowed=as_ids(far))[0].tolist()) == far


def test_an_older_form_is_an_error(tmp_path: Path) -> None:
    """Files of an earlier version are refused."""
    place = begin(tmp_path).write(dict(enumerate(make_vectors(10))))
    path = place.folder / "vectors.json"
    path.write_text(json.dumps({"kind": "inverted file", "dimension": 32, "base": 10, "delta": 0, "dead": 0}))
    with pytest.raises(ValueError, match="unexpected keyword argument"):
        FaissEngine().open(place)


_BUILD = """
import json, sys
from pathlib import Path
import numpy as np
from index.engines import faiss_vectors
from index.engines.faiss_vectors import FaissEngine
from index.engines.protocols import Place, VectorSource

COUNT, DIMENSION, BLOCK = 200_000, 256, 4000
CENTRES = np.random.default_rng(0).standard_normal((50, DIMENSION), dtype=np.float32)

def load_all():
    for first in range(0, COUNT, BLOCK):
        random = np.random.default_rng(first + 1)
        rows = CENTRES[random.integers(0, 50, BLOCK)] + random.standard_normal((BLOCK, DIMENSION), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        yield np.arange(first, first + BLOCK), rows

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

faiss_vectors._load_faiss()
faiss_vectors.EXACT_LIMIT = int(sys.argv[2])
faiss_vectors._RECALL_QUERIES = 100
list(zip(load_all(), range(2)))
before = peak()
none = np.empty(0, dtype=np.int64)
source = VectorSource(DIMENSION, COUNT, load_all, lambda ids: (none, np.empty((0, DIMENSION), np.float32)), 4 << 20)
target = Path(sys.argv[1], "made")
target.mkdir()
FaissEngine().write(Place(target.parent, target), None, source, none, none)
print(json.dumps({"more": peak() - before, **json.loads((target / "vectors.json").read_text())}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("limit", [1000, 500_000], ids=["IVF", "exact"])
def test_memory_does_not_grow_with_the_folder(tmp_path: Path, limit: int) -> None:
    """200,000 vectors take 53 MB as 8-bit codes with their ids, and 104 MB exactly. A build that may hold 4 MB of them
    at once takes less than either."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(tmp_path), str(limit)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    made = json.loads(done.stdout)
    assert sum(made["parts"].values()) == 200_000
    assert made["recall"] > 0.9
    assert made["more"] < 45, made


def test_a_million_paragraphs_need_half_a_gigabyte() -> None:
    """The memory of a build hardly grows with the folder."""
    Limits(memory=500 << 20).check(0, 1_000_000)
    Limits(memory=2 << 30).check(10_000_000, 2_000_000)
    with pytest.raises(UsageError, match="give at least"):
        Limits(memory=400 << 20).check(0, 1_000_000)
