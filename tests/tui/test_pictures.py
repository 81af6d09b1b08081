"""One picture for each state that a person can see. Each was looked at, and so is every change before it is kept."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from index.errors import DocumentsError
from index.types import Changes, Skipped
from qa.sessions.store import DATABASE_NAME, open_sessions
from qa.tui.background.upkeep import UpkeepOptions
from qa.tui.turns import Stage
from qa.types import Asks
from tests.helpers.app import no_index, open_app
from tests.helpers.pictures import check
from tests.helpers.recorded import RecordedAnswerer

SIZE = (110, 32)


async def test_empty() -> None:
    """Before the first question."""
    async with open_app(size=SIZE) as face:
        await check(face, "empty")


async def test_no_articles() -> None:
    """A folder without articles."""

    def open_nothing() -> Asks:
        raise DocumentsError("/articles: no article in this folder; put text files into it.")

    async with open_app(open_nothing, size=SIZE, ready=False) as face:
        await face.until(lambda: "no article in this folder" in face.text)
        await check(face, "no-articles")


async def test_first_build() -> None:
    """The index is built for the first time, and a question already waits."""
    said = json.dumps(
        {"stage": "embedding", "articles_done": 90, "articles_total": 200, "paragraphs_done": 1240,
         "paragraphs_total": 3100, "seconds": 20.0}
    )  # fmt: skip
    program = f"import sys, time; print({said!r}, file=sys.stderr, flush=True); time.sleep(60)"
    upkeep = UpkeepOptions([sys.executable, "-c", program])
    async with open_app(no_index, size=SIZE, ready=False, upkeep=upkeep) as face:
        await face.until(lambda: "1,240/3,100" in face.text)
        await face.send("How high is the highest tide?")
        await face.until(lambda: face.app.main.header.session != "new session")
        await check(face, "first-build")


async def test_loading() -> None:
    """The closest passages are there, the quotes are not, and another question waits."""
    answerer = RecordedAnswerer()
    answerer.gate.clear()
    async with open_app(answerer, size=SIZE) as face:
        turn = await face.send("How high is the highest tide?")
        await face.until(lambda: turn.stage is Stage.READING)
        await face.send("What do tides do?")
        await check(face, "loading")
        answerer.gate.set()


async def test_answer() -> None:
    """One quote with its source."""
    async with open_app(size=SIZE) as face:
        await face.ask("How high is the highest tide?")
        await check(face, "answer")


async def test_several_quotes() -> None:
    """Three quotes, with the cursor on the second."""
    async with open_app(size=SIZE) as face:
        await face.ask("What do tides do?")
        await face.press("escape", "j")
        await check(face, "several-quotes")


async def test_follow_up() -> None:
    """A follow-up says how it was understood."""
    async with open_app(size=SIZE) as face:
        await face.ask("How high is the highest tide?")
        await face.ask("And the oldest mill?")
        await check(face, "follow-up")


async def test_declined() -> None:
    """Not in the articles, with the closest passages folded."""
    async with open_app(size=SIZE) as face:
        await face.ask("Who discovered Neptune?")
        await check(face, "declined")
        await face.press("escape", "space")
        await check(face, "declined-unfolded")


async def test_error() -> None:
    """A question that failed, and one that was cancelled."""
    answerer = RecordedAnswerer()
    async with open_app(answerer, size=SIZE) as face:
        await face.ask("Break")
        answerer.gate.clear()
        await face.send("What do tides do?")
        await face.until(lambda: answerer.asked)
        await face.press("escape")
        answerer.gate.set()
        await check(face, "error")


async def test_sources() -> None:
    """The focus is in the sources."""
    async with open_app(size=SIZE) as face:
        await face.ask("What do tides do?")
        await face.press("f2", "j")
        await check(face, "sources")


async def test_article() -> None:
    """An article at its quote, and with a search."""
    async with open_app(size=(110, 16)) as face:
        await face.ask("How high is the highest tide?")
        await face.press("escape", "enter")
        await face.until(lambda: "citation 1 of 1" in face.text)
        await check(face, "article")
        await face.press("slash")
        await face.type("moon")
        await face.until(lambda: "match" in face.text)
        await check(face, "article-search")


async def test_help() -> None:
    """Help for the conversation."""
    async with open_app(size=SIZE) as face:
        await face.ask("What do tides do?")
        await face.press("escape", "question_mark")
        await face.until(lambda: "Keys" in face.text)
        await check(face, "help")


async def test_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of sessions, one of which was just deleted."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    store = open_sessions(tmp_path)
    for title in ("Tides and mills", "Whales", "A plan"):
        store.add_question(store.create_session(title, "/articles"), f"What about {title}?")
    store.close()
    with sqlite3.connect(tmp_path / DATABASE_NAME) as connection:
        connection.execute("UPDATE sessions SET updated = 1700000000 + session_id * 90000")
    connection.close()
    async with open_app(size=SIZE, data=tmp_path) as face:
        await face.press("ctrl+s")
        await face.until(lambda: "3 sessions" in face.text)
        await face.press("f8")
        await face.until(lambda: "1 deleted" in face.text)
        await check(face, "sessions")


async def test_articles_and_problems() -> None:
    """The list of articles with a skipped file, and the list of problems."""
    answerer = RecordedAnswerer(skipped=(Skipped("scans/page-1.png", "not text (a PNG image)"),))
    async with open_app(answerer, size=SIZE) as face:
        await face.press("ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        await check(face, "articles")
        await face.press("escape", "f3")
        await face.until(lambda: "Problems" in face.text)
        await check(face, "problems")


async def test_stale() -> None:
    """Articles changed, and the index is not refreshed."""
    async with open_app(RecordedAnswerer(changes=Changes(changed=("tides.md",))), size=SIZE) as face:
        await face.ask("How high is the highest tide?")
        await check(face, "stale")


@pytest.mark.parametrize(("width", "height"), [(90, 30), (60, 20), (40, 12)])
async def test_narrow(width: int, height: int) -> None:
    """The sources below the conversation, and in a tab."""
    async with open_app(size=(width, height)) as face:
        await face.ask("How high is the highest tide?")
        await check(face, f"narrow-{width}")
        await face.press("f2")
        await check(face, f"narrow-{width}-sources")


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
async def test_themes(theme: str) -> None:
    """A light theme, and the one of the terminal's own 16 colours."""
    async with open_app(size=SIZE, theme=theme) as face:
        await face.ask("What do tides do?")
        await face.press("escape")
        await check(face, theme)


async def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app(size=SIZE) as face:
        await face.ask("What do tides do?")
        await face.press("escape")
        await check(face, "no-color")


async def test_message() -> None:
    """A message at the top leaves the question box in sight."""
    async with open_app(size=(60, 14), messages=True) as face:
        await face.ask("How high is the highest tide?")
        await face.press("escape", "y")
        await face.until(lambda: "Copied" in face.text)
        await check(face, "message")


async def test_palette() -> None:
    """The palette finds actions by name."""
    async with open_app(size=SIZE) as face:
        await face.ask("What do tides do?")
        await face.press("escape", "ctrl+p")
        await face.type("copy")
        await face.until(lambda: "Copy the quote and its citation" in face.text)
        await check(face, "palette")
