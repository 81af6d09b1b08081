"""What leaves the screen: messages for a moment, copied text, files in an editor or in the program of their kind."""

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
"""Characters, read slowly."""
_SECONDS_TO_OPEN = 3.0


class LeavingApp(App[None]):
    """An app that tells, copies and opens; knows nothing of questions."""

    def __init__(self, *, in_browser: bool, ansi_color: bool | None) -> None:
        """:param in_browser: True where who sits in front may not be who owns this machine: no program is started."""
        super().__init__(ansi_color=ansi_color)
        self._in_browser = in_browser

    def tell(self, message: str, *, wrong: bool = False) -> None:
        """Shows a message for a moment; what went wrong, for as long as one needs to read it."""
        severity: SeverityLevel = "error" if wrong else "information"
        seconds = _SECONDS_SHOWN + (len(message) / _READ_A_SECOND if wrong else 0.0)
        self.notify(safe_text(message), severity=severity, timeout=seconds, markup=False)

    def copy_to_clipboard(self, text: str) -> None:
        """What was marked, with the mouse or in a box."""
        self.copy(text, "text")

    def copy(self, text: str, what: str) -> None:
        """Copies by OSC 52; where that may not arrive, also into a file, and says so."""
        # What is copied may be pasted into a shell.
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
            self.tell(f"The {what} may not arrive: {refusal}; {path}: {error.strerror}.", wrong=True)
            return
        self.tell(f"The {what} may not arrive: {refusal}. It is also in {path}.", wrong=True)

    def copy_citation(self, place: Place) -> None:
        """Copies a quote with its citation as Markdown."""
        self.copy(render_place(place), "citation")

    @work(group="programs")
    async def edit(self, path: Path, line: int, words: str) -> None:
        """Opens a file in the editor where words stand, and comes back when the editor is left."""
        if self._refused():
            return
        try:
            # In a thread: a file may have megabytes.
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
            self.tell("No editor can be opened here; open the file yourself: " + str(path), wrong=True)
        except OSError as error:
            self.tell(f"{command[0]} cannot be started ({error.strerror}); set EDITOR to another program.", wrong=True)

    def open_original(self, path: Path) -> None:
        """Opens a file in the program of its kind."""
        if self._refused():
            return
        try:
            self._start_program(build_opener_command(path))
        except QaError as error:
            self.tell(str(error), wrong=True)
        except OSError as error:
            self.tell(f"{path} cannot be opened ({error.strerror}); press e for the editor instead.", wrong=True)

    def _refused(self) -> bool:
        if self._in_browser:
            self.tell("No program is started from the browser; open the file where it is.")
        return self._in_browser

    def _start_program(self, command: list[str]) -> None:
        nothing = subprocess.DEVNULL
        # Of its own session, so that it outlives the app and its words do not land on the screen.
        process = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
        threading.Thread(target=process.wait, daemon=True).start()
        self._tell_what_came(process, Path(command[0]).name)

    @work(group="programs")
    async def _tell_what_came(self, process: subprocess.Popen[bytes], name: str) -> None:
        """Programs that open files end at once; one with a window of its own goes on."""
        ends = time.monotonic() + _SECONDS_TO_OPEN
        while process.returncode is None and time.monotonic() < ends:
            await asyncio.sleep(0.05)
        if process.returncode:
            self.tell(f"{name} could not open it (it ended with code {process.returncode}).", wrong=True)
        else:
            self.tell(f"Opened with {name}.")


def render_place(place: Place) -> str:
    """A quote with its citation as Markdown."""
    return "\n".join([*render_markdown_quote(place.text, place), ""])
