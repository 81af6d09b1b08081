"""The only writer to stderr, and the only place where an error becomes an exit code.

On a terminal, progress is one line that is redrawn. Elsewhere it is a line every few seconds, so a log stays readable.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from enum import IntEnum
from typing import TextIO

from index.errors import QaError, UnusableError, UsageError
from index.types import BuildReport, Progress
from qa.output.progress import build_notice_record, build_progress_record, find_share, render_pace
from qa.output.safe_text import safe_line
from qa.output.terminal import is_dumb

_SECONDS_BETWEEN_DRAWS = 0.1
_SECONDS_BETWEEN_LINES = 5.0
_BAR_WIDTH = 24
_STAGES = {"reading": "Reading", "embedding": "Embedding", "writing": "Writing"}


class ExitCode(IntEnum):
    """The exit code of the process; part of the contract."""

    ANSWERED = 0
    NOT_IN_ARTICLES = 1
    USAGE = 2
    UNUSABLE = 3
    INTERRUPTED = 130


def exit_code_for(error: QaError) -> ExitCode:
    """The one mapping from errors to exit codes."""
    if isinstance(error, UsageError):
        return ExitCode.USAGE
    if isinstance(error, UnusableError):
        return ExitCode.UNUSABLE
    raise TypeError(f"{type(error).__name__} has no exit code")


def tell(message: str) -> None:
    """Write one line to stderr."""
    print(safe_line(message), file=sys.stderr, flush=True)


def tell_error(error: QaError) -> None:
    """Write the sentence of an error to stderr."""
    tell(f"qa: {error}")


def render_report(report: BuildReport) -> str:
    """What a build did, in one sentence."""
    changes = report.changes
    counts = (
        (len(changes.added), "added"),
        (len(changes.changed), "changed"),
        (len(changes.renamed), "renamed"),
        (len(changes.deleted), "deleted"),
    )
    did = ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing changed"
    return (
        f"{report.articles:,} articles, {report.paragraphs:,} paragraphs: {did}; "
        f"{report.embedded:,} paragraphs embedded in {report.seconds:.1f} s (generation {report.generation})"
    )


def render_progress(progress: Progress) -> str:
    """One line: stage, bar, articles, paragraphs, rate, time left."""
    share = find_share(progress)
    filled = int(share * _BAR_WIDTH)
    bar = "━" * filled + "─" * (_BAR_WIDTH - filled)
    return "  ".join(
        [
            f"{_STAGES.get(progress.stage, progress.stage):<9} {bar} {share:4.0%}",
            f"{progress.articles_done:,}/{progress.articles_total:,} articles",
            f"{progress.paragraphs_done:,}/{progress.paragraphs_total:,} paragraphs",
            *render_pace(progress),
        ]
    )


class ProgressLine:
    """Draws the progress of a build on stderr. Call it with each Progress, and `close` it at the end.

    :param draws: False writes a line now and then instead, for screen readers and terminals that cannot be drawn on.
    """

    def __init__(self, stream: TextIO | None = None, *, draws: bool = True) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._on_terminal = draws and self._stream.isatty() and not is_dumb(os.environ)
        self._drawn_at = float("-inf")
        self._began = time.monotonic()
        self._stage = ""
        self._open = False

    def __call__(self, progress: Progress) -> None:
        """Draw, unless the last drawing was only just now."""
        self.draw(render_progress(progress), progress.stage)

    def draw(self, line: str, stage: str) -> None:
        """Draw `line`, unless the last drawing was only just now and of the same stage."""
        now = time.monotonic()
        pause = _SECONDS_BETWEEN_DRAWS if self._on_terminal else _SECONDS_BETWEEN_LINES
        # A short build stays silent on a pipe: its first line would come after its end.
        since = self._drawn_at if self._on_terminal else max(self._drawn_at, self._began)
        if now - since < pause and (stage == self._stage or not self._on_terminal):
            return
        self._drawn_at, self._stage = now, stage
        if self._on_terminal:
            width = shutil.get_terminal_size().columns
            self._stream.write(f"\r\x1b[2K{line[: width - 1]}")
            self._open = True
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def notice(self, message: str) -> None:
        """Write a sentence above the progress line."""
        self.close()
        tell(message)

    def close(self) -> None:
        """Clear the line, so that whatever follows starts on an empty one."""
        if self._open:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._open = False


class ProgressJson:
    """Writes each Progress to stderr as a JSON object on its own line, for the program that started the build."""

    def __init__(self) -> None:
        self._drawn_at = float("-inf")
        self._stage = ""

    def __call__(self, progress: Progress) -> None:
        """Write at most ten times a second, and at each change of stage."""
        now = time.monotonic()
        if now - self._drawn_at < _SECONDS_BETWEEN_DRAWS and progress.stage == self._stage:
            return
        self._drawn_at, self._stage = now, progress.stage
        self.write(build_progress_record(progress))

    def write(self, record: dict[str, object]) -> None:
        """Write one JSON object on its own line."""
        print(json.dumps(record), file=sys.stderr, flush=True)

    def notice(self, message: str) -> None:
        """Write a sentence as a record of its own."""
        self.write(build_notice_record(message))

    def close(self) -> None:
        """Do nothing: nothing is open."""
