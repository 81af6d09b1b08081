"""What widgets tell the screen. Widgets never act on each other: they say what a person did, and the screen decides."""

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
    """Escape was pressed where one types."""


@dataclass
class AnswersWanted(Message):
    """A person wants to read."""


@dataclass
class HistoryWanted(Message):
    """The questions once typed are to be searched."""


@dataclass
class HelpWanted(Message):
    """Help for what has the focus was asked for."""


@dataclass
class QuestionWanted(Message):
    """A person wants to type again."""


@dataclass
class CursorMoved(Message):
    """Another turn or place of the conversation is the current one."""

    turn: TurnModel | None
    place: int | None
    """0-based; None where the turn itself is meant."""


@dataclass
class CursorWanted(Message):
    """The cursor is to go to a place of a turn (0-based)."""

    turn: TurnModel
    place: int


@dataclass
class PlaceWanted(Message):
    """A place in an article is to be opened."""

    turn: TurnModel
    place: int


@dataclass
class PassagesFound(Message):
    """The closest passages of a question, before its quotes are scored; posted from the answerer's thread."""

    turn: TurnModel
    passages: tuple[Passage, ...]
