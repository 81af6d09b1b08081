"""A search through earlier questions."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from qa.output.safe_text import safe_line
from qa.tui.screens.picking import Choice, PickingScreen, has_words

HELP = "Your earlier questions, the latest first. Type to narrow them down; Enter puts one into the question box."


_MOST_CHARACTERS = 500  # of a question, on its line


class HistoryScreen(PickingScreen[str, str]):
    """Returns the question picked."""

    HELP = HELP
    heading = "Earlier questions"
    placeholder = "Search"
    nothing = "No question matches."

    def __init__(self, questions: Sequence[str]) -> None:
        super().__init__()
        self._questions = list(reversed(questions))

    async def find(self, words: str) -> Sequence[str]:
        """The questions with all words, the latest first."""
        return [question for question in self._questions if has_words(question.casefold(), words)]

    def draw(self, item: str) -> Choice[str]:
        """The question on one line."""
        return Choice(Content(safe_line(item[:_MOST_CHARACTERS])), item)
