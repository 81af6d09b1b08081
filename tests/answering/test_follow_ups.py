"""Follow-ups: what is taken over, and that nothing is where nothing is missing."""

import pytest

from qa.answering.follow_ups import needs_context, understand
from qa.types import Turn

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
    """Pronouns without a name before them, and questions that only continue."""
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
    ],
)
def test_a_question_that_names_its_subject_takes_nothing_over(question: str) -> None:
    """A change of subject starts afresh."""
    assert not needs_context(question)
    assert understand(question, (_FIRST,)).asked_as == question


def test_a_follow_up_is_asked_with_the_question_it_follows() -> None:
    """What it took over can be read."""
    understood = understand("And with Russia?", (_FIRST,))
    assert understood.asked_as == f"{_FIRST.question} And with Russia?"
    assert understood.question == "And with Russia?"


def test_a_chain_of_follow_ups_goes_back_to_the_question_that_stands_alone() -> None:
    """'Why?' after 'And with Russia?' is still about trade."""
    understood = understand("Why?", (_FIRST, Turn("And with Russia?", "$147 billion [1]")))
    assert "trade" in understood.asked_as


def test_without_a_conversation_nothing_is_taken_over() -> None:
    """The first question is asked as typed."""
    assert understand("Why?", ()).asked_as == "Why?"
