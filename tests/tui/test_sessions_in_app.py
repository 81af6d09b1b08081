"""Sessions in the app: saved as you go, continued, renamed, searched, deleted with undo, exported."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from textual.widgets import Input

from index.errors import StorageError
from qa.sessions.drafts import Drafts
from qa.sessions.store import SessionStore, TurnState, open_sessions
from qa.tui.screens.prompt import PromptScreen
from qa.tui.screens.sessions import SessionsScreen
from tests.helpers.app import Face, open_app
from tests.helpers.recorded import RecordedAnswerer


async def _open_list(face: Face) -> None:
    await face.press("ctrl+s")
    await face.until(lambda: isinstance(face.app.screen, SessionsScreen) and "session" in face.text.split("Search")[-1])


async def _ask_and_delete(face: Face) -> None:
    """Asks a question and deletes its session from the list."""
    await face.ask("What do tides do?")
    await _open_list(face)
    await face.press("f8")
    await face.until(lambda: "1 deleted" in face.text)
    await face.press("escape")
    await face.until(lambda: face.turns == [])


async def test_saved_as_one_goes(tmp_path: Path) -> None:
    """A question is in the database before its answer, and the answer as soon as it is there."""
    answerer = RecordedAnswerer()
    answerer.gate.clear()
    async with open_app(answerer, data=tmp_path) as face:
        turn = await face.send("What do tides do?")
        await face.until(lambda: turn.turn_id)
        other = open_sessions(tmp_path)
        [session] = other.list_sessions()
        assert [saved.state for saved in other.load_turns(session.session_id)] == [TurnState.WAITING]
        answerer.gate.set()
        await face.until(lambda: not turn.is_waiting)
        await face.until(lambda: other.load_turns(session.session_id)[0].answer is not None)
        assert session.title == "What do tides do?"
        assert session.documents == "/articles"
        other.close()


async def test_continued(tmp_path: Path) -> None:
    """A session of an earlier run is opened from the list and goes on, with its turns as history."""
    async with open_app(data=tmp_path) as face:
        await face.ask("What do tides do?")
        await face.ask("Nothing?")
    answerer = RecordedAnswerer()
    async with open_app(answerer, data=tmp_path) as face:
        await _open_list(face)
        await face.press("enter")
        await face.until(lambda: len(face.turns) == 2)
        await face.until(lambda: "[1]" in face.text or "Not in the articles" in face.text)
        assert "What do tides do?" in face.text.splitlines()[0]
        await face.ask("And the oldest mill?")
        assert answerer.asked == [("And the oldest mill?", 2, False)]
    store = open_sessions(tmp_path)
    [session] = store.list_sessions()
    assert session.turns == 3
    store.close()


async def test_continued_by_number(tmp_path: Path) -> None:
    """If the app is started with a session, that session is open when the app is drawn."""
    store = open_sessions(tmp_path)
    session_id = store.create_session("Old", "/articles")
    store.add_question(session_id, "Never answered?")
    store.close()
    async with open_app(data=tmp_path, session_id=session_id) as face:
        await face.until(lambda: face.turns)
        assert face.turns[0].state is TurnState.CANCELLED
        await face.until(lambda: "r: ask again" in face.text)


async def test_a_new_session(tmp_path: Path) -> None:
    """ctrl+n begins an empty conversation, and the earlier one stays in the list."""
    async with open_app(data=tmp_path) as face:
        await face.ask("What do tides do?")
        await face.press("ctrl+n")
        assert face.turns == []
        assert "new session" in face.text
        await face.ask("Nothing?")
        await _open_list(face)
        await face.until(lambda: "2 sessions" in face.text)


async def test_search_rename_delete_undo(tmp_path: Path) -> None:
    """The list searches answers too, f2 renames, f8 deletes, and ctrl+z restores."""
    store = open_sessions(tmp_path)
    for title in ("Alpha", "Beta", "Gamma"):
        store.add_question(store.create_session(title, "/articles"), f"A question of {title}?")
    store.close()
    async with open_app(data=tmp_path) as face:
        await _open_list(face)
        await face.type("question of beta")
        await face.until(lambda: "1 session" in face.text and "Beta" in face.text and "Alpha" not in face.text)
        await face.press("f2")
        await face.until(lambda: isinstance(face.app.screen, PromptScreen))
        box = face.app.screen.query_one(Input)
        box.value = "Delta"
        await face.press("enter")
        await face.until(lambda: "Delta" in face.text)
        await face.press("f8")
        await face.until(lambda: "1 deleted" in face.text)
        assert "Delta" not in face.text
        await face.press("ctrl+z")
        await face.until(lambda: "Delta" in face.text)
        await face.press("escape")
        assert face.app.screen is face.app.main


async def test_the_open_session_was_deleted(tmp_path: Path) -> None:
    """Deleting the open session leaves an empty conversation, and the next question begins another one."""
    async with open_app(data=tmp_path) as face:
        await _ask_and_delete(face)
        assert face.app.saving.session_id is None


@pytest.mark.parametrize("purged", [False, True])
async def test_deleted_in_another_window(purged: bool, tmp_path: Path) -> None:
    """A question asked in a session that another window deleted is kept, in that session or in a new one."""
    async with open_app(data=tmp_path) as face:
        await face.ask("What do tides do?")
        with closing(open_sessions(tmp_path)) as other:
            [session] = other.list_sessions()
            other.delete_session(session.session_id)
            if purged:
                other._purge(time.time() + 1)
        face.app.main.action_rename_session()
        await face.until(lambda: face.said)
        assert f"there is no session {session.session_id}" in face.said[0]
        await face.ask("Nothing?")
    with closing(open_sessions(tmp_path)) as other:
        [found] = other.list_sessions()
        assert found.turns == (1 if purged else 2)
        assert other.load_turns(found.session_id)[-1].state == "declined"


async def test_what_is_being_typed_is_kept(tmp_path: Path) -> None:
    """After the app was closed, a half-typed question is in the box again, over the same folder only. A question that
    was asked is not."""
    async with open_app(data=tmp_path) as face:
        await face.type("What do ti")
    async with open_app(data=tmp_path) as face:
        await face.until(lambda: face.app.main.box.text == "What do ti")
        await face.type("des do?")
        await face.press("enter")
        await face.until(lambda: face.turns and not face.turns[0].is_waiting)
        assert face.turns[0].question == "What do tides do?"
        await face.type("Killed befo")
        await face.until(lambda: _load_draft(tmp_path) == "Killed befo")
    async with open_app(data=tmp_path, documents=Path("/other")) as face:
        await face.until(lambda: face.app.main.box.questions)
        assert face.app.main.box.text == ""


def _load_draft(folder: Path) -> str | None:
    with closing(open_sessions(folder)) as store:
        return store.load_preference("draft /articles")


async def test_a_store_that_fails_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk refuses a deletion, the list of sessions says so and stays usable."""
    async with open_app(data=tmp_path) as face:
        await face.ask("What do tides do?")
        await _open_list(face)

        def refuse(*_: object) -> None:
            raise StorageError("sessions cannot be kept (disk full); free some space.")

        monkeypatch.setattr(SessionStore, "delete_session", refuse)
        await face.press("f8")
        await face.until(lambda: face.said)
        assert "disk full" in face.said[0]
        assert isinstance(face.app.screen, SessionsScreen)


