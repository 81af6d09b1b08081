"""The app: owns the answerer, the saved sessions and the upkeep of the index, and what screens may ask of them.

Besides Textual it imports nothing heavy; the answerer is opened in a thread after the first paint.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import on, work
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import TextArea

from index.errors import QaError
from index.types import Changes, Progress
from qa.output.safe_text import safe_line, safe_text
from qa.output.words import counted
from qa.sessions.drafts import Drafts
from qa.sessions.store import Session, SessionStore, open_sessions
from qa.settings import Settings, build_options
from qa.tui.background.saving import Saving
from qa.tui.background.upkeep import IndexStatus, Upkeep, UpkeepOptions
from qa.tui.background.worker_thread import Urgency, WorkerThread
from qa.tui.keys import (
    HELP,
    bindings,
    check_keys,
    first_key,
    named,
)
from qa.tui.palette import actions_of
from qa.tui.screens.article import ArticleScreen
from qa.tui.screens.articles import ArticlesScreen, list_articles
from qa.tui.screens.conversation import ConversationScreen
from qa.tui.screens.help import build_help_screen
from qa.tui.screens.problems import ProblemsScreen
from qa.tui.screens.prompt import PromptScreen
from qa.tui.screens.sessions import SessionsScreen
from qa.tui.screens.text import TextScreen
from qa.tui.terminal.desktop import LeavingApp
from qa.tui.terminal.shutdown import run_until_ended
from qa.tui.turns import TurnModel, turn_from_saved
from qa.types import ArticleView, Asks

T = TypeVar("T")
DEFAULT_THEME = "textual-dark"
COLOURLESS_THEME = "ansi-dark"
"""For NO_COLOR: leaves foreground and background to the terminal."""
_NEW_SESSION = "new session"
_SECONDS_UNTIL_KEPT = 0.5
"""From the first key on, so that text is also saved while someone keeps typing."""
_LEFT_OUT = {"Keys", "Maximize", "Minimize"}
"""Textual's own commands that are not needed: Help shows the keys, and the panes have fixed places."""


@dataclass(frozen=True, slots=True)
class AppOptions:
    """The choices a person made."""

    documents: Path
    """Absolute."""
    upkeep: UpkeepOptions = field(default_factory=UpkeepOptions)
    theme: str | None = None
    """None is the theme that was chosen last."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Name of an action -> key."""
    session_id: int | None = None
    """The session to continue; None starts a new one."""
    in_browser: bool = False
    """True if the person in front of the app may not own this machine: then no program is started."""


