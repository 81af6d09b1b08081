"""Saved conversations. The only owner of the sessions database, and of the form in which an answer is saved.

Every question is committed before it is answered, and every answer as it comes (SQLite in WAL mode), so a killed
process loses nothing. The store may be called from any thread; calls wait for each other.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from index.errors import StorageError, UsageError
from qa.output.safe_text import safe_line
from qa.types import Answer, Citation, IndexInfo, Location, Passage, TextRange, Turn

DATABASE_NAME = "sessions.sqlite3"
_VERSION = 1
_TITLE_LENGTH = 60
_SECONDS_DELETED_IS_KEPT = 24 * 3600
_MOST_RECENT_QUESTIONS = 1000
MOST_HISTORY = 10
"""Earlier turns that a follow-up question may refer to."""
_SECONDS_TO_WAIT = 10.0
"""For another process that is writing."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    session_id INTEGER PRIMARY KEY, title TEXT NOT NULL, words TEXT NOT NULL, documents TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, deleted REAL);
CREATE TABLE IF NOT EXISTS turns (
    turn_id INTEGER PRIMARY KEY, session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    question TEXT NOT NULL, words TEXT NOT NULL, as_typed INTEGER NOT NULL, asked REAL NOT NULL,
    state TEXT NOT NULL, answer TEXT, message TEXT);
