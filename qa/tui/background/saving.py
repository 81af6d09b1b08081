"""The open session: saves each question and answer in a thread, and reports once if it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from index.errors import QaError, StorageError
from qa.sessions.store import SavedTurn, Session, SessionStore, TurnState
from qa.tui.background.worker_thread import WorkerThread
from qa.tui.turns import TurnModel

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class OpenSession:
    """A conversation on the screen. A question belongs to the session it was asked in, even if another one is opened
    meanwhile.
    """

    session_id: int | None = None
    """None until its first question is saved."""


class Saving:
    """Saves the turns of one session after another.

    :param open_store: opens the store; called in the thread.
    :param documents: absolute path of the documents folder.
    :param tell: receives what went wrong, in a sentence.
    """

    def __init__(self, open_store: Callable[[], SessionStore], documents: str, tell: Callable[[str], None]) -> None:
        self.thread = WorkerThread(open_store, "qa-sessions")
        self._documents = documents
        self._tell = tell
        self._told = False
        self._open_session = OpenSession()
        self.deleted: list[int] = []
        """Sessions deleted by this window, the latest last; undo restores from the end."""

    @property
    def session_id(self) -> int | None:
        """Of the open session; None until the first question of a new one is saved."""
        return self._open_session.session_id

    def go_on(self, session_id: int | None) -> None:
        """Save questions in that session from now on; None means a new one."""
        self._open_session = OpenSession(session_id)

    async def open(self) -> bool:
        """Open the store.

        :return: False if it cannot be opened, which was reported.
        """
        try:
            await self.thread.open()
        except QaError as error:
            self._say(error)
        return self.thread.is_open

    async def save_question(self, turn: TurnModel) -> bool:
        """Save a question before it is answered, creating a session if none is open.

        :return: True if the session is new and still the open one.
        """
        session = self._open_session
        is_new = session.session_id is None
        await self.run(lambda store: self._add(store, session, turn), None)
        return is_new and session is self._open_session

    def _add(self, store: SessionStore, session: OpenSession, turn: TurnModel) -> None:
        # In the thread, jobs run in order, so saving the answer finds the id. Another window may have deleted the
        # session more than a day ago.
        session.session_id = store.ensure_session(session.session_id, turn.question, self._documents)
        turn.turn_id = store.add_question(session.session_id, turn.question, as_typed=turn.as_typed)
        store.remember_question(turn.question)

    async def save_outcome(self, turn: TurnModel) -> None:
        """Save the outcome of a question; also the question itself, if that was not possible before."""
        session = self._open_session

        def save(store: SessionStore) -> None:
            if not turn.turn_id and turn.state is not TurnState.CANCELLED:
                self._add(store, session, turn)
            if turn.state is TurnState.FAILED:
                store.save_failure(turn.turn_id, turn.message or "")
            elif turn.answer is not None:
                store.save_answer(turn.turn_id, turn.answer)
            else:
                store.save_cancelled(turn.turn_id)

        await self.run(save, None)

    async def load(self, session_id: int) -> tuple[Session, list[SavedTurn]]:
        """Load a session with its turns.

        :raises QaError: if it cannot be loaded.
        """
        return await self.thread.run(lambda store: (store.load_session(session_id), store.load_turns(session_id)))

    async def run(self, function: Callable[[SessionStore], T], otherwise: T) -> T:
        """The result of `function(store)`; `otherwise` if that fails, which is reported."""
        if not self.thread.is_open and not await self.open():
            return otherwise
        try:
            return await self.thread.run(function)
        except QaError as error:
            self._say(error)
            return otherwise

    def close(self) -> None:
        """Close the store after everything is saved."""
        self.thread.close(timeout=5.0)

    def _say(self, error: QaError) -> None:
        """Report a store that cannot be used once, with the consequence; report anything else each time."""
        if not isinstance(error, StorageError):
            self._tell(str(error))
        elif not self._told:
            self._told = True
            self._tell(f"Sessions are not being saved: {error}")