class QaApp(LeavingApp):
    """Ask, read, follow the quotes."""

    TITLE = "qa"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = bindings(HELP, *named("help-here"))

    def __init__(
        self,
        open_answerer: Callable[[], Asks],
        options: AppOptions,
        open_store: Callable[[], SessionStore] = open_sessions,
    ) -> None:
        """Create the app; nothing slow starts yet.

        :param open_answerer: opens an existing index in a thread, after the first paint; raises IndexFolderError if
            there is none that can be used.
        :param open_store: opens the saved sessions, in a thread too.
        """
        # Otherwise Textual answers NO_COLOR with shades of grey, which are colours too.
        super().__init__(in_browser=options.in_browser, ansi_color=True if os.environ.get("NO_COLOR") else None)
        self._options = options
        self.answerer = WorkerThread(open_answerer, "qa-answerer")
        self.saving = Saving(open_store, str(options.documents), self._tell_wrong)
        self.upkeep = Upkeep(self.answerer, self, options.upkeep)
        self._main = ConversationScreen(self)
        self._drafts = Drafts(options.documents)
        self._draft_timer: Timer | None = None
        self._usable_keys, self._wrong_keys = check_keys(options.keys)
        self.set_keymap(self._usable_keys)
        self.theme = COLOURLESS_THEME if self.no_color else self._usable_theme(options.theme) or DEFAULT_THEME

    def get_default_screen(self) -> ConversationScreen:
        """The conversation."""
        return self._main

    @property
    def main(self) -> ConversationScreen:
        """The conversation, whatever screen lies above it."""
        return self._main

    # Start and end

    def begin(self) -> None:
        """Start everything slow, once there is something to see."""
        if not self.is_running:  # closed before it was drawn
            return
        self.run_worker(self.upkeep.run(), group="upkeep")
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self._take_up()
        for sentence in self._wrong_keys:
            self.tell(sentence, wrong=True)
        if self._options.theme is not None and self._usable_theme(self._options.theme) is None:
            names = ", ".join(sorted(self.available_themes))
            self.tell(f"There is no theme '{self._options.theme}'. Choose one of {names}.", wrong=True)

    @work(group="session")
    async def _take_up(self) -> None:
        """Restore what earlier runs saved: the theme, the questions, the session to continue."""
        saving = self.saving
        if not await saving.open():
            return
        kept = await saving.run(lambda store: store.load_preference("theme"), None)
        if self._options.theme is None and not self.no_color and (theme := self._usable_theme(kept)) is not None:
            self.theme = theme
        await self._take_up_questions()
        if self._options.session_id is not None:
            await self._open_session(self._options.session_id)

    async def _take_up_questions(self) -> None:
        """Restore earlier questions, and what was being typed: into the box, or as the latest question if something is
        already typed there.
        """
        nothing: list[str] = []
        earlier = await self.saving.run(lambda store: store.load_questions(), nothing)
        draft = await self.saving.run(self._drafts.take_up, "")
        box = self.main.box
        in_the_way = bool(box.text)
        box.set_questions([*earlier, *([draft] if draft and in_the_way else []), *box.questions])
        if draft and not in_the_way:
            box.put(draft)

    @on(TextArea.Changed, "#question")
    def _keep_draft_soon(self) -> None:
        """Save what is being typed, so that it survives the terminal."""
        if self._draft_timer is None:
            self._draft_timer = self.set_timer(_SECONDS_UNTIL_KEPT, self._keep_draft)

    @work(group="save")
    async def _keep_draft(self) -> None:
        # In a worker: if another program holds the database, saving waits, and keys must not wait for it.
        self._draft_timer = None
        draft = self.main.box.text
        if self.saving.thread.is_open:
            await self.saving.run(lambda store: self._drafts.save(store, draft), None)

    async def _leave_draft(self) -> None:
        draft = self.main.box.text
        # The app may be closed before the database is open.
        if draft or self.saving.thread.is_open:
            await self.saving.run(lambda store: self._drafts.leave(store, draft), None)

    def _usable_theme(self, name: str | None) -> str | None:
        return name if name in self.available_themes else None

    def _keep_theme(self, _: object) -> None:
        name = self.theme
        self.run_worker(self.saving.run(lambda store: store.save_preference("theme", name), None), group="save")

    async def on_unmount(self) -> None:
        """End everything that runs beside the app."""
        await self.upkeep.close()
        await self._leave_draft()
        self.saving.close()
        self.answerer.close()

    def watch_app_focus(self, has_focus: bool) -> None:
        """Focus the question box if nothing has the focus: a browser page opened in the background has never set it."""
        if has_focus and self.screen is self._main and self._main.focused is None:
            self._main.set_focus(self._main.box)

    # What screens may ask for (ports.py)

    @property
    def welcome(self) -> str:
        """The text shown before the first question."""
        return _render_welcome(self._options.documents, self._usable_keys)

    @property
    def keys(self) -> Mapping[str, str]:
        """The keys that were changed, by the action's name."""
        return self._usable_keys

    @property
    def is_fresh(self) -> bool:
        """True if the index is known to be up to date."""
        return self.upkeep.is_fresh

    async def ask_answerer(self, function: Callable[[Asks], T], urgency: Urgency = Urgency.LOOK_UP) -> T:
        """Run a function of the answerer in its thread."""
        return await self.answerer.run(function, urgency)

    async def load_article(self, path: str) -> ArticleView:
        """Load an article of the open generation."""
        return await self.ask_answerer(lambda answerer: answerer.load_article(path))

    async def save_question(self, turn: TurnModel) -> None:
        """Save a question before it is answered."""
        if await self.saving.save_question(turn):
            self.main.show_header(turn.question)

    async def save_outcome(self, turn: TurnModel) -> None:
        """Save the outcome of a question."""
        await self.saving.save_outcome(turn)

    # Called by upkeep

    def show_status(self, status: IndexStatus) -> None:
        """Show the state of the index in the header."""
        self.main.header.status = status

    def show_progress(self, progress: Progress | None, running: bool) -> None:
        """Show the progress line."""
        bar = self.main.indexing_bar
        bar.progress = progress
        bar.set_class(running, "-on")

    def index_opened(self) -> None:
        """Questions can be answered from now on."""
        self.main.conversation.set_welcome(self.welcome)
        self.main.answerer_opened()

    def index_failed(self, message: str) -> None:
        """Show the problem: in the middle of the screen if nothing can be asked, otherwise for a moment."""
        if self.answerer.is_open:
            self.tell(message, wrong=True)
        else:
            [refresh] = (first_key(action, self._usable_keys) for action in named("refresh"))
            self.main.conversation.set_welcome(f"{safe_text(message)}\n\nPress {refresh} to try again.")
            if self.main.conversation.turns:
                self.tell(message, wrong=True)

    def nothing_changed(self) -> None:
        """Say that there was nothing to do."""
        self.tell("The index is up to date: nothing changed.")

    def index_changed(self, changes: Changes) -> None:
        """Say what is new."""
        count = len(changes.added) + len(changes.changed) + len(changes.renamed) + len(changes.deleted)
        self.tell(
            f"The index is up to date: {counted(count, 'article')} changed." if count else "The index was rebuilt."
        )

    # Actions

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of the app, and Textual's own."""
        for action, node in actions_of(screen):
            if node.check_action(action.action.removeprefix("screen."), ()):
                run = partial(self._run, action.action, node)
                yield SystemCommand(action.label, action.description, run)
        for command in super().get_system_commands(screen):
            if command.title not in _LEFT_OUT:
                yield command

    def _run(self, action: str, node: DOMNode) -> None:
        self.call_later(self.run_action, action, node)

    async def action_help(self) -> None:
        """Show help for what has the focus."""
        if not isinstance(self.screen, TextScreen):
            await self.push_screen(build_help_screen(self.screen))

    @work(exclusive=True, group="list")
    async def show_articles(self) -> None:
        """Show the list of articles, then the article picked from it."""
        if not self.answerer.is_open:
            self.tell("There is no index yet.")
            return
        listed = await self.ask_answerer(lambda answerer: list_articles(answerer, self.upkeep.skipped))
        path = await self.push_screen_wait(ArticlesScreen(listed))
        if path is not None:
            try:
                await self.push_screen(ArticleScreen(self, await self.load_article(path)))
            except QaError as error:
                self.tell(str(error), wrong=True)

    @work(exclusive=True, group="list")
    async def show_sessions(self) -> None:
        """Show the list of sessions, then the session picked from it."""
        if not await self.saving.open():
            return
        session_id = await self.push_screen_wait(SessionsScreen(self.saving))
        if session_id is not None:
            await self._open_session(session_id)
        elif self.saving.session_id is not None:
            await self._show_title(self.saving.session_id)

    async def _open_session(self, session_id: int) -> None:
        try:
            session, turns = await self.saving.load(session_id)
        except QaError as error:
            self.tell(str(error), wrong=True)
            return
        self.saving.go_on(session_id)
        self.main.show_header(session.title)
        await self.main.replace_turns([turn_from_saved(turn) for turn in turns])
        if session.documents != str(self._options.documents):
            self.tell(
                f"This conversation was about {session.documents}; "
                f"questions are now answered from {self._options.documents}."
            )

    async def _show_title(self, session_id: int) -> None:
        """Update the header: the title may have changed, or the session may be deleted."""
        sessions: list[Session] | None = await self.saving.run(lambda store: store.list_sessions(), None)
        if sessions is None:  # reported; the screen stays as it is
            return
        found = [session.title for session in sessions if session.session_id == session_id]
        if found:
            self.main.show_header(found[0])
        else:
            await self.new_session()

    async def new_session(self) -> None:
        """Start an empty conversation; it is saved with its first question."""
        self.saving.go_on(None)
        self.main.show_header(_NEW_SESSION)
        await self.main.replace_turns([])

    @work
    async def rename_session(self) -> None:
        """Ask for another title."""
        if (session_id := self.saving.session_id) is None:
            self.tell("A session gets its title from its first question. Ask one, then rename it.")
            return
        session = await self.saving.run(lambda store: store.load_session(session_id), None)
        if session is None:
            return
        title = await self.push_screen_wait(PromptScreen("Title of the session", session.title))
        if title:
            await self.saving.run(lambda store: store.rename_session(session_id, title), None)
            await self._show_title(session_id)

    @work
    async def export_session(self, form: str) -> None:
        """Ask for a path and write the session there; never over an existing file."""
        from qa.sessions.export import find_current_folder, find_free_path, resolve_path, write_export

        if (session_id := self.saving.session_id) is None:
            self.tell("There is nothing to export yet. Ask a question first.")
            return
        try:
            session, _ = await self.saving.load(session_id)
            proposed = find_free_path(find_current_folder(), session, form)
            named_path = await self.push_screen_wait(PromptScreen("Save the session as", str(proposed)))
            if named_path:
                path = resolve_path(named_path)
                # Load again: an answer may have come while the name was typed.
                session, turns = await self.saving.load(session_id)
                await self.saving.thread.run(lambda _: write_export(path, session, turns, form))
                self.tell(f"Saved as {path}.")
        except QaError as error:
            self.tell(str(error), wrong=True)

    async def show_problems(self) -> None:
        """Show skipped files and errors, with reasons."""
        await self.push_screen(ProblemsScreen(self.upkeep.skipped, self.upkeep.errors))

    def look_at_folder(self, *, rebuild: bool = False) -> None:
        """Bring the index up to date now."""
        self.upkeep.want(rebuild=rebuild)

    def _tell_wrong(self, message: str) -> None:
        self.tell(message, wrong=True)


