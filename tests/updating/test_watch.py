"""The watcher that keeps an index fresh, on a real folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

from index.errors import DocumentsError
from index.updating.watch import watch_folder

_PATIENCE = 20.0
"""Seconds after which a change counts as not noticed. A benchmark measures how soon one is noticed."""


@pytest.fixture
def changes(tmp_path: Path) -> Iterator[Queue[float]]:
    """A queue that gets the time of every change of `tmp_path`, without the first one."""
    seen: Queue[float] = Queue()
    stop = threading.Event()

    def follow() -> None:
        for _ in watch_folder(tmp_path, stop):
            seen.put(time.monotonic())

    thread = threading.Thread(target=follow)
    thread.start()
    seen.get(timeout=_PATIENCE)
    yield seen
    stop.set()
    thread.join(timeout=_PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "new.txt").write_text("new"),
        lambda folder: (folder / "old.txt").write_text("changed"),
        lambda folder: (folder / "old.txt").rename(folder / "moved.txt"),
        lambda folder: (folder / "old.txt").unlink(),
        lambda folder: (folder / "deep" / "er").mkdir(parents=True),
    ],
    ids=["add", "edit", "rename", "delete", "folder"],
)
def test_every_kind_of_change_is_reported(
    tmp_path: Path, changes: Queue[float], change: Callable[[Path], object]
) -> None:
    """Whatever happens to an article, the watcher reports it."""
    (tmp_path / "old.txt").write_text("old")
    changes.get(timeout=_PATIENCE)
    change(tmp_path)
    changes.get(timeout=_PATIENCE)


def test_a_save_through_a_temporary_file_is_reported_and_the_temporary_file_is_not(
    tmp_path: Path, changes: Queue[float]
) -> None:
    """The files that editors write for themselves cause no work. The rename that ends a save does."""
    (tmp_path / ".a.txt.swp").write_text("x")
    (tmp_path / "a.txt~").write_text("x")
    (tmp_path / "4913").write_text("x")
    with pytest.raises(Empty):
        changes.get(timeout=1.5)
    (tmp_path / "a.txt.tmp").write_text("whole text")
    (tmp_path / "a.txt.tmp").rename(tmp_path / "a.txt")
    changes.get(timeout=_PATIENCE)


def test_a_burst_of_saves_is_reported_a_few_times(tmp_path: Path, changes: Queue[float]) -> None:
    """A hundred files copied at once are one change or a few, not a hundred."""
    for number in range(100):
        (tmp_path / f"{number}.txt").write_text("text")
    changes.get(timeout=_PATIENCE)
    time.sleep(2)
    assert changes.qsize() < 5


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """One sentence says that there is nothing to watch."""
    with pytest.raises(DocumentsError, match="no such folder"):
        next(watch_folder(tmp_path / "none"))