async def test_undo_outlives_the_list(tmp_path: Path) -> None:
    """A session deleted by mistake can be restored after the list was closed, too."""
    async with open_app(data=tmp_path) as face:
        await _ask_and_delete(face)
        await _open_list(face)
        await face.press("ctrl+z")
        await face.until(lambda: "What do tides do?" in face.text)
        await face.press("enter")
        await face.until(lambda: len(face.turns) == 1)


async def test_export_of_what_came_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that comes while the name of the file is typed is in the file. A home folder of an unknown user is an
    error."""
    monkeypatch.chdir(tmp_path)
    answerer = RecordedAnswerer()
    answerer.gate.clear()
    async with open_app(answerer, data=tmp_path / "data") as face:
        turn = await face.send("What do tides do?")
        await face.until(lambda: turn.turn_id)
        face.app.main.action_export("markdown")
        await face.until(lambda: isinstance(face.app.screen, PromptScreen))
        answerer.gate.set()
        await face.until(lambda: not turn.is_waiting)
        face.app.screen.query_one(Input).value = "out.md"
        await face.press("enter")
        await face.until(lambda: face.said)
        assert "Bay of Fundy" in (tmp_path / "out.md").read_text(encoding="utf-8")
        face.app.main.action_export("markdown")
        await face.until(lambda: isinstance(face.app.screen, PromptScreen))
        face.app.screen.query_one(Input).value = "~nobody-of-that-name/out.md"
        await face.press("enter")
        await face.until(lambda: "cannot be the path of a file" in face.said[-1])


@pytest.mark.parametrize("form", ["markdown", "json", "html"])
async def test_export(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The export proposes a free name, writes there, and says where."""
    monkeypatch.chdir(tmp_path)
    ending = {"markdown": "md", "json": "json", "html": "html"}[form]
    (tmp_path / f"what-do-tides-do.{ending}").write_text("mine", encoding="utf-8")
    async with open_app(data=tmp_path / "data") as face:
        await face.ask("What do tides do?")
        face.app.main.action_export(form)
        await face.until(lambda: isinstance(face.app.screen, PromptScreen))
        await face.press("enter")
        await face.until(lambda: face.said)
        path = tmp_path / f"what-do-tides-do-2.{ending}"
        assert str(path) in face.said[-1]
        text = path.read_text(encoding="utf-8")
        assert "Bay of Fundy" in text
        assert "tides.md" in text
        if form == "json":
            assert json.loads(text)["turns"][0]["answer"]["answered"] is True
    assert (tmp_path / f"what-do-tides-do.{ending}").read_text(encoding="utf-8") == "mine"


