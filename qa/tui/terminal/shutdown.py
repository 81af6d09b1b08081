"""Runs the app until it is left, or told to end from outside: then it ends as ctrl+q ends it, not where it stands.

Textual leaves signals to the system, which ends the process at once: the terminal would stay on the screen of the app,
without echo and cursor and with the mouse reported as text, and what was being typed would be lost.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from textual.app import App

_TOLD_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C sent from outside (in the app it is a key), `kill` and shutting down, a terminal that was closed."""
_SIGNALLED = 128
"""Added to a signal's number, as shells do it, it is the exit code."""
_SECONDS_TO_END = 3.0
"""Then at once: writing to a terminal that is gone can wait forever."""


def run_until_told(app: App[None]) -> int:
    """Runs `app` on an event loop of its own; its exit code."""
    asyncio.run(_run(app))
    return app.return_code or 0


@contextmanager
def interruptions_passed_by() -> Iterator[None]:
    """Ctrl-C is for the program that has the terminal in the meantime, an editor perhaps, and does not end the app.

    Not by ignoring it, which the program would inherit.
    """

    def pass_by(number: int, frame: FrameType | None) -> None:
        """Nothing is to be done."""

    before = signal.signal(signal.SIGINT, pass_by)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _run(app: App[None]) -> None:
    loop = asyncio.get_running_loop()

    def be_told(number: int, frame: FrameType | None) -> None:
        """Not by the event loop's own handlers, which cannot be put aside for a while."""
        loop.call_soon_threadsafe(_end, app, _SIGNALLED + number)

    before = {told: signal.signal(told, be_told) for told in _TOLD_TO_END}
    try:
        await app.run_async()
    finally:
        for told, handler in before.items():
            signal.signal(told, handler)


def _end(app: App[None], code: int) -> None:
    timer = threading.Timer(_SECONDS_TO_END, os._exit, (code,))
    timer.daemon = True
    timer.start()
    app.exit(return_code=code)
