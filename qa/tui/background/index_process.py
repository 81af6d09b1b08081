"""Indexing in a process of its own, so that no key press ever waits for it: starts it, reads its reports, ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from index.errors import IndexFolderError
from index.types import Progress
from qa.output.progress import IndexingReport, read_progress, read_report

_LONGEST_LINE = 256 * 2**20
"""Bytes. The last line lists every file that was skipped."""
_SECONDS_TO_END = 2.0
_LAST_WORDS = 5  # lines of stderr to show if the process ends without an error record


class IndexingProcess:
    """One run of `qa index`.

    :param command: the program and its arguments; started without a shell.
    :param on_progress: called on the event loop.
    """

    def __init__(self, command: Sequence[str], on_progress: Callable[[Progress], None]) -> None:
        self._command = tuple(command)
        self._on_progress = on_progress
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> IndexingReport:
        """Run the process to its end.

        :raises IndexFolderError: if it failed, with the sentence it ended with.
        """
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                # Ctrl-C in the terminal is meant for the app, which ends this process itself.
                start_new_session=True,
                limit=_LONGEST_LINE,
            )
        except OSError as error:
            raise IndexFolderError(
                f"indexing could not be started ({error.strerror}); run `qa index` yourself."
            ) from error
        assert self._process.stderr is not None
        try:
            return await self._read(self._process.stderr)
        finally:
            self.end()

    def end(self) -> None:
        """Tell the process to end, if it is still running. The index stays usable, and finished embeddings are kept."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def close(self) -> None:
        """End the process and wait for it, but not for long."""
        self.end()
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), _SECONDS_TO_END)
            except TimeoutError:
                self._process.kill()

    async def _read(self, stream: asyncio.StreamReader) -> IndexingReport:
        assert self._process is not None
        words: list[str] = []
        report: IndexingReport | None = None
        async for line in stream:
            record = _parse(line)
            if record is None:
                words.append(line.decode("utf-8", "replace").strip())
            elif "error" in record:
                words = [str(record["error"])]
            elif "done" in record:
                report = read_report(record)
            elif "stage" in record:
                self._on_progress(read_progress(record))
        code = await self._process.wait()
        if report is None or code != 0:
            said = " ".join(words[-_LAST_WORDS:]) or f"it ended with code {code}"
            raise IndexFolderError(said)
        return report


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