async def test_nothing_to_export() -> None:
    """Without a question the app says that there is nothing to export."""
    async with open_app() as face:
        face.app.main.action_export("markdown")
        await face.until(lambda: face.said)
        assert "nothing to export" in face.said[-1]


async def test_sessions_that_cannot_be_saved(tmp_path: Path) -> None:
    """A damaged database is reported once, and asking goes on."""
    (tmp_path / "sessions.sqlite3").write_bytes(b"not a database" * 100)
    async with open_app(data=tmp_path, ready=False) as face:
        await face.until(lambda: face.app.answerer.is_open)
        await face.until(lambda: face.said)
        assert "Sessions are not being saved" in face.said[0]
        turn = await face.ask("What do tides do?")
        assert turn.state is TurnState.ANSWERED
        assert len([message for message in face.said if "not being saved" in message]) == 1


async def test_the_theme_is_kept(tmp_path: Path) -> None:
    """A theme chosen in the app is the theme of the next run, but one on the command line wins."""
    async with open_app(data=tmp_path) as face:
        face.app.theme = "nord"
        await face.pilot.pause(0.1)
    async with open_app(data=tmp_path) as face:
        await face.until(lambda: face.app.theme == "nord")
    async with open_app(data=tmp_path, theme="textual-light") as face:
        await face.pilot.pause(0.1)
        assert face.app.theme == "textual-light"
    async with open_app(data=tmp_path, theme="no-such") as face:
        await face.until(lambda: face.said)
        assert "There is no theme 'no-such'" in face.said[-1]


async def test_another_window_has_its_own_draft(tmp_path: Path) -> None:
    """A second window neither begins with what is typed in the first nor overwrites it."""
    with closing(open_sessions(tmp_path)) as store:
        other = Drafts(Path("/articles"))
        other.take_up(store)
        other.save(store, "of the other")
        async with open_app(data=tmp_path) as face:
            await face.pilot.pause(0.2)
            assert face.app.main.box.text == ""
            await face.type("mine")
        assert _load_draft(tmp_path) == "of the other"
        other.close()
    async with open_app(data=tmp_path) as face:
        await face.until(lambda: face.app.main.box.text == "of the other")


