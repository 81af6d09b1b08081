"""Runs the app until it is closed, or told to end from outside; then it ends as with ctrl+q, not on the spot.

Textual leaves signals to the system, which would end the process at once. The terminal would stay on the app's screen,
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

_END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C sent from outside (in the app it is a key); `kill` and a system shutdown; a terminal that was closed."""
_SIGNALLED = 128
"""Added to the number of a signal, as shells do, it is the exit code."""
_SECONDS_TO_END = 3.0
"""Then the process ends at once, because writing to a terminal that is gone may block forever."""


def run_until_ended(app: App[None]) -> int:
    """Run `app` on an event loop of its own.

    :return: its exit code.
    """
    asyncio.run(_run(app))
    return app.return_code or 0


@contextmanager
def interruptions_passed_by() -> Iterator[None]:
    """Let Ctrl-C reach the program that has the terminal meanwhile, such as an editor, without ending the app.

    The signal is not ignored, because the program would inherit that.
    """

    def pass_by(number: int, frame: FrameType | None) -> None:
        """Do nothing."""

    before = signal.signal(signal.SIGINT, pass_by)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _run(app: App[None]) -> None:
    loop = asyncio.get_running_loop()

    def end(number: int, frame: FrameType | None) -> None:
        """End the app. Not a handler of the event loop, because those cannot be suspended for a while."""
        loop.call_soon_threadsafe(_end, app, _SIGNALLED + number)

    before = {number: signal.signal(number, end) for number in _END_SIGNALS}
    try:
        await app.run_async()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(app: App[None], code: int) -> None:
    timer = threading.Timer(_SECONDS_TO_END, os._exit, (code,))
    timer.daemon = True
    timer.start()
    app.exit(return_code=code)
