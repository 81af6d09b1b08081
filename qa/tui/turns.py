"""One question on the screen: the model that widgets draw and that only the event loop changes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum

from qa.sessions.store import SavedTurn, TurnState
from qa.types import Answer, Citation, Passage, TextRange


class Stage(StrEnum):
    """What a waiting question waits for, in the words that a person reads."""

    QUEUED = "waiting for the question before it"
    LOADING = "waiting for the index and the models"
    SEARCHING = "searching"
    READING = "reading the closest passages"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in an article to go to: a citation, or a passage close to the question."""

    path: str
    title: str
    date: str | None
    heading: str | None
    label: str
    """'path:line', with the page if there is one."""
    line: int
    """1-based."""
    start: int
    end: int
    text: str
    """`canonical[start:end]`"""
    around: TextRange
    """The paragraph it is in."""
    score: float
    """0..1; higher is better."""
    number: int | None
    """Of the citation; None for a passage."""
    answer_span: TextRange | None = None
    also_in: tuple[str, ...] = ()
    """Paths of other articles that say it in the same words."""


@dataclass(slots=True, eq=False)
class TurnModel:
    """One question and its outcome so far."""

    turn_id: int
    """0 if it could not be saved."""
    question: str
    as_typed: bool = False
    state: TurnState = TurnState.WAITING
    stage: Stage = Stage.QUEUED
    passages: tuple[Passage, ...] = ()
    answer: Answer | None = None
    message: str | None = None
    note: str | None = None
    """What was not up to date when it was answered."""
    unfolded: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def places(self) -> tuple[Place, ...]:
        """The places to go to, in the order shown: citations, or passages once they are unfolded."""
        if self.answer is not None and self.answer.answered:
            return tuple(place_of_citation(citation) for citation in self.answer.citations)
        if self.answer is not None and self.unfolded:
            return self.closest
        return ()

    @property
    def closest(self) -> tuple[Place, ...]:
        """The closest passages, shown or not."""
        passages = self.answer.passages if self.answer is not None else self.passages
        return tuple(place_of_passage(passage) for passage in passages)

    @property
    def can_fold(self) -> bool:
        """True if there is no answer, but there are passages close to the question, shown or not."""
        return self.answer is not None and not self.answer.answered and bool(self.answer.passages)

    @property
    def is_waiting(self) -> bool:
        """True until there is an answer or an error, or the question is cancelled."""
        return self.state is TurnState.WAITING


def turn_from_saved(saved: SavedTurn) -> TurnModel:
    """A turn of an earlier run. A question that never got its answer counts as cancelled, so it can be asked again."""
    state, message = saved.state, saved.message
    if state is TurnState.WAITING:
        state = TurnState.CANCELLED
    elif saved.answer is None and state in {TurnState.ANSWERED, TurnState.DECLINED}:
        state, message = TurnState.FAILED, "this answer was saved by another version of qa; ask again."
    return TurnModel(saved.turn_id, saved.question, saved.as_typed, state=state, answer=saved.answer, message=message)


def place_of_citation(citation: Citation) -> Place:
    """A citation as a place to go to."""
    return Place(
        citation.path,
        citation.title,
        citation.date,
        citation.heading,
        citation.label,
        citation.line,
        citation.start,
        citation.end,
        citation.quote,
        citation.passage,
        citation.score,
        citation.number,
        citation.answer_span,
        tuple(location.path for location in citation.also_in),
    )


def place_of_passage(passage: Passage) -> Place:
    """A passage as a place to go to."""
    return Place(
        passage.path,
        passage.title,
        passage.date,
        passage.heading,
        passage.label,
        passage.line,
        passage.start,
        passage.end,
        passage.text,
        TextRange(passage.start, passage.end, passage.text),
        passage.score,
        None,
    )
