"""The app in a real terminal: tmux types, reads the screen, resizes, kills with SIGKILL and finds the session again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qa.sessions import open_sessions
from tests.tui.recorded import TEXTS

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
_SECONDS = 60.0


class Terminal:
    """A terminal of its own, of 100 columns and 30 rows, which runs one program after the other."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._started = 0
        self._command = ["tmux"]
        self._environment = environment

    def start(self, *command: str) -> None:
        """Runs a program in a new terminal, on a socket of its own: a server that was ended may still be leaving."""
        self._started += 1
        self._command = ["tmux", "-S", str(self._folder / f"tmux{self._started}"), "-f", "/dev/null"]
        self._tmux("new-session", "-d", "-s", "t", "-x", "100", "-y", "30", "--", *command)
        self._tmux("set-option", "-g", "remain-on-exit", "on")

    def type(self, text: str) -> None:
        """Types characters."""
        self._tmux("send-keys", "-t", "t", "-l", text)

    def press(self, *keys: str) -> None:
        """Presses keys by tmux's names."""
        self._tmux("send-keys", "-t", "t", *keys)

    def resize(self, width: int, height: int) -> None:
        """Gives the terminal another size."""
        self._tmux("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    @property
    def screen(self) -> str:
        """What is to be read."""
        return self._tmux("capture-pane", "-t", "t", "-p")

    @property
    def process(self) -> int:
        """The program's number."""
        return int(self._tmux("display-message", "-t", "t", "-p", "#{pane_pid}"))

    def wait_for(self, text: str) -> str:
        """The screen once it holds `text`."""
        ends = time.monotonic() + _SECONDS
        while text not in (screen := self.screen):
            assert time.monotonic() < ends, f"{text!r} is not on the screen:\n{screen}"
            time.sleep(0.05)
        return screen

    def wait_for_end(self) -> None:
        """Returns once the program has ended; the screen need not say so."""
        ends = time.monotonic() + _SECONDS
        while self._tmux("display-message", "-t", "t", "-p", "#{pane_dead}").strip() != "1":
            assert time.monotonic() < ends, "the program has not ended"
            time.sleep(0.05)

    def close(self) -> None:
        """Ends the terminal and what runs in it."""
        subprocess.run([*self._command, "kill-server"], capture_output=True, check=False)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            [*self._command, *words], capture_output=True, text=True, check=True, env=self._environment
        )
        return done.stdout


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    environment = {
        **os.environ,
        "QA_DATA_DIR": str(tmp_path / "data"),
        "TERM": "screen-256color",
        "QA_THRESHOLD": "0",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    opened = Terminal(tmp_path, environment)
    yield opened
    opened.close()


def test_ask_resize_kill_and_find_again(terminal: Terminal, tmp_path: Path) -> None:
    """A question is answered on the screen; at 40x12 one can still type; after SIGKILL the session is there, and what
    was being typed."""
    documents = tmp_path / "docs"
    documents.mkdir()
    for name, text in TEXTS.items():
        (documents / name).write_text(text, encoding="utf-8")
    command = (sys.executable, "-m", "qa", "--docs", str(documents))
    terminal.start(*command)
    terminal.wait_for("Ask a question about the articles")
    terminal.type("How high are spring tides in the Bay of Fundy?")
    terminal.press("Enter")
    screen = terminal.wait_for("[1]")
    assert "16.3 metres" in screen
    assert "tides.md:12" in terminal.wait_for("confidence")
    terminal.resize(40, 12)
    terminal.wait_for("[Conversation]")
    terminal.type("still typing")
    assert "still typing" in terminal.wait_for("still typing").splitlines()[-3]
    terminal.wait_for("fresh")
    _wait_for_draft(tmp_path / "data", "still typing")
    os.kill(terminal.process, signal.SIGKILL)
    terminal.wait_for_end()
    terminal.close()
    terminal.start(*command)
    terminal.wait_for("still typing")
    terminal.press("C-s")
    terminal.wait_for("1 session")
    terminal.press("Enter")
    terminal.wait_for("16.3 metres")
    terminal.press("C-q")
    terminal.wait_for_end()
    terminal.close()
    terminal.start(*command, "--continue")
    terminal.wait_for("16.3 metres")
    terminal.press("C-q")
    terminal.wait_for_end()


def test_plain_lines_are_edited(terminal: Terminal, tmp_path: Path) -> None:
    """In a terminal, arrows edit the line and bring back questions, those of earlier runs too; nothing else is sent."""
    documents = tmp_path / "docs"
    documents.mkdir()
    (documents / "tides.md").write_text(TEXTS["tides.md"], encoding="utf-8")
    command = (sys.executable, "-m", "qa", "--plain", "--docs", str(documents))
    terminal.start(*command)
    terminal.wait_for("Question:")
    terminal.type("How high are spring tides in the Bay of Fond?")
    terminal.press("Left", "BSpace", "BSpace", "BSpace")
    terminal.type("undy")
    terminal.press("Enter")
    assert "16.3 metres" in terminal.wait_for("Confidence:")
    terminal.press("C-d")
    terminal.wait_for_end()
    terminal.close()
    terminal.start(*command)
    terminal.wait_for("Question:")
    terminal.press("Up")
    terminal.wait_for("Question: How high are spring tides in the Bay of Fundy?")
    terminal.press("C-u", "C-d")
    terminal.wait_for_end()


def _wait_for_draft(folder: Path, text: str) -> None:
    """Saved once the typing pauses."""
    ends = time.monotonic() + _SECONDS
    with closing(open_sessions(folder)) as store:
        while text not in {row[0] for row in store._read("SELECT value FROM preferences", ())}:
            assert time.monotonic() < ends, "what is being typed was not saved"
            time.sleep(0.05)