CREATE INDEX IF NOT EXISTS turns_of_session ON turns (session_id, turn_id);
CREATE TABLE IF NOT EXISTS questions (question_id INTEGER PRIMARY KEY, question TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS preferences (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class TurnState(StrEnum):
    """How far a question has come."""

    WAITING = "waiting"
    ANSWERED = "answered"
    DECLINED = "declined"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation without its turns."""

    session_id: int
    title: str
    documents: str
    """Absolute path of the documents folder."""
    created: float
    """Seconds since 1970-01-01 UTC."""
    updated: float
    turns: int


@dataclass(frozen=True, slots=True)
class SavedTurn:
    """A question of a session and its outcome."""

    turn_id: int
    question: str
    as_typed: bool
    asked: float
    """Seconds since 1970-01-01 UTC."""
    state: TurnState
    answer: Answer | None
    """None if it waits, failed or was cancelled, or if this version does not know its form."""
    message: str | None = None
    """The sentence of the error, if it failed."""


def find_data_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Where sessions are saved: `QA_DATA_DIR`, or the user's data folder on this system."""
    environment = os.environ if environment is None else environment
    if named := environment.get("QA_DATA_DIR"):
        return Path(named).expanduser().absolute()
    # 10 ms, not needed if the variable is set.
    from platformdirs import user_data_path

    return user_data_path("qa", appauthor=False)


def open_sessions(folder: Path | None = None) -> SessionStore:
    """Open the store in `folder`, creating it if there is none.

    :raises StorageError: if it cannot be opened.
    """
    folder = find_data_folder() if folder is None else folder
    path = folder / DATABASE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Questions are private, wherever the folder is.
        path.touch(mode=0o600)
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be created ({error.strerror}); name a folder for sessions with QA_DATA_DIR."
        ) from error
    with _as_sentences(path):
        return SessionStore(path)


class SessionStore:
    """Sessions, their turns, every question ever typed, and what the app remembers between runs."""

    def __init__(self, path: Path) -> None:
        """Open or create the database at `path`. Call `open_sessions` instead."""
        self.path = path
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path, timeout=_SECONDS_TO_WAIT, check_same_thread=False, isolation_level=None
        )
        _use_wal(self._connection)
        # In WAL mode, NORMAL survives the death of the process; a system crash may cost the last turns.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            self._connection.close()
            raise StorageError(f"{path} was created by a newer version of qa; install that one, or set QA_DATA_DIR.")
        self._connection.executescript(_SCHEMA)
        self._connection.execute(f"PRAGMA user_version={_VERSION}")
        self._purge(time.time() - _SECONDS_DELETED_IS_KEPT)

    def close(self) -> None:
        """Close the database; everything saved stays."""
        with self._lock:
            self._connection.close()

    # Sessions

    def create_session(self, title: str, documents: Path | str) -> int:
        """Create a session without turns. The title is cut to 60 characters.

        :return: the id of the session.
        """
        now, title = time.time(), _as_title(title)
        return self._write(
            "INSERT INTO sessions (title, words, documents, created, updated) VALUES (?, ?, ?, ?, ?)",
            (title, _searchable(title), _storable(str(documents)), now, now),
        )

    def ensure_session(self, session_id: int | None, title: str, documents: Path | str) -> int:
        """Find the session with that number, deleted or not; create a new one if there is none.

        :return: the id of the session.
        """
        if session_id is not None and self._read("SELECT 1 FROM sessions WHERE session_id = ?", (session_id,)):
            return session_id
        return self.create_session(title, documents)

    def list_sessions(self, words: str = "", documents: Path | str | None = None) -> list[Session]:
        """Sessions that are not deleted, the latest first, with all `words` in title, question or answer."""
        sql = (
            "SELECT s.session_id, s.title, s.documents, s.created, s.updated,"
            " (SELECT count(*) FROM turns t WHERE t.session_id = s.session_id)"
            " FROM sessions s WHERE s.deleted IS NULL"
        )
        values: list[str] = []
        for word in words.split():
            sql += " AND (instr(s.words, ?) OR EXISTS (SELECT 1 FROM turns t"
            sql += " WHERE t.session_id = s.session_id AND instr(t.words, ?)))"
            values += [_searchable(word)] * 2
        if documents is not None:
            sql += " AND s.documents = ?"
            values.append(_storable(str(documents)))
        rows = self._read(sql + " ORDER BY s.updated DESC, s.session_id DESC", values)
        return [Session(*row) for row in rows]

    def load_session(self, session_id: int) -> Session:
        """Load one session.

        :raises UsageError: if there is none with that number, or it was deleted.
        """
        for session in self.list_sessions():
            if session.session_id == session_id:
                return session
        raise UsageError(f"there is no session {session_id}; `qa sessions` lists them.")

    def rename_session(self, session_id: int, title: str) -> None:
        """Give a session another title.

        :raises UsageError: if the title is empty.
        """
        if not title.strip():
            raise UsageError("a session needs a title; type one.")
        title = _as_title(title)
        self._write(
            "UPDATE sessions SET title = ?, words = ? WHERE session_id = ?",
            (title, _searchable(title), session_id),
        )

    def delete_session(self, session_id: int) -> None:
        """Delete a session; `restore_session` brings it back for a day."""
        self._write("UPDATE sessions SET deleted = ? WHERE session_id = ?", (time.time(), session_id))

    def restore_session(self, session_id: int) -> None:
        """Restore a deleted session."""
        self._write("UPDATE sessions SET deleted = NULL WHERE session_id = ?", (session_id,))

    def _purge(self, before: float) -> None:
        self._write("DELETE FROM sessions WHERE deleted < ?", (before,))

    # Turns

    def add_question(self, session_id: int, question: str, *, as_typed: bool = False) -> int:
        """Save a question that waits for its answer. In a deleted session this restores the session, because a
        conversation that continues is wanted.

        :return: the id of the turn.
        """
        now, question = time.time(), _storable(question)
        with self._transaction():
            self._write("UPDATE sessions SET updated = ?, deleted = NULL WHERE session_id = ?", (now, session_id))
            return self._write(
                "INSERT INTO turns (session_id, question, words, as_typed, asked, state) VALUES (?, ?, ?, ?, ?, ?)",
                (session_id, question, _searchable(question), as_typed, now, TurnState.WAITING),
            )

    def save_answer(self, turn_id: int, answer: Answer) -> None:
        """Save the answer, or that the question was declined."""
        state = TurnState.ANSWERED if answer.answered else TurnState.DECLINED
        words = " ".join((answer.question, answer.text, *(citation.title for citation in answer.citations)))
        self._write(
            "UPDATE turns SET state = ?, answer = ?, words = ? WHERE turn_id = ?",
            (state, dump_answer(answer), _searchable(words), turn_id),
        )

    def save_failure(self, turn_id: int, message: str) -> None:
        """Save the sentence that says why there is no answer."""
        self._write(
            "UPDATE turns SET state = ?, message = ? WHERE turn_id = ?",
            (TurnState.FAILED, _storable(message), turn_id),
        )

    def save_cancelled(self, turn_id: int) -> None:
        """Save that nobody waits for this answer any more."""
        self._write("UPDATE turns SET state = ? WHERE turn_id = ?", (TurnState.CANCELLED, turn_id))

    def load_turns(self, session_id: int) -> list[SavedTurn]:
        """The turns of a session, in the order they were asked."""
        sql = (
            "SELECT turn_id, question, as_typed, asked, state, answer, message"
            " FROM turns WHERE session_id = ? ORDER BY turn_id"
        )
        return [_turn_from(row) for row in self._read(sql, (session_id,))]

    # Remembered between runs

    def remember_question(self, question: str) -> None:
        """Add to the questions that the question box recalls; the latest 1,000 are kept."""
        with self._transaction():
            self._write("DELETE FROM questions WHERE question = ?", (_storable(question),))
            self._write("INSERT INTO questions (question) VALUES (?)", (_storable(question),))
            self._write(
                "DELETE FROM questions WHERE question_id <= (SELECT max(question_id) FROM questions) - ?",
                (_MOST_RECENT_QUESTIONS,),
            )

    def load_questions(self) -> list[str]:
        """Earlier questions, each once, the latest last."""
        return [row[0] for row in self._read("SELECT question FROM questions ORDER BY question_id", ())]

    def save_preference(self, name: str, value: str) -> None:
        """Remember a choice made in the app, such as its theme."""
        self._write("INSERT OR REPLACE INTO preferences (name, value) VALUES (?, ?)", (name, _storable(value)))

    def load_preference(self, name: str) -> str | None:
        """A choice made earlier, or None."""
        rows = self._read("SELECT value FROM preferences WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    # The database

    def _read(self, sql: str, values: Sequence[object]) -> list[Any]:
        with self._lock, _as_sentences(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _write(self, sql: str, values: Sequence[object]) -> int:
        """Run one statement, which is committed at once outside a transaction.

        :return: the id of an inserted row.
        """
        with self._lock, _as_sentences(self.path):
            return self._connection.execute(sql, values).lastrowid or 0

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, _as_sentences(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def build_history(turns: Sequence[SavedTurn]) -> tuple[Turn, ...]:
    """The turns as a conversation that a follow-up question can refer to. A declined question counts too: "And in
    2020?" may follow it.
    """
    return tuple(Turn(turn.question, turn.answer.text) for turn in turns if turn.answer)


def dump_answer(answer: Answer) -> str:
    """The answer as JSON in ASCII, so that any character survives; `restore_answer` reads it back."""
    return json.dumps(asdict(answer))


def restore_answer(dumped: str) -> Answer | None:
    """Read what `dump_answer` wrote; None if this version does not know its form."""
    try:
        values = json.loads(dumped)
        values["citations"] = tuple(_citation_from(item) for item in values["citations"])
        values["passages"] = tuple(Passage(**item) for item in values["passages"])
        values["index"] = IndexInfo(**values["index"])
        return Answer(**values)
    except (ValueError, TypeError, KeyError):
        return None


def _citation_from(values: dict[str, Any]) -> Citation:
    span = values["answer_span"]
    values["answer_span"] = None if span is None else TextRange(**span)
    values["passage"] = TextRange(**values["passage"])
    values["also_in"] = tuple(Location(**place) for place in values["also_in"])
    return Citation(**values)


def _turn_from(row: tuple[Any, ...]) -> SavedTurn:
    turn_id, question, as_typed, asked, state, answer, message = row
    restored = restore_answer(answer) if answer else None
    return SavedTurn(turn_id, question, bool(as_typed), asked, TurnState(state), restored, message)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the database to WAL mode. When several processes create it at once, SQLite refuses this to all but one
    without waiting (10 of 180 started together), so this tries again.
    """
    ends = time.monotonic() + _SECONDS_TO_WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
        time.sleep(0.02)


def _as_title(text: str) -> str:
    line = " ".join(safe_line(text).split())
    return line if len(line) <= _TITLE_LENGTH else line[: _TITLE_LENGTH - 1] + "…"


def _storable(text: str) -> str:
    """Replace lone surrogates: SQLite stores UTF-8, which cannot hold them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _searchable(text: str) -> str:
    """Fold the case here, because SQLite folds only ASCII letters."""
    return _storable(text).casefold()


@contextmanager
def _as_sentences(path: Path) -> Iterator[None]:
    """Turn an error of SQLite into one sentence."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise StorageError(f"{path}: another program is writing to it; try again once it has finished.") from error
        raise StorageError(
            f"{path}: sessions cannot be saved ({error}); free some space, or move the file away."
        ) from error
