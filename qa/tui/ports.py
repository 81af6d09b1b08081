"""What screens may ask of the app, so that they need not know the app itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from qa.tui.background.worker_thread import Urgency
from qa.tui.turns import Place, TurnModel
from qa.types import ArticleView, Asks

T = TypeVar("T")


class AppPort(Protocol):
    """The app as the screen of an article sees it."""

    async def load_article(self, path: str) -> ArticleView:
        """Load an article of the open generation.

        :raises QaError: if there is none with that path.
        """

    def tell(self, message: str, *, wrong: bool = False) -> None:
        """Show a message for a moment."""

    def copy(self, text: str, what: str) -> None:
        """Copy a text, and say so, or say why it may not arrive."""

    def copy_citation(self, place: Place) -> None:
        """Copy a quote with its citation as Markdown."""

    def edit(self, path: Path, line: int, words: str) -> object:
        """Open a file in the editor.

        :param line: 1-based line of the article's text in which `words` begin; the file itself may have them elsewhere.
        """

    def open_original(self, path: Path) -> None:
        """Open a file in its own program."""


class ConversationPort(AppPort, Protocol):
    """The app as the conversation sees it."""

    @property
    def welcome(self) -> str:
        """The text shown before the first question."""

    @property
    def keys(self) -> Mapping[str, str]:
        """The keys that were changed, by the action's name."""

    def begin(self) -> None:
        """Start everything slow, once there is something to see."""

    @property
    def is_fresh(self) -> bool:
        """True if the index is known to be up to date."""

    async def ask_answerer(self, function: Callable[[Asks], T], urgency: Urgency = Urgency.LOOK_UP) -> T:
        """Run a function of the answerer in its thread."""

    async def save_question(self, turn: TurnModel) -> None:
        """Save a question before it is answered, and give the turn its id."""

    async def save_outcome(self, turn: TurnModel) -> None:
        """Save the outcome of a question."""

    def show_articles(self) -> object:
        """Show the list of articles."""

    def show_sessions(self) -> object:
        """Show the list of sessions."""

    async def new_session(self) -> None:
        """Start an empty conversation."""

    async def show_problems(self) -> None:
        """Show what is not in the index, and why."""

    def rename_session(self) -> object:
        """Ask for another title of the session."""

    def export_session(self, form: str) -> object:
        """Save the session to a file.

        :param form: 'markdown', 'json' or 'html'.
        """

    def look_at_folder(self, *, rebuild: bool = False) -> None:
        """Bring the index up to date now; with `rebuild`, from scratch."""
