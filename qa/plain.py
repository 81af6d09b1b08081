"""`qa --plain`: a conversation line by line on stdin and stdout, for screen readers, pipes and plain terminals.

Nothing is drawn over, moved or coloured; every line says in words what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from index.errors import QaError
from qa.diagnostics import ExitCode, exit_code_for, tell, tell_error
from qa.safe_text import safe_line, safe_text
from qa.types import Answer, Asks, Citation, Turn

PROMPT = "Question: "
_MOST_HISTORY = 10
_HELP = """\
Type a question and press Enter. Commands:
  /show N     the paragraph around quote N of the last answer
  /closest    the closest passages of the last answer
  /typed      ask the last question again, taking nothing from the conversation
  /new        forget the conversation so far
  /help       this text
  /quit       leave (or Ctrl-D)
"""


def run_plain(open_engine: Callable[[], Asks], source: TextIO, target: TextIO) -> int:
    """Answers each line of `source` on `target` until its end; returns the exit code.

    0 where the last question was answered or none was asked, 1 where it is not in the articles; the code of the error
    where the engine cannot be opened. A question that fails is told on stderr and does not end the conversation.
    """
    try:
        engine = open_engine()
    except QaError as error:
        tell_error(error)
        return exit_code_for(error)
    try:
        return _Conversation(engine, target, prompts=source.isatty()).run(source)
    finally:
        engine.close()


class _Conversation:
    """What was asked and answered so far."""

    def __init__(self, engine: Asks, target: TextIO, *, prompts: bool) -> None:
        self._engine = engine
        self._target = target
        self._prompts = prompts
        self._history: list[Turn] = []
        self._last: Answer | None = None

    def run(self, source: TextIO) -> int:
        if self._prompts:
            self._say("Questions are answered from the articles. /help lists the commands.")
        self._prompt()
        for line in source:
            text = line.strip()
            if text in {"/quit", "/q"}:
                break
            if text:
                self._take(text)
            self._prompt()
        if self._prompts:
            self._target.write("\n")
        declined = self._last is not None and not self._last.answered
        return ExitCode.NOT_IN_ARTICLES if declined else ExitCode.ANSWERED

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
            self._say(f"There is no command {safe_line(command)} here; /help lists them.")

    def _ask(self, question: str, *, as_typed: bool = False) -> None:
        try:
            answer = self._engine.ask(question, tuple(self._history[-_MOST_HISTORY:]), as_typed=as_typed)
        except QaError as error:
            tell(f"Error: {error}")
            return
        self._last = answer
        if answer.answered:
            self._history.append(Turn(question, answer.text))
        self._say(render_plain(answer))

    def _show(self, number: str) -> None:
        found = [one for one in (self._last.citations if self._last else ()) if str(one.number) == number]
        if not found:
            self._say("There is no quote of that number in the last answer; type /show 1, for example.")
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
        self._say("A new conversation.")

    def _say(self, text: str) -> None:
        self._target.write(text + "\n")
        self._target.flush()

    def _prompt(self) -> None:
        if self._prompts:
            self._target.write(PROMPT)
            self._target.flush()


def render_plain(answer: Answer) -> str:
    """An answer in words: how it was understood, each quote and where it stands, how sure it is."""
    lines = []
    if answer.asked_as != answer.question:
        lines.append(f"Asked as: {safe_line(answer.asked_as)}")
    if not answer.answered:
        lines.append(f"Not in the articles. {safe_line(answer.reason or '')}".rstrip())
        if answer.passages:
            lines.append(f"{len(answer.passages)} closest passages: type /closest to read them.")
        return "\n".join([*lines, ""])
    for citation in answer.citations:
        # One line of words: a hard-wrapped article would be read out with its indents.
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
