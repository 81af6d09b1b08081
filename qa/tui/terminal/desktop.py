"""What leaves the screen: short messages, copied text, files in an editor or in their own program."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from pathlib import Path

from textual import work
from textual.app import App, SuspendNotSupported
from textual.notifications import SeverityLevel

from index.errors import QaError
from qa.output.citations import render_markdown_quote
from qa.output.safe_text import safe_text
from qa.sessions.store import find_data_folder
from qa.tui.terminal.clipboard import explain_refusal
from qa.tui.terminal.programs import build_editor_command, build_opener_command, find_line, is_graphical_editor
from qa.tui.terminal.shutdown import interruptions_passed_by
from qa.tui.turns import Place

_SECONDS_SHOWN = 2.5
_READ_A_SECOND = 15
"""Characters, for a slow reader."""
_SECONDS_TO_OPEN = 3.0


class LeavingApp(App[None]):
    """An app that shows messages, copies and opens files; knows nothing of questions."""

    def __init__(self, *, in_browser: bool, ansi_color: bool | None) -> None:
        """Create the app.

        :param in_browser: True if the person in front of the app may not own this machine: then no program is started.
        """
        super().__init__(ansi_color=ansi_color)
        self._in_browser = in_browser

    def tell(self, message: str, *, wrong: bool = False) -> None:
        """Show a message for a moment; an error, for as long as it takes to read."""
        severity: SeverityLevel = "error" if wrong else "information"
        seconds = _SECONDS_SHOWN + (len(message) / _READ_A_SECOND if wrong else 0.0)
        self.notify(safe_text(message), severity=severity, timeout=seconds, markup=False)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what was marked, with the mouse or in a box."""
        self.copy(text, "text")

    def copy(self, text: str, what: str) -> None:
        """Copy by OSC 52. If that may not arrive, also write a file, and say so."""
        # Copied text may be pasted into a shell.
        text = safe_text(text)
        super().copy_to_clipboard(text)
        refusal = explain_refusal(text)
        if refusal is None:
            self.tell(f"Copied the {what}: {len(text):,} characters.")
            return
        path = find_data_folder() / "copied.txt"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            reason = f"{refusal}. {path} cannot be written: {error.strerror}."
            self.tell(f"The {what} may not have reached the clipboard: {reason}", wrong=True)
            return
        self.tell(f"The {what} may not have reached the clipboard: {refusal}. It is also in {path}.", wrong=True)

    def copy_citation(self, place: Place) -> None:
        """Copy a quote with its citation as Markdown."""
        self.copy(render_place(place), "citation")

    @work(group="programs")
    async def edit(self, path: Path, line: int, words: str) -> None:
        """Open a file in the editor at `words`, and come back when the editor is closed."""
        if self._refused():
            return
        try:
            # In a thread, because a file may have megabytes.
            line = await asyncio.to_thread(find_line, path, line, words)
            command = build_editor_command(path, line)
            if is_graphical_editor(command):
                self._start_program(command)
            else:
                with self.suspend(), interruptions_passed_by():
                    subprocess.run(command, check=False)
        except QaError as error:
            self.tell(str(error), wrong=True)
        except SuspendNotSupported:
            self.tell(f"No editor can be opened here. Open the file yourself: {path}", wrong=True)
        except OSError as error:
            self.tell(
                f"{command[0]} could not be started ({error.strerror}). Set EDITOR to another program.", wrong=True
            )

    def open_original(self, path: Path) -> None:
        """Open a file in its own program."""
        if self._refused():
            return
        try:
            self._start_program(build_opener_command(path))
        except QaError as error:
            self.tell(str(error), wrong=True)
        except OSError as error:
            self.tell(f"{path} could not be opened ({error.strerror}). Press e to use the editor instead.", wrong=True)

    def _refused(self) -> bool:
        if self._in_browser:
            self.tell("The browser cannot start programs. Open the file where it is.")
        return self._in_browser

    def _start_program(self, command: list[str]) -> None:
        nothing = subprocess.DEVNULL
        # In a session of its own, so that it outlives the app and its output does not reach the screen.
        process = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
        threading.Thread(target=process.wait, daemon=True).start()
        self._tell_what_came(process, Path(command[0]).name)

    @work(group="programs")
    async def _tell_what_came(self, process: subprocess.Popen[bytes], name: str) -> None:
        """Report the outcome. A program that passes a file on ends at once; one with its own window keeps running."""
        ends = time.monotonic() + _SECONDS_TO_OPEN
        while process.returncode is None and time.monotonic() < ends:
            await asyncio.sleep(0.05)
        if process.returncode:
            self.tell(f"{name} could not open the file (exit code {process.returncode}).", wrong=True)
        else:
            self.tell(f"Opened with {name}.")


def render_place(place: Place) -> str:
    """A quote with its citation as Markdown."""
    return "\n".join([*render_markdown_quote(place.text, place), ""])
