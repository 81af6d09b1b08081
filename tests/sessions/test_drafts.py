"""The promises about what is being typed: it is kept however a window ends, and two windows never share it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import StorageError
from qa.sessions.drafts import Drafts
from qa.sessions.store import SessionStore, open_sessions

ARTICLES = Path("/articles")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    opened = open_sessions(tmp_path)
    yield opened
    opened.close()


def test_kept_for_the_next_window(store: SessionStore) -> None:
    """What was typed in a window that was closed is there in the next one, over the same folder only."""
    first, other, second = Drafts(ARTICLES), Drafts(Path("/other")), Drafts(ARTICLES)
    assert first.take_up(store) == ""
    first.save(store, "What do ti")
    first.close()
    assert other.take_up(store) == ""
    other.close()
    assert second.take_up(store) == "What do ti"
    second.close()


def test_left_before_it_took_up_anything(store: SessionStore) -> None:
    """What was typed in the first moment of a window is kept, and so is what another window left."""
    earlier, short = Drafts(ARTICLES), Drafts(ARTICLES)
    earlier.take_up(store)
    earlier.save(store, "of the earlier")
    earlier.close()
    short.leave(store, "of the short one")
    assert _take_and_hold(store, 3) == ["of the earlier", "of the short one", ""]


def test_two_windows_have_two_drafts(store: SessionStore) -> None:
    """Two windows over one folder neither show nor overwrite each other's text, and each finds its own again."""
    first, second = Drafts(ARTICLES), Drafts(ARTICLES)
    first.take_up(store)
    first.save(store, "of the first")
    assert second.take_up(store) == ""
    second.save(store, "of the second")
    first.save(store, "of the first, longer")
    first.close()
    second.close()
    assert _take_and_hold(store, 2) == ["of the first, longer", "of the second"]


def test_what_is_left_is_found_first(store: SessionStore) -> None:
    """If the first window is empty, the next one finds what was typed in the second."""
    first, second = Drafts(ARTICLES), Drafts(ARTICLES)
    first.take_up(store)
    second.take_up(store)
    second.save(store, "of the second")
    first.close()
    second.close()
    assert _take_and_hold(store, 2) == ["of the second", ""]


def _take_and_hold(store: SessionStore, windows: int) -> list[str]:
    opened = [Drafts(ARTICLES) for _ in range(windows)]
    taken = [drafts.take_up(store) for drafts in opened]
    for drafts in opened:
        drafts.close()
    return taken


def test_a_killed_window_leaves_its_draft(store: SessionStore, tmp_path: Path) -> None:
    """SIGKILL frees the number of the window at once."""
    program = (
        "import sys, time; from pathlib import Path; from qa.sessions.drafts import Drafts; "
        "from qa.sessions.store import *;"
        "store = open_sessions(Path(sys.argv[1])); drafts = Drafts(Path('/articles')); drafts.take_up(store);"
        "drafts.save(store, 'half a quest'); print('saved', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"saved\n"
        assert _take_and_hold(store, 1) == [""]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert _take_and_hold(store, 1) == ["half a quest"]


def test_too_long_or_too_many(store: SessionStore) -> None:
    """A pasted book is not saved again and again. A 33rd window works without a draft."""
    windows = [Drafts(ARTICLES) for _ in range(33)]
    for drafts in windows:
        assert drafts.take_up(store) == ""
    windows[0].save(store, "short")
    windows[0].save(store, "x" * 100_001)
    windows[-1].save(store, "nowhere")
    for drafts in windows:
        drafts.close()
    assert _take_and_hold(store, 2) == ["short", ""]


def test_a_folder_that_cannot_be_made(store: SessionStore) -> None:
    """If the numbers cannot be kept, a sentence names the path."""
    (store.path.parent / "windows").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match="windows/1 cannot be created"):
        Drafts(ARTICLES).take_up(store)
