"""The app in a real terminal: tmux types, reads the screen, resizes, kills with SIGKILL and finds the session again."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qa.sessions.store import open_sessions
from tests.helpers.places import ROOT
from tests.helpers.recorded import TEXTS

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
_SECONDS = 60.0


class Terminal:
    """A terminal of 100 columns and 30 rows, which runs one program after the other."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._started = 0
        self._command = ["tmux"]
        self._environment = environment

    def start(self, *command: str) -> None:
        """Runs a program in a new terminal. Each has a socket of its own, because a server that was ended may still be
        ending."""
        self._started += 1
        self._command = ["tmux", "-S", str(self._folder / f"tmux{self._started}"), "-f", "/dev/null"]
        self._tmux("new-session", "-d", "-s", "t", "-x", "100", "-y", "30", "--", *command)
        self._tmux("set-option", "-g", "remain-on-exit", "on")

    def type(self, text: str) -> None:
        """Types characters."""
        self._tmux("send-keys", "-t", "t", "-l", text)

    def press(self, *keys: str) -> None:
        """Presses keys by the names of tmux."""
        self._tmux("send-keys", "-t", "t", *keys)

    def resize(self, width: int, height: int) -> None:
        """Resizes the terminal."""
        self._tmux("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    @property
    def modes(self) -> tuple[bool, bool, bool]:
        """Flags of the alternate screen, the cursor and the mouse reporting."""
        shown = self._tmux("display-message", "-t", "t", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}")
        alternate, cursor, mouse = (flag == "1" for flag in shown.split())
        return alternate, cursor, mouse

    @property
    def screen(self) -> str:
        """The text on the screen."""
        return self._tmux("capture-pane", "-t", "t", "-p")

    @property
    def process(self) -> int:
        """The number of the program's process."""
        return int(self._tmux("display-message", "-t", "t", "-p", "#{pane_pid}"))

    def wait_for(self, text: str) -> str:
        """Waits until the screen holds `text`, and returns the screen."""
        ends = time.monotonic() + _SECONDS
        while text not in (screen := self.screen):
            assert time.monotonic() < ends, f"{text!r} is not on the screen:\n{screen}"
            time.sleep(0.05)
        return screen

    def wait_for_end(self) -> None:
        """Waits until the program has ended, even if the screen does not say so."""
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
        "PYTHONPATH": str(ROOT),
    }
    opened = Terminal(tmp_path, environment)
    yield opened
    opened.close()


def test_ask_resize_kill_and_find_again(terminal: Terminal, tmp_path: Path) -> None:
    """A question is answered on the screen, and typing works at 40x12. After SIGKILL the session is there, with what
    was being typed."""
    command = (sys.executable, "-m", "qa", "--docs", str(_write_documents(tmp_path)))
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


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_ended_from_outside(terminal: Terminal, tmp_path: Path, told: signal.Signals) -> None:
    """On a signal the app keeps what was typed, restores the terminal, and exits with the code of the signal."""
    command = shlex.join((sys.executable, "-m", "qa", "--docs", str(_write_documents(tmp_path))))
    number, script = tmp_path / "number", tmp_path / "script"
    script.write_text(f"echo $$ >{shlex.quote(str(number))}; exec {command}\n", encoding="utf-8")
    terminal.start("sh", "-c", f"sh {shlex.quote(str(script))}; echo code $?; stty -a; sleep 600")
    terminal.wait_for("Ask a question about the articles")
    terminal.type("half a que")
    terminal.wait_for("half a que")
    assert terminal.modes == (True, False, True)
    os.kill(int(number.read_text("utf-8")), told)
    terminal.wait_for(f"code {128 + told}")
    assert {"icanon", "echo", "isig", "ixon", "icrnl"} <= set(re.split(r"[\s;]+", terminal.wait_for("echoke")))
    assert terminal.modes == (False, True, False)
    terminal.close()
    terminal.start("sh", "-c", command)
    terminal.wait_for("half a que")


def test_interrupted_in_the_editor(terminal: Terminal, tmp_path: Path) -> None:
    """Ctrl-C in an editor is for the editor, and the app is there when the editor ends."""
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho the editor\nsleep 600\n", encoding="utf-8")
    editor.chmod(0o755)
    command = (sys.executable, "-m", "qa", "--docs", str(_write_documents(tmp_path)))
    terminal.start("env", "-u", "VISUAL", f"EDITOR={editor}", *command)
    terminal.wait_for("fresh")
    terminal.type("How high are spring tides in the Bay of Fundy?")
    terminal.press("Enter")
    terminal.wait_for("[1]")
    terminal.press("Escape")
    terminal.wait_for("e Edit")
    terminal.type("e")
    terminal.wait_for("the editor")
    terminal.press("C-c")
    terminal.wait_for("[1]")
    terminal.type("i")
    terminal.type("still here")
    terminal.wait_for("still here")


def test_plain_lines_are_edited(terminal: Terminal, tmp_path: Path) -> None:
    """In a terminal, arrows edit the line and bring back questions, also of earlier runs. Nothing else is sent."""
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


def _write_documents(folder: Path) -> Path:
    documents = folder / "docs"
    documents.mkdir()
    for name, text in TEXTS.items():
        (documents / name).write_text(text, encoding="utf-8")
    return documents


def _wait_for_draft(folder: Path, text: str) -> None:
    """Waits until the draft is saved, once the typing pauses."""
    ends = time.monotonic() + _SECONDS
    with closing(open_sessions(folder)) as store:
        while text not in {row[0] for row in store._read("SELECT value FROM preferences", ())}:
            assert time.monotonic() < ends, "what is being typed was not saved"
            time.sleep(0.05)
