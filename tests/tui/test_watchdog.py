"""The event loop stays free: a watchdog fails if a callback holds it, and keys are drawn while everything runs."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from index.types import Changes, Skipped
from qa.types import ArticleSummary, Asks
from tests.helpers.app import Face, open_app
from tests.helpers.recorded import RecordedAnswerer, build_answer

LIMIT_MS = 50.0


class Watchdog:
    """Times every callback of the event loop, and notes where a slow one is.

    Garbage collection does not count, because what earlier tests left behind does not belong to the app.
    """

    def __init__(self) -> None:
        self.held: list[tuple[float, str]] = []
        """Milliseconds of processor time, and the places where the callback was seen."""
        self._began: float | None = None
        self._collecting = 0.0
        """Seconds of processor time that garbage collection took in this callback."""
        self._seen: Counter[str] = Counter()
        self._thread = threading.get_ident()
        self._ended = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True)

    def run(self, original: Callable[[Any], Any], handle: Any) -> Any:
        """Runs a callback and times it by the CPU of its thread, because on a busy machine it waits without working."""
        began, self._began, self._collecting = time.thread_time(), time.monotonic(), 0.0
        try:
            return original(handle)
        finally:
            took = (time.thread_time() - began - self._collecting) * 1000
            self._began = None
            if took > LIMIT_MS:
                places = "\n".join(f"  {count}x {place}" for place, count in self._seen.most_common(4))
                self.held.append((took, f"{handle!r:.120}\n{places}"))
            self._seen.clear()

    def start(self) -> None:
        """Begins to watch."""
        gc.callbacks.append(self._collect)
        self._looker.start()

    def end(self) -> None:
        """Stops watching."""
        gc.callbacks.remove(self._collect)
        self._ended.set()
        self._looker.join()

    def _collect(self, phase: str, _: dict[str, int]) -> None:
        if threading.get_ident() == self._thread:
            self._collecting += time.thread_time() * (1 if phase == "stop" else -1)

    def _look(self) -> None:
        while not self._ended.wait(0.005):
            began = self._began
            if began is not None and time.monotonic() - began > LIMIT_MS / 2000:
                self._seen[_render_stack(sys._current_frames()[self._thread])] += 1


def _render_stack(frame: FrameType | None) -> str:
    names = []
    while frame is not None and len(names) < 12:
        names.append(f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(names)


@contextmanager
def watched_loop() -> Iterator[list[tuple[float, str]]]:
    """Collects every callback that takes over 50 ms."""
    original = asyncio.events.Handle._run  # type: ignore[attr-defined]
    watchdog = Watchdog()
    asyncio.events.Handle._run = lambda handle: watchdog.run(original, handle)  # type: ignore[attr-defined]
    watchdog.start()
    try:
        yield watchdog.held
    finally:
        asyncio.events.Handle._run = original  # type: ignore[attr-defined]
        watchdog.end()


def render_held(held: list[tuple[float, str]]) -> str:
    """The callbacks that held the loop, the longest first."""
    return "\n".join(f"{took:.0f} ms: {what}" for took, what in sorted(held, reverse=True))


async def _use_everything(face: Face) -> None:
    await face.type("What do tides do?")
    await face.press("enter")
    await face.until(lambda: face.turns and not face.turns[-1].is_waiting)
    await face.press("escape", "j", "k", "enter")
    await face.until(lambda: "citation" in face.text or "passage" in face.text)
    await face.press("slash", "m", "o", "o", "n", "enter", "escape", "escape")
    await face.press("ctrl+o")
    await face.until(lambda: "articles" in face.text)
    await face.press("s", "e", "a", "escape", "ctrl+s")
    await face.until(lambda: "question" in face.text)
    await face.press("escape", "f3", "escape", "question_mark", "escape")
    await face.pilot.resize_terminal(60, 20)
    await face.pilot.pause(0.05)


async def assert_free(use: Callable[[], Awaitable[None]]) -> None:
    """Checks that in at least one of five runs no callback holds the loop, because what the machine does at one moment
    does not recur."""
    runs: list[list[tuple[float, str]]] = []
    while len(runs) < 5:
        with watched_loop() as held:
            await use()
        if not held:
            return
        runs.append(held)
    pytest.fail("\n\n".join(render_held(held) for held in runs))


async def test_nothing_holds_the_loop(real_answerer: Asks) -> None:
    """Asking the real answerer, reading, searching, listing and resizing have no callback over 50 ms."""
    async with open_app(real_answerer) as face:

        async def use() -> None:
            await face.pilot.resize_terminal(110, 32)
            await face.press("i")
            await _use_everything(face)

        # Use everything once, because the first time it is imported and parsed (the styles of the first screen take 60
        # ms).
        await use()
        await assert_free(use)


async def test_ten_thousand_articles_and_500_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long list of articles, many problems and a long session have none either."""
    from qa.sessions.store import open_sessions

    store = open_sessions(tmp_path)
    session_id = store.create_session("Long", "/articles")
    for _ in range(500):
        store.save_answer(store.add_question(session_id, "What do tides do?"), build_answer("What do tides do?"))
    store.close()
    answerer = RecordedAnswerer(skipped=tuple(Skipped(f"{number}.png", "not text") for number in range(500)))
    articles = [ArticleSummary(f"{number:05}.txt", f"Title {number}", None, 3) for number in range(10_000)]
    monkeypatch.setattr(answerer, "list_articles", lambda: iter(articles))
    async with open_app(answerer, data=tmp_path) as face:

        async def use() -> None:
            await face.press("ctrl+s")
            await face.until(lambda: "2 sessions" in face.text)
            await face.type("Long")
            await face.until(lambda: "1 session" in face.text)
            await face.press("enter")
            await face.until(lambda: len(face.turns) == 500)
            face.app.main.conversation.focus()
            await face.press("k", "k", "k", "ctrl+u", "ctrl+u", "g", "G", "g")
            await face.press("ctrl+o")
            await face.until(lambda: "200 of 10,500 shown" in face.text)
            await face.type("99")
            await face.press("escape")
            await face.press("f3", "escape")

        await _use_everything(face)
        await face.pilot.resize_terminal(110, 32)
        await assert_free(use)


async def test_the_watchdog_barks() -> None:
    """A callback that does hold the loop is found."""
    with watched_loop() as held:
        asyncio.get_running_loop().call_soon(sum, range(20_000_000))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(held) == 1


async def test_keys_are_drawn_while_the_answerer_is_busy() -> None:
    """While another thread computes without a pause, each key press is drawn."""
    answerer = RecordedAnswerer(changes=Changes())
    stop = threading.Event()

    def compute() -> None:
        total = 0
        while not stop.is_set():
            total += sum(range(200))

    async with open_app(answerer) as face:
        thread = threading.Thread(target=compute)
        thread.start()
        try:
            for number, character in enumerate("typinggoeson", start=1):
                face.app.simulate_key(character)
                # Do not use the pilot's waiting, which lasts until the process computes no more.
                ends = time.monotonic() + 10
                while len(face.app.main.box.text) < number and time.monotonic() < ends:
                    await asyncio.sleep(0.01)
        finally:
            stop.set()
            thread.join()
        assert face.app.main.box.text == "typinggoeson"
