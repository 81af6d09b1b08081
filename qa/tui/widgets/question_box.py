"""The question box: several lines, Enter asks, up and down recall earlier questions."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from qa.output.safe_text import safe_text
from qa.tui.keys import ASKING, bindings
from qa.tui.messages import AnswersWanted, CancelWanted, HelpWanted, HistoryWanted, QuestionAsked

HELP = """\
Type a question and press Enter. The answer is made of quotes from the articles. If they have none, the app says so.

A question may follow up on the one before it ("And when was that?"). A line "asked as: …" shows how it was understood.
You can ask the next question while one is running or the models are loading; questions are answered in turn.
Escape stops the running question. Tab goes to the answers; so does Escape while no question is running."""


class QuestionBox(TextArea):
    """The question being typed, and earlier questions."""

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings(*ASKING)

    def __init__(self) -> None:
        super().__init__(
            placeholder="Ask a question about the articles",
            id="question",
            compact=True,
            highlight_cursor_line=False,
            tab_behavior="focus",
            soft_wrap=True,
        )
        self._asked: list[str] = []
        self._position = 0
        """In `_asked`; its length stands for the question being typed."""
        self._draft = ""
        self._escape: str | None = None

    def set_escape(self, action: str | None) -> None:
        """Set what Escape does: 'cancel' while a question can be stopped, otherwise 'answers' if there are any."""
        if action != self._escape:
            self._escape = action
            if self.is_attached:  # not while the app is closing
                self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the meaning that Escape has now."""
        if action in {"cancel", "answers"}:
            return action == self._escape
        return super().check_action(action, parameters)

    def set_questions(self, questions: list[str]) -> None:
        """Set the earlier questions, the latest last."""
        self._asked = questions
        self._position = len(questions)

    @property
    def questions(self) -> list[str]:
        """Earlier questions, the latest last."""
        return self._asked

    def put(self, question: str) -> None:
        """Put a question into the box, with the cursor at its end."""
        self.load_text(safe_text(question))
        self.move_cursor(self.document.end)

    def edit(self, edit: Edit) -> EditResult:
        """Clean every change, typed or pasted, so that nothing hostile gets into the box."""
        edit.text = safe_text(edit.text)
        return super().edit(edit)

    async def _on_key(self, event: events.Key) -> None:
        # prevent_default stops TextArea's own handling, which would take Enter for a new line.
        if event.key == "question_mark" and not self.text:
            event.stop()
            event.prevent_default()
            self.post_message(HelpWanted())
        elif not self.check_consume_key(event.key, event.character) and await self._run_own(event.key):
            event.stop()
            event.prevent_default()
        elif event.key == "enter":
            event.prevent_default()

    async def _run_own(self, key: str) -> bool:
        """Run the action of a key of the box, at once.

        Textual would look for the binding only after the key has gone up through all widgets. In a burst of keys, Enter
        then ran after the letters typed behind it, and two questions became one.

        :return: True if the key has an action here.
        """
        active = self.screen.active_bindings.get(key)
        if active is None or active.node is not self or not active.enabled:
            return False
        return await self.app.run_action(active.binding.action, self)

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Enter is a key of ours, not a character."""
        return key != "enter" and super().check_consume_key(key, character)

    def action_submit(self) -> None:
        """Send the question; an empty one stays where it is."""
        question = self.text.strip()
        if not question:
            return
        if question in self._asked:
            self._asked.remove(question)
        self._asked.append(question)
        self._position = len(self._asked)
        self._draft = ""
        self.clear()
        self.post_message(QuestionAsked(question))

    def action_newline(self) -> None:
        """Insert a new line at the cursor."""
        self.insert("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        """In the first line, recall the previous question."""
        if not select and self.cursor_location[0] == 0 and self._is_first_row():
            self.action_earlier()
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """In the last line, recall the next question."""
        if not select and self.cursor_at_last_line and self._is_last_row():
            self.action_later()
        else:
            super().action_cursor_down(select)

    def action_earlier(self) -> None:
        """Recall the question before the one shown."""
        if self._position == 0:
            return
        if self._position == len(self._asked):
            self._draft = self.text
        self._position -= 1
        self.put(self._asked[self._position])

    def action_later(self) -> None:
        """Recall the question after the one shown; after the last, the one that was being typed."""
        if self._position == len(self._asked):
            return
        self._position += 1
        self.put(self._draft if self._position == len(self._asked) else self._asked[self._position])

    def action_cancel(self) -> None:
        """Report that Escape was pressed."""
        self.post_message(CancelWanted())

    def action_answers(self) -> None:
        """Report that the person wants to read."""
        self.post_message(AnswersWanted())

    def action_search_questions(self) -> None:
        """Report that the person wants to search earlier questions."""
        self.post_message(HistoryWanted())

    def _is_first_row(self) -> bool:
        return self.wrapped_document.location_to_offset(self.cursor_location).y == 0

    def _is_last_row(self) -> bool:
        return self.wrapped_document.location_to_offset(self.cursor_location).y == self.wrapped_document.height - 1
