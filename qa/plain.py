"""`qa --plain`: a conversation line by line on stdin and stdout, for screen readers, pipes and plain terminals.

Nothing is redrawn, moved or coloured. Every line says in words what it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO, TypeVar

from index.errors import QaError
from qa.diagnostics import ExitCode, exit_code_for, tell, tell_error
from qa.output.safe_text import safe_line, safe_text
from qa.output.words import NOT_IN_ARTICLES, counted
from qa.sessions.store import MOST_HISTORY, SavedTurn, SessionStore, build_history
from qa.types import Answer, Asks, Citation, Turn

T = TypeVar("T")
PROMPT = "Question: "
_HELP = """\
Type a question and press Enter. Commands:
  /show N     show the paragraph around quote N of the last answer
  /closest    show the closest passages of the last answer
  /typed      ask the last question again, without the conversation before it
  /new        start a new conversation
  /help       show this text
  /quit       leave (or press Ctrl-D)
"""


@dataclass(slots=True)
class Keeping:
    """Where a conversation is saved as it goes."""

    store: SessionStore
    documents: str
    """Absolute path of the documents folder."""
    session_id: int | None = None
    """The session to continue; None until the first question creates one."""

    def load_turns(self) -> list[SavedTurn]:
        """The earlier questions of the session that continues."""
        return [] if self.session_id is None else self.store.load_turns(self.session_id)

    def save_question(self, question: str, *, as_typed: bool) -> int:
        """Save a question before it is answered.

        :return: the id of the turn.
        """
        self.session_id = self.store.ensure_session(self.session_id, question, self.documents)
        self.store.remember_question(question)
        return self.store.add_question(self.session_id, question, as_typed=as_typed)

    def save_outcome(self, turn_id: int, outcome: Answer | QaError) -> None:
        """Save the answer, or the error."""
        if isinstance(outcome, Answer):
            self.store.save_answer(turn_id, outcome)
        else:
            self.store.save_failure(turn_id, str(outcome))


def run_plain(open_answerer: Callable[[], Asks], source: TextIO, target: TextIO, keeping: Keeping | None = None) -> int:
    """Answer each line of `source` on `target`, to its end. A question that fails is reported on stderr and does not
    end the conversation.

    :param keeping: where the conversation is saved and what it continues; None saves nothing.
    :return: 0 if the last question was answered or none was asked, 1 if it is not in the articles, or the exit code of
        the error that kept the answerer from opening.
    """
    try:
        answerer = open_answerer()
    except QaError as error:
        tell_error(error)
        return exit_code_for(error)
    try:
        return _Conversation(answerer, target, keeping, prompts=source.isatty()).run(source)
    finally:
        answerer.close()
        if keeping is not None:
            keeping.store.close()


class _Conversation:
    """The questions and answers so far."""

    def __init__(self, answerer: Asks, target: TextIO, keeping: Keeping | None, *, prompts: bool) -> None:
        self._answerer = answerer
        self._target = target
        self._keeping = keeping
        self._prompts = prompts
        self._history: list[Turn] = []
        self._last: Answer | None = None

    def run(self, source: TextIO) -> int:
        if self._prompts:
            self._say("Ask about the articles. /help lists the commands.")
        self._take_up()
        for line in self._read_lines(source):
            text = line.strip()
            if text in {"/quit", "/q"}:
                break
            if text:
                self._take(text)
        if self._prompts:
            self._target.write("\n")
        declined = self._last is not None and not self._last.answered
        return ExitCode.NOT_IN_ARTICLES if declined else ExitCode.ANSWERED

    def _read_lines(self, source: TextIO) -> Iterator[str]:
        """The lines of `source`. On a person's terminal, keys edit the line and recall earlier questions."""
        edits = self._prompts and source is sys.stdin and self._load_editing()
        while True:
            self._prompt(shown=not edits)
            line = _read_edited() if edits else source.readline()
            if not line:
                return
            yield line

    def _load_editing(self) -> bool:
        try:
            import readline
        except ImportError:  # some systems have none
            return False
        # Otherwise each prompt starts with a control sequence, which a screen reader reads out.
        readline.parse_and_bind("set enable-bracketed-paste off")
        for question in self._save(lambda keeping: keeping.store.load_questions()) or []:
            readline.add_history(" ".join(safe_line(question).split()))
        return True

    def _take_up(self) -> None:
        """Continue the saved session; its last answer can be shown again."""
        turns = [] if self._keeping is None else self._keeping.load_turns()
        if not turns:
            return
        self._history = list(build_history(turns))
        self._last = turns[-1].answer
        count = counted(len(turns), "question")
        self._say(f"Continuing after {count}. The last one was: {safe_line(turns[-1].question)}")
        if self._last is not None:
            self._say(render_plain(self._last))

    def _take(self, text: str) -> None:
        command, _, rest = text.partition(" ")
        if not command.startswith("/"):
            self._ask(text)
        elif command == "/show":
            self._show(rest.strip())
        elif command == "/typed" and self._last is not None:
            self._ask(self._last.question, as_typed=True)
        elif command == "/closest":
            self._show_closest()
        elif command == "/new":
            self._forget()
        elif command == "/help":
            self._say(_HELP.rstrip())
        else:
            self._say(f"There is no command {safe_line(command)}; /help lists them.")

    def _ask(self, question: str, *, as_typed: bool = False) -> None:
        turn_id = self._save(lambda keeping: keeping.save_question(question, as_typed=as_typed)) or 0
        try:
            answer = self._answerer.ask(question, tuple(self._history[-MOST_HISTORY:]), as_typed=as_typed)
        except QaError as error:
            tell(f"Error: {error}")
            failure = error
            self._save(lambda keeping: keeping.save_outcome(turn_id, failure))
            return
        self._save(lambda keeping: keeping.save_outcome(turn_id, answer))
        self._last = answer
        self._history.append(Turn(question, answer.text))
        self._say(render_plain(answer))

    def _save(self, save: Callable[[Keeping], T]) -> T | None:
        """Report a full disk once, and go on without saving."""
        if self._keeping is None:
            return None
        try:
            return save(self._keeping)
        except QaError as error:
            self._keeping = None
            tell(render_unsaved(error))
            return None

    def _show(self, number: str) -> None:
        found = [one for one in (self._last.citations if self._last else ()) if str(one.number) == number]
        if not found:
            self._say("The last answer has no quote with that number; type /show 1, for example.")
            return
        self._say(f"Paragraph {found[0].paragraph} of {_place(found[0])}:\n{safe_text(found[0].passage.text)}")

    def _show_closest(self) -> None:
        passages = self._last.passages if self._last else ()
        lines = [
            f"Passage {number}, {safe_line(passage.title)}, {safe_line(passage.path)} line {passage.line}:\n"
            f"{safe_text(passage.text)}"
            for number, passage in enumerate(passages, start=1)
        ]
        self._say("\n\n".join(lines) or "There are no passages yet; ask a question first.")

    def _forget(self) -> None:
        self._history.clear()
        self._last = None
        if self._keeping is not None:
            self._keeping.session_id = None
        self._say("Started a new conversation.")

    def _say(self, text: str) -> None:
        self._target.write(text + "\n")
        self._target.flush()

    def _prompt(self, *, shown: bool) -> None:
        if self._prompts and shown:
            self._target.write(PROMPT)
            self._target.flush()