def _render_welcome(documents: Path, keys: Mapping[str, str]) -> str:
    """The text shown before the first question.

    :param keys: the keys that were changed.
    """
    key = {action.name: first_key(action, keys) for action in named("ask", "articles", "sessions", "open", "help")}
    return (
        f"Ask about the articles in {safe_line(str(documents))}\n\n"
        f"Every answer is made of quotes. {key['open']} opens the article at the quote.\n"
        "If the articles have no answer, the app says so.\n\n"
        f"{key['ask']} asks    {key['articles']} articles    {key['sessions']} sessions\n"
        f"ctrl+p all actions    {key['help']} help"
    )


def build_index_command(settings: Settings) -> list[str]:
    """The program that brings the index up to date, with the options that decide what the index is."""
    return [sys.executable, "-m", "qa", *build_options(settings, "model", "reranker"), "index", "--progress-json"]


def run_app(settings: Settings, session_id: int | None = None, *, in_browser: bool = False) -> int:
    """Run the app until it is closed or told to end.

    :return: its exit code.
    """
    import gc
    from dataclasses import replace

    def open_answerer() -> Asks:
        # Half a second of imports, in a thread and after the first paint.
        from qa.answerer import open_answerer as open_it

        answerer = open_it(replace(settings, refresh=False))
        # What the libraries of the models created lives as long as the app. If the garbage collector looks through it,
        # the event loop stops for 110 ms now and then.
        gc.freeze()
        return answerer

    upkeep = UpkeepOptions(build_index_command(settings), settings.refresh)
    options = AppOptions(settings.docs, upkeep, settings.theme, settings.keys, session_id, in_browser)
    return run_until_ended(QaApp(open_answerer, options))
