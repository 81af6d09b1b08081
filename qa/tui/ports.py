"""What screens may ask of the app, so that they need not know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from qa.tui.background.worker_thread import Urgency
from qa.tui.turns import Place, TurnModel
from qa.types import ArticleView, Asks

T = TypeVar("T")


class AppFace(Protocol):
    """The app, as an article's screen sees it."""

    async def load_article(self, path: str) -> ArticleView:
        """An article of the open generation; raises QaError."""

    def tell(self, message: str, *, wrong: bool = False) -> None:
        """Shows a message for a moment."""

    def copy(self, text: str, what: str) -> None:
        """Copies, and says so or why it may not arrive."""

    def copy_citation(self, place: Place) -> None:
        """Copies a quote with its citation as Markdown."""

    def edit(self, path: Path, line: int, words: str) -> object:
        """Opens a file in the editor where `words` stand, which begin in a line (1-based) of the article's text."""

    def open_original(self, path: Path) -> None:
        """Opens a file in the program of its kind."""


class ConversationFace(AppFace, Protocol):
    """The app, as the conversation sees it."""

    @property
    def welcome(self) -> str:
        """What is said where nothing was asked yet."""

    @property
    def keys(self) -> Mapping[str, str]:
        """The actions that were given another key, by name."""

    def begin(self) -> None:
        """Starts what is slow; called once there is something to see."""

    @property
    def is_fresh(self) -> bool:
        """True where the index is known to be up to date."""

    async def ask_answerer(self, function: Callable[[Asks], T], urgency: Urgency = Urgency.LOOK_UP) -> T:
        """Runs a function of the answerer in its thread."""

    async def save_question(self, turn: TurnModel) -> None:
        """Saves a question before it is answered; gives the turn its id."""

    async def save_outcome(self, turn: TurnModel) -> None:
        """Saves what came of it."""

    def show_articles(self) -> object:
        """The list of articles."""

    def show_sessions(self) -> object:
        """The list of sessions."""

    async def new_session(self) -> None:
        """An empty conversation."""

    async def show_problems(self) -> None:
        """What is not in the index, and why."""

    def rename_session(self) -> object:
        """Gives the session another title."""

    def export_session(self, form: str) -> object:
        """Writes the session to a file of a form: 'markdown', 'json' or 'html'."""

    def look_at_folder(self, *, rebuild: bool = False) -> None:
        """Brings the index up to date now; with `rebuild`, from nothing."""