def render_unsaved(error: QaError) -> str:
    """The warning for a conversation that cannot be saved."""
    return f"The conversation is not being saved: {error}"


def _read_edited() -> str:
    """One line with its line end, or an empty string at the end of the input."""
    try:
        return input(PROMPT) + "\n"
    except EOFError:
        return ""


def render_plain(answer: Answer) -> str:
    """An answer in words: how it was understood, each quote and its place, and the confidence."""
    lines = []
    if answer.asked_as != answer.question:
        lines.append(f"Asked as: {safe_line(answer.asked_as)}")
    if not answer.answered:
        lines.append(f"{NOT_IN_ARTICLES} {safe_line(answer.reason or '')}".rstrip())
        if answer.passages:
            lines.append(f"{counted(len(answer.passages), 'closest passage')}: type /closest to read them.")
        return "\n".join([*lines, ""])
    for citation in answer.citations:
        # On one line: a screen reader would read out the indents of a wrapped article.
        lines.append(f"Quote {citation.number}: {' '.join(safe_line(citation.quote).split())}")
        lines.append(f"Source {citation.number}: {_place(citation)}")
    return "\n".join([*lines, f"Confidence: {answer.confidence:.0%}", ""])


def _place(citation: Citation) -> str:
    parts = [safe_line(citation.title)]
    if citation.date:
        parts.append(safe_line(citation.date))
    parts.append(f"{safe_line(citation.path)} line {citation.line}")
    if citation.page is not None:
        parts.append(f"page {citation.page}")
    return ", ".join(parts)
