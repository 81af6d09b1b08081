"""The promises of saved conversations: nothing is lost, and everything can be found again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from index.errors import StorageError, UsageError
from qa.sessions.store import (
    DATABASE_NAME,
    SessionStore,
    TurnState,
    build_history,
    dump_answer,
    find_data_folder,
    open_sessions,
    restore_answer,
)
from tests.helpers.places import ROOT
from tests.helpers.sessions import ANY_TEXT, build_answer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    opened = open_sessions(tmp_path)
    yield opened
    opened.close()


def test_a_turn_is_kept_with_its_answer(store: SessionStore, tmp_path: Path) -> None:
    """Another connection reads the question and the answer back unchanged."""
    session_id = store.create_session("About tides", "/docs")
    turn_id = store.add_question(session_id, "Why?")
    answer = build_answer("Why?")
    store.save_answer(turn_id, answer)
    declined = store.add_question(session_id, "Who?", as_typed=True)
    store.save_answer(declined, build_answer("Who?", answered=False))
    failed = store.add_question(session_id, "When?")
    store.save_failure(failed, "the index is damaged; rebuild it.")
    store.save_cancelled(store.add_question(session_id, "Where?"))
    store.add_question(session_id, "What?")
    other = open_sessions(tmp_path)
    turns = other.load_turns(session_id)
    other.close()
    assert [turn.state for turn in turns] == ["answered", "declined", "failed", "cancelled", "waiting"]
    assert turns[0].answer == answer
    assert [turn.as_typed for turn in turns] == [False, True, False, False, False]
    assert turns[2].message == "the index is damaged; rebuild it."
    assert [turn.question for turn in build_history(turns)] == ["Why?", "Who?"]


def test_killed_between_question_and_answer(tmp_path: Path) -> None:
    """A process that is killed by SIGKILL right after a question leaves the question in the database."""
    code = (
        "import sys, os, signal; from pathlib import Path; from qa.sessions.store import open_sessions\n"
        "store = open_sessions(Path(sys.argv[1])); number = store.create_session('Killed', '/docs')\n"
        "store.add_question(number, 'Was it saved?'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    store = open_sessions(tmp_path)
    [session] = store.list_sessions()
    [turn] = store.load_turns(session.session_id)
    store.close()
    assert (session.title, session.turns, turn.question) == ("Killed", 1, "Was it saved?")
    assert turn.state is TurnState.WAITING


def test_list_search_rename(store: SessionStore) -> None:
    """The latest comes first. Words are found in titles, questions and answers, in any case."""
    first = store.create_session("Tides", "/docs")
    second = store.create_session("Trade", "/other")
    store.save_answer(store.add_question(first, "ÜBER was?"), build_answer("ÜBER was?", "The Moon pulls 100%."))
    assert [session.session_id for session in store.list_sessions()] == [first, second]
    assert [session.session_id for session in store.list_sessions("moon tides")] == [first]
    assert [session.session_id for session in store.list_sessions("über")] == [first]
    assert [session.session_id for session in store.list_sessions("100%")] == [first]
    assert store.list_sessions("passages") == []
    assert [session.session_id for session in store.list_sessions(documents="/other")] == [second]
    store.rename_session(second, "  Commerce\nand more ")
    assert store.load_session(second).title == "Commerce and more"
    assert [session.session_id for session in store.list_sessions("COMMERCE")] == [second]
    with pytest.raises(UsageError):
        store.rename_session(second, " \n")


def test_delete_and_undo(store: SessionStore) -> None:
    """A deleted session is gone from the list and comes back whole."""
    session_id = store.create_session("Tides", "/docs")
    store.add_question(session_id, "Why?")
    store.delete_session(session_id)
    assert store.list_sessions() == []
    with pytest.raises(UsageError, match="no session"):
        store.load_session(session_id)
    store.restore_session(session_id)
    assert store.load_session(session_id).turns == 1


def test_a_deletion_is_final_after_a_day(store: SessionStore, tmp_path: Path) -> None:
    """What was deleted longer ago leaves the disk with its turns when the store is opened."""
    session_id = store.create_session("Secret", "/docs")
    store.add_question(session_id, "Why?")
    store.delete_session(session_id)
    with sqlite3.connect(tmp_path / DATABASE_NAME) as connection:
        connection.execute("UPDATE sessions SET deleted = deleted - 100000")
    connection.close()
    open_sessions(tmp_path).close()
    store.restore_session(session_id)
    assert store.list_sessions() == []
    assert store.load_turns(session_id) == []


def test_questions_once_typed(store: SessionStore) -> None:
    """Each question is offered once, the latest last, and at most 1,000."""
    for question in ["one", "two", "one"]:
        store.remember_question(question)
    assert store.load_questions() == ["two", "one"]
    for number in range(1005):
        store.remember_question(str(number))
    assert len(store.load_questions()) == 1000


def test_preferences(store: SessionStore) -> None:
    """A choice is remembered and can be changed."""
    assert store.load_preference("theme") is None
    store.save_preference("theme", "nord")
    store.save_preference("theme", "gruvbox")
    assert store.load_preference("theme") == "gruvbox"


@given(question=ANY_TEXT, quote=ANY_TEXT)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_any_text_is_kept(store: SessionStore, question: str, quote: str) -> None:
    """Answers come back unchanged, and so do questions except for lone surrogates, which SQLite cannot store."""
    answer = build_answer(question, quote)
    assert restore_answer(dump_answer(answer)) == answer
    session_id = store.create_session(question, quote)
    store.save_answer(store.add_question(session_id, question), answer)
    store.remember_question(question)
    [turn] = store.load_turns(session_id)
    assert turn.answer == answer
    assert turn.question == question.encode("utf-8", "replace").decode("utf-8")
    store.list_sessions(question)


def test_an_answer_of_another_form_is_not_fatal() -> None:
    """An answer of a later program is left out, and the session opens."""
    assert restore_answer('{"schema": 99}') is None
    assert restore_answer("not json") is None


def test_two_writers(store: SessionStore, tmp_path: Path) -> None:
    """Two programs, each with several threads, write the same database, and nothing is lost."""
    other = open_sessions(tmp_path)
    session_id = store.create_session("Both", "/docs")

    def write(target: SessionStore) -> None:
        for number in range(20):
            target.add_question(session_id, str(number))

    threads = [threading.Thread(target=write, args=(target,)) for target in (store, other, store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert len(store.load_turns(session_id)) == 80


def test_a_damaged_database_is_reported_in_a_sentence(tmp_path: Path) -> None:
    """The error names the file and the next step."""
    (tmp_path / DATABASE_NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match="move the file away"):
        open_sessions(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """If the data folder cannot be made, the error says how to choose another one."""
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="QA_DATA_DIR"):
        open_sessions(tmp_path / "sessions")


def test_sessions_are_private(store: SessionStore) -> None:
    """Only the person who asked can read what was asked."""
    assert store.path.stat().st_mode & 0o077 == 0


def test_where_sessions_are_kept(tmp_path: Path) -> None:
    """QA_DATA_DIR wins over the user's data folder."""
    assert find_data_folder({"QA_DATA_DIR": str(tmp_path)}) == tmp_path
    assert find_data_folder({}).name == "qa"


def test_made_by_several_at_once(tmp_path: Path) -> None:
    """Windows that are opened together over a new data folder wait for each other."""

    def make(folder: Path) -> None:
        barrier.wait()
        opened = open_sessions(folder)
        opened.create_session("kept", "/articles")
        opened.close()

    barrier = threading.Barrier(6)
    with ThreadPoolExecutor(6) as pool:
        for number in range(20):
            list(pool.map(make, [tmp_path / str(number)] * 6))
            with closing(open_sessions(tmp_path / str(number))) as store:
                assert len(store.list_sessions()) == 6


def test_held_by_another_for_too_long(store: SessionStore, tmp_path: Path) -> None:
    """The error says that another program is writing, and not that there is no space."""
    store._connection.execute("PRAGMA busy_timeout=10")
    holder = sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError, match="another program is writing to it; try again"):
        store.create_session("refused", "/articles")
    holder.close()
