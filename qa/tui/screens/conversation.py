"""The main screen: question box, conversation, sources, and the way of a question until it is answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen

from index.errors import NotWantedError, QaError
from qa.output.render import render_markdown
from qa.sessions.store import MOST_HISTORY, SavedTurn, TurnState, build_history
from qa.tui.background.worker_thread import Urgency
from qa.tui.drawing.draw import Hints
from qa.tui.keys import EVERYWHERE, bindings, first_key, named
from qa.tui.messages import (
    AnswersWanted,
    CancelWanted,
    CursorMoved,
    CursorWanted,
    HelpWanted,
    HistoryWanted,
    PassagesFound,
    PlaceWanted,
    QuestionAsked,
    QuestionWanted,
)
from qa.tui.ports import ConversationPort
from qa.tui.screens.article import ArticleScreen
from qa.tui.screens.history import HistoryScreen
from qa.tui.turns import Place, Stage, TurnModel
from qa.tui.widgets.conversation import Conversation
from qa.tui.widgets.key_bar import KeyBar
from qa.tui.widgets.question_box import QuestionBox
from qa.tui.widgets.sources import Sources
from qa.tui.widgets.status import Header, IndexingBar, PaneTabs
from qa.types import Answer, Asks, Passage, Turn


class ConversationScreen(Screen[None]):
    """The screen to ask and read on."""

    AUTO_FOCUS = "QuestionBox"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-medium"), (100, "-wide")]  # noqa: RUF012 - as in Textual
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]  # noqa: RUF012 - as in Textual
    BINDINGS: ClassVar[list[BindingType]] = bindings(*EVERYWHERE)

    def __init__(self, port: ConversationPort) -> None:
        super().__init__(id="main")
        self._port = port
        # Held, not looked up: a lookup would fail for a result that a thread returns while the app is closing.
        self.header = Header()
        self.tabs = PaneTabs()
        self.conversation = Conversation()
        self.sources = Sources()
        self.indexing_bar = IndexingBar()
        self.box = QuestionBox()
        self._waiting: deque[TurnModel] = deque()
        self._opened = asyncio.Event()
        self._asked = asyncio.Event()
        self._in_work: TurnModel | None = None

    def compose(self) -> ComposeResult:
        """Header, panes, progress, question box, keys."""
        yield self.header
        yield self.tabs
        with Container(id="panes"):
            yield self.conversation
            yield self.sources
        yield self.indexing_bar
        yield self.box
        yield KeyBar()

    def on_mount(self) -> None:
        """Start to answer, and let the app start what is slow once this is drawn."""
        self.conversation.hints = _build_hints(self._port.keys)
        self._answer_waiting()
        self.conversation.set_welcome(self._port.welcome)
        self.call_after_refresh(self._port.begin)

    @property
    def is_idle(self) -> bool:
        """True if no question is being answered and none waits."""
        return self._in_work is None and not self._waiting

    def answerer_opened(self) -> None:
        """Answer questions from now on."""
        self._opened.set()
        for turn in self._waiting:
            self._set_stage(turn, Stage.QUEUED)

    # Asking

    @on(QuestionAsked)
    async def _question_asked(self, event: QuestionAsked) -> None:
        await self.ask(event.question)

    async def ask(self, question: str, *, as_typed: bool = False) -> None:
        """Save a question and put it in the queue."""
        turn = TurnModel(0, question, as_typed)
        turn.stage = Stage.QUEUED if self._opened.is_set() else Stage.LOADING
        self._waiting.append(turn)
        self.conversation.add(turn)
        self._set_escape()
        self._show_pane(sources=False)
        self._save_question(turn)
        self._asked.set()

    @work(group="save")
    async def _save_question(self, turn: TurnModel) -> None:
        await self._port.save_question(turn)

    @work(group="answer", exclusive=True)
    async def _answer_waiting(self) -> None:
        """Answer one question after the other, for as long as the screen lives."""
        await self._opened.wait()
        while True:
            await self._asked.wait()
            while self._waiting:
                self._in_work = self._waiting.popleft()
                await self._answer(self._in_work)
                self._in_work = None
            self._asked.clear()

    async def _answer(self, turn: TurnModel) -> None:
        if turn.cancelled.is_set():
            return
        self._set_stage(turn, Stage.SEARCHING)
        history = self._history_before(turn)
        stale = not self._port.is_fresh
        try:
            answer = await self._port.ask_answerer(
                lambda answerer: self._ask_answerer(answerer, turn, history), Urgency.QUESTION
            )
        except NotWantedError:
            return
        except QaError as error:
            turn.state, turn.message = TurnState.FAILED, str(error)
        else:
            if turn.cancelled.is_set():
                return
            turn.state = TurnState.ANSWERED if answer.answered else TurnState.DECLINED
            turn.answer = answer
            turn.note = "the index was not up to date" if stale else None
        self._show_turn(turn)
        await self._port.save_outcome(turn)

    def _ask_answerer(self, answerer: Asks, turn: TurnModel, history: tuple[Turn, ...]) -> Answer:
        """Ask; runs in the answerer's thread."""

        def on_passages(passages: tuple[Passage, ...]) -> None:
            self.post_message(PassagesFound(turn, passages))

        def wanted() -> bool:
            return not turn.cancelled.is_set()

        if not wanted():
            raise NotWantedError
        return answerer.ask(turn.question, history, as_typed=turn.as_typed, on_passages=on_passages, wanted=wanted)

    def _history_before(self, turn: TurnModel) -> tuple[Turn, ...]:
        saved = []
        for other in self.conversation.turns:
            if other is turn:
                break
            saved.append(SavedTurn(0, other.question, other.as_typed, 0.0, other.state, other.answer))
        return build_history(saved)[-MOST_HISTORY:]

    @on(PassagesFound)
    def _passages_found(self, event: PassagesFound) -> None:
        turn = event.turn
        if turn.is_waiting:
            turn.passages = event.passages
            self._set_stage(turn, Stage.READING)

    def _set_stage(self, turn: TurnModel, stage: Stage) -> None:
        turn.stage = stage
        self.conversation.update(turn)

    @on(CancelWanted)
    def _cancel_wanted(self) -> None:
        """Stop the running question or, if none is running, the one asked last."""
        if (turn := self._find_waiting()) is not None:
            self.cancel(turn)

    def _find_waiting(self) -> TurnModel | None:
        """The running question, or else the last of those that wait."""
        asked = [*self._waiting, *([] if self._in_work is None else [self._in_work])]
        return next((turn for turn in reversed(asked) if turn.is_waiting), None)

    def cancel(self, turn: TurnModel) -> None:
        """Stop waiting for an answer."""
        turn.cancelled.set()
        turn.state = TurnState.CANCELLED
        self._show_turn(turn)
        self._save_cancelled(turn)

    def _show_turn(self, turn: TurnModel) -> None:
        """Draw the outcome of a turn, and update what Escape does."""
        self.conversation.update(turn)
        self._set_escape()

    def _set_escape(self) -> None:
        answers = "answers" if self.conversation.turns else None
        self.box.set_escape(answers if self._find_waiting() is None else "cancel")

    @on(AnswersWanted)
    def _answers_wanted(self) -> None:
        self._show_pane(sources=False)
        self.conversation.focus()

    @work(group="save")
    async def _save_cancelled(self, turn: TurnModel) -> None:
        await self._port.save_outcome(turn)

    @work
    async def action_ask_as_typed(self) -> None:
        """Ask the question under the cursor again, without the conversation before it."""
        if (turn := self.conversation.current) is not None:
            await self.ask(turn.question, as_typed=turn.state is not TurnState.CANCELLED or turn.as_typed)

    # Reading

    @on(CursorMoved)
    async def _cursor_moved(self, event: CursorMoved) -> None:
        await self.sources.show(event.turn, event.place)

    @on(CursorWanted)
    def _cursor_wanted(self, event: CursorWanted) -> None:
        """Move the cursor. The sources also show the passages of a folded turn; going to one unfolds them."""
        if event.turn.can_fold and not event.turn.unfolded:
            event.turn.unfolded = True
            self.conversation.update(event.turn)
        self.conversation.move_to(event.turn, event.place)

    @on(PlaceWanted)
    def _place_wanted(self, event: PlaceWanted) -> None:
        self._open_place(event.turn, event.place)

    @work(group="open", exclusive=True)
    async def _open_place(self, turn: TurnModel, number: int) -> None:
        """Open the article of a place. In a worker, because the answerer may be busy with a question."""
        places = turn.places or turn.closest
        try:
            article = await self._port.load_article(places[number].path)
        except QaError as error:
            self._port.tell(str(error), wrong=True)
            return

        def came_back(at: int | None) -> None:
            if at is not None and at < len(turn.places) and turn in self.conversation.turns:
                self.conversation.move_to(turn, at)

        # Enter may have been pressed twice, or another screen may have been opened meanwhile.
        if self.is_current:
            await self.app.push_screen(ArticleScreen(self._port, article, places, number), came_back)

    @on(QuestionWanted)
    def _question_wanted(self) -> None:
        self._show_pane(sources=False)
        self.box.focus()

    @on(HelpWanted)
    async def _help_wanted(self) -> None:
        await self.run_action("app.help")

    @on(HistoryWanted)
    @work
    async def _history_wanted(self) -> None:
        question = await self.app.push_screen_wait(HistoryScreen(self.box.questions))
        if question is not None:
            self.box.put(question)

    @on(PaneTabs.Chosen)
    def _tab_chosen(self, event: PaneTabs.Chosen) -> None:
        self._show_pane(sources=event.sources)
        (self.sources if event.sources else self.conversation).focus()

    def action_sources(self) -> None:
        """Go to the sources, or back."""
        to_sources = not self.sources.has_focus
        self._show_pane(sources=to_sources)
        (self.sources if to_sources else self.conversation).focus()

    def _show_pane(self, *, sources: bool) -> None:
        self.set_class(sources, "-sources")
        self.tabs.sources = sources

    # Copying, editing

    @property
    def place(self) -> Place | None:
        """The place under the cursor."""
        turn, number = self.conversation.current, self.conversation.place
        return None if turn is None or number is None else turn.places[number]

    def action_copy_quote(self) -> None:
        """Copy the quote under the cursor."""
        if (place := self._place_or_say()) is not None:
            self._port.copy(place.text, "quote")

    def action_copy_citation(self) -> None:
        """Copy the quote with its citation as Markdown."""
        if (place := self._place_or_say()) is not None:
            self._port.copy_citation(place)

    def action_copy_answer(self) -> None:
        """Copy question, quotes and citations as Markdown."""
        turn = self.conversation.current
        if turn is None or turn.answer is None:
            self._port.tell("There is no answer to copy here.")
        else:
            self._port.copy(render_markdown(turn.answer), "answer")

    def _place_or_say(self) -> Place | None:
        if self.place is None:
            self._port.tell("There is no quote under the cursor. Move it with j and k.")
        return self.place

    @work
    async def action_edit_article(self) -> None:
        """Open the article under the cursor in the editor."""
        if (place := self._place_or_say()) is not None and (original := await self._find_original(place)) is not None:
            self._port.edit(original, place.line, place.text)

    @work
    async def action_open_original(self) -> None:
        """Open the original under the cursor in its own program."""
        if (place := self._place_or_say()) is not None and (original := await self._find_original(place)) is not None:
            self._port.open_original(original)

    async def _find_original(self, place: Place) -> Path | None:
        try:
            return Path((await self._port.load_article(place.path)).original)
        except QaError as error:
            self._port.tell(str(error), wrong=True)
            return None

    # Called by the app

    def show_header(self, session: str) -> None:
        """Show the title of the session."""
        self.header.session = session

    async def replace_turns(self, turns: list[TurnModel]) -> None:
        """Show another session; waiting questions of the one before are cancelled."""
        for turn in self.conversation.turns:
            if turn.is_waiting:
                self.cancel(turn)
        self.conversation.show(turns)
        self._set_escape()
        self._show_pane(sources=False)
        self.box.focus()

    # Actions of the whole app; the bindings find them here

    def action_articles(self) -> None:
        """Show the list of articles."""
        self._port.show_articles()

    def action_sessions(self) -> None:
        """Show the list of sessions."""
        self._port.show_sessions()

    async def action_new_session(self) -> None:
        """Start an empty conversation."""
        await self._port.new_session()

    async def action_problems(self) -> None:
        """Show what is not in the index, and why."""
        await self._port.show_problems()

    def action_refresh_index(self) -> None:
        """Look at the folder now."""
        self._port.look_at_folder()

    def action_rebuild_index(self) -> None:
        """Build the index from scratch."""
        self._port.look_at_folder(rebuild=True)

    def action_rename_session(self) -> None:
        """Ask for another title of the session."""
        self._port.rename_session()

    def action_export(self, form: str) -> None:
        """Save the session to a file."""
        self._port.export_session(form)


def _build_hints(keys: Mapping[str, str]) -> Hints:
    again, fold = (first_key(action, keys) for action in named("ask-as-typed", "fold"))
    return Hints(again, fold if len(fold) == 1 else fold.lower())
