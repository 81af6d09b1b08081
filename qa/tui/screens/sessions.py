"""Saved conversations: continue, search, rename, delete and restore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from qa.output.safe_text import safe_line
from qa.output.words import counted, render_moment
from qa.sessions.store import Session, SessionStore
from qa.tui.background.saving import Saving
from qa.tui.drawing.draw import ACCENT, MUTED, STRONG
from qa.tui.keys import IN_SESSIONS, bindings
from qa.tui.screens.picking import Choice, PickingScreen
from qa.tui.screens.prompt import PromptScreen

HELP = """\
Conversations, the latest first. Type to search titles, questions and answers; Enter continues a conversation. \
A deleted session can be restored with undo until you close the app, and for a day with `qa sessions --restore` \
and its number."""


class SessionsScreen(PickingScreen[int, Session]):
    """Returns the id of the session picked."""

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings(*IN_SESSIONS)
    heading = "Sessions"
    placeholder = "Search titles, questions and answers"
    nothing = "No sessions found."

    def __init__(self, saving: Saving) -> None:
        super().__init__()
        self._saving = saving

    async def find(self, words: str) -> Sequence[Session]:
        """The sessions with all words."""
        nothing: list[Session] = []
        return await self._saving.run(lambda store: store.list_sessions(words), nothing)

    def draw(self, item: Session) -> Choice[int]:
        """Title, time, size and folder."""
        return Choice(_session_content(item, is_open=item.session_id == self._saving.session_id), item.session_id)

    def describe(self) -> str:
        """The number of sessions, and whether a deletion can be undone."""
        deleted = len(self._saving.deleted)
        undo = f"{deleted} deleted; undo restores the last one" if deleted else ""
        return "; ".join(part for part in (counted(len(self._found), "session"), super().describe(), undo) if part)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to undo only if there is a deletion."""
        return bool(self._saving.deleted) if action == "undo" else super().check_action(action, parameters)

    @work
    async def action_rename(self) -> None:
        """Ask for another title."""
        if (session_id := self.highlighted) is None:
            return
        session = await self._saving.run(lambda store: store.load_session(session_id), None)
        if session is None:
            return
        title = await self.app.push_screen_wait(PromptScreen("Title of the session", session.title))
        if title:
            await self._saving.run(lambda store: store.rename_session(session_id, title), None)
            self.fill(self._position)

    @work
    async def action_delete(self) -> None:
        """Delete the session under the cursor."""
        if (session_id := self.highlighted) is None:
            return

        def delete(store: SessionStore) -> bool:
            store.delete_session(session_id)
            return True

        if await self._saving.run(delete, False):
            self._saving.deleted.append(session_id)
            self._changed()

    @work
    async def action_undo(self) -> None:
        """Restore the session deleted last."""
        if not self._saving.deleted:
            return
        session_id = self._saving.deleted.pop()
        await self._saving.run(lambda store: store.restore_session(session_id), None)
        self._changed()

    def _changed(self) -> None:
        self.refresh_bindings()
        self.fill(self._position)

    @property
    def _position(self) -> int:
        numbers = [number for number, line in enumerate(self._lines) if line.value == self.highlighted]
        return numbers[0] if numbers else 0


def _session_content(session: Session, *, is_open: bool) -> Content:
    details = " · ".join(
        (
            render_moment(session.updated),
            counted(session.turns, "question"),
            safe_line(session.documents),
            f"number {session.session_id}",
        )
    )
    return Content.assemble(
        (safe_line(session.title), STRONG),
        ("  (open)" if is_open else "", ACCENT),
        (f"  {details}", MUTED),
    )
