"""A thread that owns one slow thing (the answerer, the saved sessions), so that nothing slow runs on the event loop."""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Generic, Protocol, TypeVar


class Closes(Protocol):
    """Something that holds files."""

    def close(self) -> None:
        """Release them."""


T = TypeVar("T")
R = TypeVar("R", bound=Closes)


class Urgency(IntEnum):
    """The order in which waiting jobs run; jobs of the same urgency run in the order they came."""

    LOOK_UP = 0  # opening an article must not wait behind ten questions
    QUESTION = 1
    BACKGROUND = 2


class NotOpenError(Exception):
    """Something was asked for before it was opened. Never shown."""


_Job = tuple[int, int, Callable[[], None] | None]


class WorkerThread(Generic[R]):
    """Runs functions of the thing it owns, one at a time, and returns their results to the event loop.

    :param open_it: opens the thing; called in the thread.
    :param name: of the thread.
    """

    def __init__(self, open_it: Callable[[], R], name: str) -> None:
        self._open_it = open_it
        self._thing: R | None = None
        self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
        self._numbers = itertools.count()
        # A daemon, because closing the app must not wait for a model that is still loading.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @property
    def is_open(self) -> bool:
        """True once `open` has succeeded."""
        return self._thing is not None

    async def open(self) -> None:
        """Open the thing, if it is not open yet; raises whatever opening raises."""
        await self._submit(self._open, Urgency.LOOK_UP)

    async def run(self, function: Callable[[R], T], urgency: Urgency = Urgency.LOOK_UP) -> T:
        """The result of `function(thing)`; raises whatever that raises.

        :raises NotOpenError: before `open`.
        """

        def call() -> T:
            if self._thing is None:
                raise NotOpenError
            return function(self._thing)

        return await self._submit(call, urgency)

    def close(self, timeout: float = 1.0) -> None:
        """End the thread after its current job, and wait for that.

        :param timeout: seconds to wait at most.
        """
        if self._thread.ident is not None:
            self._jobs.put((Urgency.BACKGROUND + 1, next(self._numbers), None))
            self._thread.join(timeout)

    async def _submit(self, call: Callable[[], T], urgency: Urgency) -> T:
        if self._thread.ident is None:
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            if future.cancelled():
                return
            try:
                result = call()
            except Exception as error:  # noqa: BLE001 - passed to the event loop and raised there
                _hand_over(loop, future, None, error)
            else:
                _hand_over(loop, future, result, None)

        self._jobs.put((urgency, next(self._numbers), job))
        return await future

    def _open(self) -> None:
        if self._thing is None:
            self._thing = self._open_it()

    def _work(self) -> None:
        while (job := self._jobs.get()[2]) is not None:
            job()
        if self._thing is not None:
            self._thing.close()
            self._thing = None


def _hand_over(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], result: Any, error: Exception | None
) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    # If the app was closed meanwhile, so is the loop, and nobody waits for the result.
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)
