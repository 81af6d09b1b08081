"""The contract of engines that search vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from index.engines.protocols import Engine
from tests.engines.contract import COMMON, Half
from tests.helpers.generations import VectorHistory, as_ids, find_nearest, make_vectors

_ROWS = dict(enumerate(make_vectors(700)))
_QUERIES = make_vectors(25, seed=5)
_ENOUGH = 0.95
"""The recall at 10 that a search promises if it is not exact."""


def make_vector_half(make_engine: Callable[[], Engine[Any, Any]], top: Path) -> Half:
    """The engine as the checks need it."""
    return Half(make_engine, VectorHistory, _ROWS, _ask, _ask_all, top)


def _ask(searcher: Any) -> object:
    return [[part.tolist() for part in searcher.search(query, 5)] for query in _QUERIES[:3]]


def _ask_all(searcher: Any) -> object:
    """All results if the search is exact. Otherwise what is nearest to each vector itself."""
    if searcher.info.exact:
        return sorted(searcher.search(_QUERIES[0], 700)[0].tolist())
    return [searcher.search(_ROWS[number], 1)[0].tolist() for number in range(30, 160, 10)]


def _agree(searcher: Any, found: list[int], expected: list[int]) -> bool:
    """True if two results are equal, or nearly so if the search is not exact."""
    if searcher.info.exact:
        return found == expected
    return len(set(found) & set(expected)) >= 0.9 * len(expected) == 0.9 * len(found)


def check_the_nearest_are_found(half: Half) -> None:
    """An exact search finds all ten, any other nearly all. None is found twice, and never more than wanted."""
    rows = half.some(0, 500)
    opened = half.begin().open(rows)
    hits = 0
    for query in _QUERIES:
        ids = opened.search(query, 10)[0].tolist()
        expected = find_nearest(rows, query, 10)
        assert len(ids) == len(set(ids)) == 10
        assert ids == expected or not opened.info.exact
        hits += len(set(opened.search(query, 40)[0].tolist()) & set(expected))
    assert hits >= _ENOUGH * 10 * len(_QUERIES)


def check_changes_are_found(half: Half) -> None:
    """Each vector that is there is the nearest to itself. One that was removed is not found until it comes back,
    however many are asked for."""
    history = half.begin()
    for first, last in ((0, 300), (0, 340), (60, 340), (30, 420)):
        opened = history.open(half.some(first, last))
        every = set(opened.search(_QUERIES[0], 700)[0].tolist())
        assert every <= set(range(first, last))
        assert len(every) == last - first or not opened.info.exact
        found = [opened.search(half.rows[number], 1)[0].tolist() == [number] for number in range(first, last, 7)]
        assert sum(found) >= 0.98 * len(found)


def check_the_filter_is_part_of_the_search(half: Half) -> None:
    """As many as wanted are found among the allowed ones, however far they are from the question."""
    rows = half.some(0, 500)
    opened = half.begin().open(rows)
    query = _QUERIES[0]
    far = set(find_nearest(rows, query, 500)[-30:])
    assert _agree(opened, opened.search(query, 10, as_ids(far))[0].tolist(), find_nearest(rows, query, 10, far))
    assert set(opened.search(query, 100, as_ids(far))[0].tolist()) == far


def check_the_filter_after_changes(half: Half) -> None:
    """An allowed id is not found if it was removed, and is found if it was added since. Unknown ids are ignored."""
    history = half.begin()
    history.write(half.some(0, 400))
    opened = history.open(half.some(20, 420))
    allowed = as_ids([5, 10, 25, 399, 410, 100_000])
    assert set(opened.search(_QUERIES[1], 10, allowed)[0].tolist()) == {25, 399, 410}
    assert opened.search(_QUERIES[1], 10, as_ids([]))[0].tolist() == []


def check_the_best_come_first(half: Half) -> None:
    """Scores are nearly the inner products, in falling order."""
    rows = half.some(0, 300)
    opened = half.begin().open(rows)
    for query in _QUERIES:
        ids, scores = opened.search(query, 50)
        assert np.all(np.diff(scores) <= 0)
        exact = np.array([rows[number] @ query for number in ids.tolist()])
        assert np.allclose(scores, exact, atol=0.002 if opened.info.exact else 0.05)


def check_equal_scores_are_ordered_by_id(half: Half) -> None:
    """The order holds even if several generations brought vectors that are the same."""
    history = half.begin()
    rows = half.some(0, 300)
    history.write(rows | dict.fromkeys((300, 310, 305), half.rows[0]))
    opened = history.open(rows | dict.fromkeys((300, 310, 305, 320, 302), half.rows[0]))
    ids, scores = opened.search(half.rows[0], 6)
    assert set(ids.tolist()) == {0, 300, 302, 305, 310, 320}
    assert [*zip((-scores).tolist(), ids.tolist(), strict=True)] == sorted(
        zip((-scores).tolist(), ids.tolist(), strict=True)
    )
    assert len(set(scores.tolist())) == 1 or not opened.info.exact


def check_fewer_are_found_if_there_are_fewer(half: Half) -> None:
    """A search may ask for more than there are. In an empty generation it finds nothing."""
    history = half.begin()
    assert set(history.open(half.some(0, 3)).search(_QUERIES[0], 10)[0].tolist()) == {0, 1, 2}
    empty = history.open({})
    ids, scores = empty.search(_QUERIES[0], 10)
    assert (ids.tolist(), scores.tolist()) == ([], [])
    assert empty.search(_QUERIES[0], 10, as_ids([1]))[0].tolist() == []


VECTOR_CHECKS = [
    *COMMON,
    check_the_nearest_are_found,
    check_changes_are_found,
    check_the_filter_is_part_of_the_search,
    check_the_filter_after_changes,
    check_the_best_come_first,
    check_equal_scores_are_ordered_by_id,
    check_fewer_are_found_if_there_are_fewer,
]
