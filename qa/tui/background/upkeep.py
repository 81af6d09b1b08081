"""Keeps the index open and up to date: the first build, looking at the folder, indexing in another process, opening the
result.

A loop on the event loop that only waits: looking happens in the answerer's thread, indexing in a process of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from index.errors import IndexFolderError, QaError
from index.types import Changes, Progress, Skipped
from qa.tui.background.index_process import IndexingProcess
from qa.tui.background.worker_thread import Urgency, WorkerThread
from qa.types import Asks, IndexState

_SECONDS_BETWEEN_LOOKS = 1.0
_SHARE_OF_TIME = 20
"""A slow look at the folder is repeated only after twenty times as long, so that it costs at most 5% of a core."""
_SECONDS_AFTER_FAILURE = 15.0


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What the header shows of the index."""

    articles: int | None = None
    """None while it is unknown."""
    paragraphs: int | None = None
    model: str | None = None
    state: str = "opening"
    """'fresh', 'stale', 'indexing', 'opening', 'no index'."""
    problems: int = 0
    """Files that are not in the index."""


class Watched(Protocol):
    """Receives what upkeep reports; all calls come on the event loop."""

    def show_status(self, status: IndexStatus) -> None:
        """The state of the index changed."""

    def show_progress(self, progress: Progress | None, running: bool) -> None:
        """Indexing started, advanced or ended."""

    def index_opened(self) -> None:
        """Questions can be answered."""

    def index_failed(self, message: str) -> None:
        """Something is wrong; one sentence."""

    def nothing_changed(self) -> None:
        """A look that a person asked for found the index up to date."""

    def index_changed(self, changes: Changes) -> None:
        """A newer generation with these changes is open."""


@runtime_checkable
class Reloads(Protocol):
    """An answerer over an index that another process may have updated."""

    def reload(self) -> bool:
        """Open the newest generation.

        :return: True if it is a newer one.
        """


@dataclass(frozen=True, slots=True)
class UpkeepOptions:
    """How the index is kept up to date."""

    index_command: Sequence[str] | None = None
    """The program that brings the index up to date; None takes the index as it is."""
    refresh: bool = True
    """False shows that the index is stale and leaves it so."""
    seconds_between_looks: float = _SECONDS_BETWEEN_LOOKS


class Upkeep:
    """The loop: `run` it once; `want` makes it look at the folder at once."""

    def __init__(self, answerer: WorkerThread[Asks], watched: Watched, options: UpkeepOptions) -> None:
        self._answerer = answerer
        self._watched = watched
        self._options = options
        self._wanted = asyncio.Event()
        self._is_asked = False
        """True if a person asked for the next look."""
        self._rebuild = False
        self._process: IndexingProcess | None = None
        self._status = IndexStatus()
        self.skipped: tuple[Skipped, ...] = ()
        self.errors: list[str] = []
        """Sentences that say what is wrong now."""

    @property
    def is_fresh(self) -> bool:
        """True if nothing had changed since the last build when the folder was last looked at."""
        return self._status.state == "fresh"

    def want(self, *, rebuild: bool = False) -> None:
        """Look at the folder now and index what changed; with `rebuild`, index everything from scratch."""
        self._is_asked = True
        self._rebuild = self._rebuild or rebuild
        self._wanted.set()

    async def close(self) -> None:
        """End a running indexing process."""
        if self._process is not None:
            await self._process.close()

    async def run(self) -> None:
        """Open the index, then look at the folder again and again, until cancelled."""
        while True:
            pause = _SECONDS_AFTER_FAILURE
            try:
                pause = await self._round()
                self.errors.clear()
            except QaError as error:
                self._failed(str(error))
            try:
                await asyncio.wait_for(self._wanted.wait(), pause)
            except TimeoutError:
                continue
            finally:
                self._wanted.clear()

    async def _round(self) -> float:
        """Look once, and act on it.

        :return: seconds until the next look.
        """
        opens = not self._answerer.is_open
        is_asked, self._is_asked = self._is_asked and not self._rebuild and not opens, False
        if opens:
            await self._open()
        if self._rebuild:
            await self._index(Changes())
        began = time.monotonic()
        state = await self._answerer.run(lambda answerer: answerer.load_state(), Urgency.BACKGROUND)
        took = time.monotonic() - began
        self._show(state)
        if opens:
            self._watched.index_opened()
        if state.changes and (is_asked or self._options.refresh) and self._options.index_command is not None:
            await self._index(state.changes)
        elif is_asked and not state.changes:
            self._watched.nothing_changed()
        return max(self._options.seconds_between_looks, _SHARE_OF_TIME * took)

    async def _open(self) -> None:
        self._set(replace(self._status, state="opening"))
        try:
            await self._answerer.open()
        except IndexFolderError:
            if self._options.index_command is None:
                raise
            # There is no index yet, or none that this version can use, so build one.
            self._set(replace(self._status, state="indexing"))
            await self._build()
            await self._answerer.open()

    async def _index(self, changes: Changes) -> None:
        self._set(replace(self._status, state="indexing"))
        await self._build()
        await self._answerer.run(_reload, Urgency.LOOK_UP)
        self._show(await self._answerer.run(lambda answerer: answerer.load_state(), Urgency.LOOK_UP))
        self._watched.index_changed(changes)

    async def _build(self) -> None:
        assert self._options.index_command is not None
        command = [*self._options.index_command, *(["--rebuild"] if self._rebuild else [])]
        self._rebuild = False
        self._process = IndexingProcess(command, lambda progress: self._watched.show_progress(progress, True))
        self._watched.show_progress(None, True)
        try:
            await self._process.run()
        except QaError:
            self._built()
            raise
        # Not when cancelled: the screen is gone then, and `close` still needs the process.
        self._built()

    def _built(self) -> None:
        self._process = None
        self._watched.show_progress(None, False)

    def _show(self, state: IndexState) -> None:
        self.skipped = state.skipped
        info = state.info
        self._set(
            IndexStatus(
                info.articles, info.paragraphs, info.model, "stale" if state.changes else "fresh", len(state.skipped)
            )
        )

    def _failed(self, message: str) -> None:
        known = message in self.errors
        self.errors = [message]
        self._set(replace(self._status, state="stale" if self._answerer.is_open else "no index"))
        if not known:
            self._watched.index_failed(message)

    def _set(self, status: IndexStatus) -> None:
        if status != self._status:
            self._status = status
            self._watched.show_status(status)


def _reload(answerer: Asks) -> None:
    # Only an answerer over an index folder has another generation to open.
    if isinstance(answerer, Reloads):
        answerer.reload()