async def test_a_draft_never_overwrites_what_is_typed(tmp_path: Path) -> None:
    """What was typed before the draft was found stays. The draft comes back like an earlier question."""
    async with open_app(data=tmp_path) as face:
        await face.type("the draft")

    def open_slowly() -> SessionStore:
        time.sleep(0.3)
        return open_sessions(tmp_path)

    async with open_app(open_store=open_slowly, ready=False) as face:
        await face.type("new")
        await face.until(lambda: face.app.main.box.questions)
        assert face.app.main.box.text == "new"
        await face.press("up")
        assert face.app.main.box.text == "the draft"


async def test_what_is_typed_without_a_pause_is_kept(tmp_path: Path) -> None:
    """Someone who types without a pause loses at most half a second of it."""
    async with open_app(data=tmp_path) as face:
        for _ in range(100):
            if _load_draft(tmp_path):
                break
            await face.type("a")
            await asyncio.sleep(0.05)
        assert _load_draft(tmp_path)


async def test_a_database_that_is_held_never_stops_the_keys(tmp_path: Path) -> None:
    """While another program holds the database, typing is drawn. A question asked meanwhile is saved afterwards."""
    async with open_app(data=tmp_path) as face:
        with closing(sqlite3.connect(tmp_path / "sessions.sqlite3", isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            await face.type("abc")
            await asyncio.sleep(0.7)  # by now the app is saving it, and waits
            began = time.monotonic()
            await face.type("def")
            assert time.monotonic() - began < 3
            assert "abcdef" in face.text
            turn = await face.ask("What do tides do?")
            holder.execute("COMMIT")
        await face.until(lambda: turn.turn_id)
    with closing(open_sessions(tmp_path)) as store:
        [session] = store.list_sessions()
        assert store.load_turns(session.session_id)[0].state == "answered"


async def test_a_question_belongs_to_the_session_it_was_asked_in(tmp_path: Path) -> None:
    """A new session begun while the last question is still being saved does not get that question."""
    async with open_app(data=tmp_path) as face:
        with closing(sqlite3.connect(tmp_path / "sessions.sqlite3", isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            first = await face.send("What do tides do?")
            await face.press("ctrl+n")
            holder.execute("COMMIT")
        await face.until(lambda: first.turn_id)
        await face.pilot.pause(0.1)
        assert "new session" in face.text
        await face.ask("Nothing?")
        with closing(open_sessions(tmp_path)) as store:
            assert sorted(session.title for session in store.list_sessions()) == ["Nothing?", "What do tides do?"]


async def test_a_question_that_could_not_be_saved_is_saved_with_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that was full for a moment loses nothing."""
    add = SessionStore.add_question

    def refuse(*_: object, **__: object) -> int:
        monkeypatch.setattr(SessionStore, "add_question", add)
        raise StorageError("sessions cannot be kept (disk full); free some space.")

    async with open_app(data=tmp_path) as face:
        monkeypatch.setattr(SessionStore, "add_question", refuse)
        await face.ask("What do tides do?")
        await face.until(lambda: face.turns[0].turn_id)
    with closing(open_sessions(tmp_path)) as store:
        [session] = store.list_sessions()
        assert [turn.state for turn in store.load_turns(session.session_id)] == [TurnState.ANSWERED]


async def test_a_list_that_cannot_be_read_leaves_the_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the sessions cannot be listed any more, the conversation stays on the screen."""
    async with open_app(data=tmp_path) as face:
        await face.ask("What do tides do?")
        await _open_list(face)

        def refuse(*_: object, **__: object) -> list[object]:
            raise StorageError("sessions cannot be read (disk gone); look at it.")

        monkeypatch.setattr(SessionStore, "list_sessions", refuse)
        await face.press("escape")
        await face.until(lambda: face.said)
        await face.pilot.pause(0.1)
        assert len(face.turns) == 1


async def test_what_was_typed_before_the_database_was_open_is_kept(tmp_path: Path) -> None:
    """If the app is closed or ended in the first moment, the draft is saved all the same."""

    def open_slowly() -> SessionStore:
        time.sleep(0.5)
        return open_sessions(tmp_path)

    async with open_app(ready=False, open_store=open_slowly) as face:
        await face.type("half")
        assert not face.app.saving.thread.is_open
    assert _load_draft(tmp_path) == "half"
