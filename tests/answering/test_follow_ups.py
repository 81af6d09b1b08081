"""Follow-ups: a question takes over what it lacks from the conversation, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qa.answering.follow_ups import Understood, encode_question, has_subject, needs_context, understand
from qa.types import Turn
from tests.helpers.hash_encoder import HashEncoder

if TYPE_CHECKING:
    from index.types import Vectors

_FIRST = Turn("How large was China's trade with the European Union?", "$800 billion [1]")


@pytest.mark.parametrize(
    "question",
    [
        "And with Russia?",
        "Why?",
        "Who said that?",
        "What did he announce?",
        "How long did it last?",
        "What about the United States?",
        "Since when?",
        "Is that legal?",
        "Tell me more",
        "When was this?",
    ],
)
def test_a_question_that_points_back_needs_the_conversation(question: str) -> None:
    """Pronouns without a name before them, and questions that only continue, need the earlier question."""
    assert needs_context(question)


@pytest.mark.parametrize(
    "question",
    [
        "Did China condemn the invasion?",
        "What did Zhao Lijian say about his country's concerns?",
        "Why did NATO expand?",
        "How many words did the joint statement have when it was signed?",
        "Who won the 2022 World Cup?",
        "So what is the population of Brazil in millions of people?",
        "And Russia's oil exports?",
    ],
)
def test_a_question_that_names_its_subject_takes_nothing_over(question: str) -> None:
    """A question about a new subject is asked as typed."""
    assert not needs_context(question)
    assert understand(question, (_FIRST,)).asked_as == question


def test_a_follow_up_is_asked_with_the_question_it_follows() -> None:
    """`asked_as` shows what the question took over."""
    understood = understand("And with Russia?", (_FIRST,))
    assert understood.asked_as == f"{_FIRST.question} And with Russia?"
    assert understood.question == "And with Russia?"


def test_a_chain_of_follow_ups_goes_back_to_the_question_that_stands_alone() -> None:
    """'Why?' after 'And with Russia?' is still about trade."""
    understood = understand("Why?", (_FIRST, Turn("And with Russia?", "$147 billion [1]")))
    assert "trade" in understood.asked_as


def test_of_several_questions_that_stand_alone_the_last_is_the_subject() -> None:
    """An earlier subject is left behind."""
    assert understand("Why?", (_FIRST, Turn("Who won the 2022 World Cup?", "Argentina [1]"))).context.startswith("Who")


def test_without_a_conversation_nothing_is_taken_over() -> None:
    """The first question of a conversation is asked as typed."""
    assert understand("Why?", ()).asked_as == "Why?"


@pytest.mark.parametrize(("question", "weight"), [("Did China condemn the invasion?", 0.3), ("And with Russia?", 0.9)])
def test_the_search_leans_on_the_subject_so_far(question: str, weight: float) -> None:
    """The context weighs .3 for a question that can stand alone, and .9 for one that cannot."""
    understood = understand(question, (_FIRST,))
    assert (understood.context, understood.context_weight) == (_FIRST.question, weight)
    assert understand(question, ()) == Understood(question, question)


class AxisEncoder(HashEncoder):
    """Puts the first text on the first axis and the second text on the second."""

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        self.asked = list(texts)
        return np.eye(len(texts), 2, dtype=np.float32)


@pytest.mark.parametrize(
    ("question", "vector"), [("Did China condemn the invasion?", [0.7, 0.3]), ("And with Russia?", [0.1, 0.9])]
)
def test_the_vector_is_mixed_with_that_of_the_question_in_its_context(question: str, vector: list[float]) -> None:
    """The vector is .7 of the question and .3 of it with the earlier one, or .1 and .9 if it cannot stand alone."""
    encoder = AxisEncoder()
    assert encode_question(understand(question, (_FIRST,)), encoder).tolist() == pytest.approx(vector)
    assert encoder.asked == [question, f"{_FIRST.question} {question}"]


def test_without_a_conversation_only_the_question_is_encoded() -> None:
    """The encoder gets one text."""
    encoder = AxisEncoder()
    assert encode_question(understand("Why?", ()), encoder).tolist() == [1.0, 0.0]
    assert encoder.asked == ["Why?"]


@pytest.mark.parametrize(
    ("question", "has"), [("Why?", False), ("How much did it get?", False), ("Why tides?", True), ("", False)]
)
def test_a_question_says_what_it_is_about_or_does_not(question: str, has: bool) -> None:
    """The words of a question decide if it names a subject."""
    assert has_subject(question) is has
