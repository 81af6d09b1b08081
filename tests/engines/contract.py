"""The part of the contract that is the same for every engine, whatever it searches.

A check is a function that takes the `Half` of an engine and raises AssertionError if the engine breaks the promise in
the docstring.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from index.durable import holds
from index.engines.protocols import Engine, Place, Searcher
from tests.helpers.generations import History

_THREADS = 4
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Half:
    """An engine as the checks need it."""

    make_engine: Callable[[], Engine[Any, Any]]
    """Makes another object each time. What one object wrote, another can open."""
    history: Callable[[Engine[Any, Any], Path], History[Any, Any, Any]]
    rows: Mapping[int, Any]
    """A few hundred different rows by id. Each test takes some of them."""
    ask: Callable[[Any], object]
    """What a searcher finds for several questions, in a form that can be compared."""
    ask_all: Callable[[Any], object]
    """All that a searcher finds for the same questions, without scores and order, which may depend on the history."""
    top: Path
    """An empty folder."""

    def begin(self) -> History[Any, Any, Any]:
        """A history without generations."""
        return self.history(self.make_engine(), self.top)

    def some(self, first: int, last: int) -> dict[int, Any]:
        """The rows with ids from `first` up to, but not including, `last`."""
        return {number: self.rows[number] for number in range(first, last)}


def check_count_follows_changes(half: Half) -> None:
    """What was added counts, what was removed does not, and what comes back counts again."""
    history = half.begin()
    for first, last in ((0, 50), (0, 80), (20, 80), (20, 20), (0, 30), (10, 200)):
        assert history.open(half.some(first, last)).count() == last - first


def check_a_generation_never_changes(half: Half) -> None:
    """Open or opened again, a generation gives the same answers after others were written."""
    history = half.begin()
    first = history.write(half.some(0, 100))
    opened = history.engine.open(first)
    before = half.ask(opened), opened.count()
    for rows in (half.some(0, 120), half.some(50, 120), half.some(0, 60)):
        history.write(rows)
    assert (half.ask(opened), opened.count()) == before
    again = history.engine.open(first)
    assert (half.ask(again), again.count()) == before


def check_a_history_ends_where_one_write_would(half: Half) -> None:
    """After additions and removals in several steps, a search finds as much as in a generation written at once."""
    history = half.begin()
    for first, last in ((0, 60), (0, 150), (40, 150), (30, 160)):
        history.write(half.some(first, last))
    assert history.last is not None
    stepwise = history.engine.open(history.last)
    at_once = half.history(half.make_engine(), half.top / "at-once").open(half.some(30, 160))
    assert stepwise.count() == at_once.count() == 130
    assert half.ask_all(stepwise) == half.ask_all(at_once)


def check_another_object_opens_what_was_written(half: Half) -> None:
    """Nothing about a generation is kept in the object of the engine, so another process can open it."""
    history = half.begin()
    place = history.write(half.some(0, 100))
    assert half.ask(half.make_engine().open(place)) == half.ask(history.engine.open(place))


def check_an_unreadable_predecessor_is_no_obstacle(half: Half) -> None:
    """If the generation before cannot be read, the next one is made anew and complete."""
    history = half.begin()
    before = history.write(half.some(0, 50))
    _lose(history.engine, before)
    opened = history.open(half.some(0, 60))
    assert opened.count() == 60


def check_what_is_missing_is_not_opened(half: Half) -> None:
    """A generation that was discarded or never written is an error, not an empty generation."""
    history = half.begin()
    place = history.write(half.some(0, 50))
    _lose(history.engine, place)
    history.engine.discard(place)  # a second time does no harm
    with pytest.raises((OSError, ValueError, RuntimeError)):
        history.engine.open(place)


def _lose(engine: Engine[Any, Any], place: Place) -> None:
    engine.discard(place)
    shutil.rmtree(place.folder)


def check_each_damaged_file_is_an_error(half: Half) -> None:
    """If a file is missing, or cut in half, the generation is not opened, or it gives the same answers as before."""
    history = half.begin()
    history.write(half.some(0, 300))
    place = history.write(half.some(10, 310))
    expected = half.ask(history.engine.open(place))
    for name in place.stamps:
        for cut in (False, True):
            _expect_error_or_same(half, _damaged_copy(half, place, name, cut), expected)


def _damaged_copy(half: Half, place: Place, name: str, cut: bool) -> Place:
    copy = Place(half.top, half.top / "damaged" / "half", place.stamps)
    shutil.rmtree(copy.folder.parent, ignore_errors=True)
    shutil.copytree(place.folder, copy.folder)
    data = (copy.folder / name).read_bytes()
    (copy.folder / name).unlink()
    if cut:
        (copy.folder / name).write_bytes(data[: len(data) // 2])
    return copy


def _expect_error_or_same(half: Half, place: Place, expected: object) -> None:
    try:
        found = half.ask(half.make_engine().open(place))
    except (OSError, ValueError, RuntimeError):
        return
    assert found == expected


def check_stamps_name_every_file(half: Half) -> None:
    """Every file in the place has a stamp and is sound, and nothing is written elsewhere. A generation may share bytes
    with the one before, and does not change them."""
    history = half.begin()
    for rows in (half.some(0, 100), half.some(0, 130), half.some(30, 130)):
        place = history.write(rows)
        assert {path.name for path in place.folder.iterdir() if path.suffix != ".lock"} == set(place.stamps)
        written = [*half.top.glob("*"), *half.top.glob("*/*")]
        assert all(path.is_dir() for path in written)
    for folder in half.top.glob("*/half"):
        own = {path.name for path in folder.iterdir()}
        assert own or not place.stamps
    assert all(holds(stamp, half.top, thorough=True) for stamp in place.stamps.values())


def check_readers_do_not_notice_a_writer(half: Half) -> None:
    """Several threads ask one open generation while others are written and the first is discarded. Every answer and
    every count stays the same."""
    history = half.begin()
    first = history.write(half.some(0, 120))
    opened = history.engine.open(first)
    expected = half.ask(opened), opened.count()
    wrong: list[object] = []

    def read() -> None:
        try:
            for _ in range(_ROUNDS):
                found = half.ask(opened), opened.count()
                if found != expected:
                    wrong.append(found)
        except Exception as error:  # noqa: BLE001 - a thread's error has to reach the check
            wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    history.write(half.some(0, 150))
    history.write(half.some(60, 150))
    _lose(history.engine, first)
    for thread in threads:
        thread.join()
    assert not wrong


def check_info_can_be_shown(half: Half) -> None:
    """An engine has a name, a line and figures that JSON can hold, and a name for the form of what it writes."""
    engine = half.make_engine()
    info = half.history(engine, half.top).open(half.some(0, 50)).info
    assert info.engine
    assert isinstance(info.exact, bool)
    assert len(info.summary.splitlines()) == 1
    assert json.loads(json.dumps(dict(info.figures))) == dict(info.figures)
    assert info.engine in engine.form


def check_closing_twice_is_allowed(half: Half) -> None:
    """A generation can be closed more than once, and opened again afterwards."""
    history = half.begin()
    place = history.write(half.some(0, 50))
    opened: Searcher = history.engine.open(place)
    opened.close()
    opened.close()
    assert history.engine.open(place).count() == 50


def check_an_empty_generation_counts_nothing(half: Half) -> None:
    """An empty generation is written, opened and followed like any other."""
    history = half.begin()
    assert history.open({}).count() == 0
    assert history.open(half.some(0, 5)).count() == 5
    assert history.open({}).count() == 0


COMMON = [
    check_count_follows_changes,
    check_a_generation_never_changes,
    check_a_history_ends_where_one_write_would,
    check_another_object_opens_what_was_written,
    check_an_unreadable_predecessor_is_no_obstacle,
    check_what_is_missing_is_not_opened,
    check_each_damaged_file_is_an_error,
    check_stamps_name_every_file,
    check_readers_do_not_notice_a_writer,
    check_info_can_be_shown,
    check_closing_twice_is_allowed,
    check_an_empty_generation_counts_nothing,
]


def find_broken(checks: list[Callable[[Half], None]], make_half: Callable[[Path], Half], top: Path) -> set[str]:
    """The names of the checks that an engine fails."""
    broken = set()
    for check in checks:
        try:
            check(make_half(top / check.__name__))
        except Exception:  # noqa: BLE001 - a wrong engine may fail in any way
            broken.add(check.__name__)
        except pytest.fail.Exception:
            broken.add(check.__name__)
    return broken
