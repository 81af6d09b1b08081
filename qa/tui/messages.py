"""What widgets report to the screen. Widgets never act on each other: they report what a person did, and the screen
decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from qa.tui.turns import TurnModel
from qa.types import Passage


@dataclass
class QuestionAsked(Message):
    """A question was typed and sent."""

    question: str


@dataclass
class CancelWanted(Message):
    """Escape was pressed while a question runs or waits."""


@dataclass
class AnswersWanted(Message):
    """The person wants to read the answers."""


@dataclass
class HistoryWanted(Message):
    """The person wants to search earlier questions."""


@dataclass
class HelpWanted(Message):
    """The person asked for help."""


@dataclass
class QuestionWanted(Message):
    """The person wants to type again."""


@dataclass
class CursorMoved(Message):
    """The cursor moved to another turn or place of the conversation."""

    turn: TurnModel | None
    place: int | None
    """0-based; None if the cursor is on the turn itself."""


@dataclass
class CursorWanted(Message):
    """The cursor should move to a place of a turn (0-based)."""

    turn: TurnModel
    place: int


@dataclass
class PlaceWanted(Message):
    """The article of a place should be opened."""

    turn: TurnModel
    place: int


@dataclass
class PassagesFound(Message):
    """The closest passages of a question, before its quotes are scored. Posted from the answerer's thread."""

    turn: TurnModel
    passages: tuple[Passage, ...]
