"""An app under test: opened over an answerer, typed into, and read from its screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from index.errors import IndexFolderError
from qa.sessions.store import open_sessions
from qa.tui.app import AppOptions, QaApp
from qa.tui.background.upkeep import UpkeepOptions
from qa.tui.turns import TurnModel
from qa.types import Asks
from tests.helpers.recorded import RecordedAnswerer


class Face:
    """The app under test with its pilot, and what every test does with it."""

    def __init__(self, app: QaApp, pilot: Pilot[None], said: list[str]) -> None:
        self.app = app
        self.pilot = pilot
        self.said = said
        """The messages that were shown."""

    async def until(self, met: Callable[[], object], seconds: float = 10.0) -> None:
        """Waits until a condition holds, and fails if it does not in time."""
        ends = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < ends, f"not in {seconds} s; the screen is:\n{self.text}"
            await self.pilot.pause(0.01)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Types into the widget that has the focus."""
        for character in text:
            await self.pilot.press(" " if character == " " else character)

    async def ask(self, question: str) -> TurnModel:
        """Asks a question and waits for the answer."""
        await self.send(question)
        turn = self.turns[-1]
        await self.until(lambda: not turn.is_waiting)
        return turn

    async def send(self, question: str) -> TurnModel:
        """Asks a question without waiting."""
        count = len(self.turns)
        self.app.main.box.focus()
        self.app.main.box.put(question)
        await self.pilot.press("enter")
        await self.until(lambda: len(self.turns) > count)
        return self.turns[-1]

    async def press(self, *keys: str) -> None:
        """Presses keys and waits until the result is drawn."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def turns(self) -> list[TurnModel]:
        """The turns of the conversation."""
        return self.app.main.conversation.turns

    @property
    def text(self) -> str:
        """The text on the screen, one line per row."""
        return render_screen(self.app)


def render_screen(app: QaApp) -> str:
    """The characters on the screen."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


@asynccontextmanager
async def open_app(
    answerer: Asks | Callable[[], Asks] | None = None,
    *,
    size: tuple[int, int] = (110, 32),
    data: Path | None = None,
    ready: bool = True,
    messages: bool = False,
    **options: Any,
) -> AsyncIterator[Face]:
    """An app over `answerer`.

    :param ready: waits until it can answer.
    :param messages: draws its messages.
    """
    answerer = RecordedAnswerer() if answerer is None else answerer
    opener = answerer if callable(answerer) else lambda: answerer
    upkeep = options.pop("upkeep", UpkeepOptions())
    documents = options.pop("documents", Path("/articles"))
    open_store = options.pop("open_store", lambda: open_sessions(data))
    app = QaApp(opener, AppOptions(documents, upkeep, **options), open_store)
    said: list[str] = []
    notify = app.notify

    def notify_and_note(message: str, **options: Any) -> None:
        said.append(message)
        notify(message, **options)

    app.notify = notify_and_note  # type: ignore[method-assign]
    async with app.run_test(size=size, notifications=messages) as pilot:
        face = Face(app, pilot, said)
        if ready:
            await face.until(lambda: app.answerer.is_open and app.main.header.status.articles is not None)
            await face.until(lambda: app.saving.thread.is_open)
        yield face


def no_index() -> Asks:
    """Opens nothing, because there is no index."""
    raise IndexFolderError("/articles has no index yet; run `qa index`.")


async def settle(face: Face) -> None:
    """Waits until everything in progress has ended: workers, refreshes and scrolling."""
    for _ in range(3):
        await face.pilot.pause()
        await asyncio.sleep(0.02)
