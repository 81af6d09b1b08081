"""What can be asked, and what the error says if it cannot."""

import pytest

from index.errors import UsageError
from qa.answering.request import MOST_CHARACTERS, check_question, parse_request
from qa.types import Turn


def test_white_space_is_folded_into_one_line() -> None:
    """A question pasted over several lines becomes one line."""
    assert check_question("  Did China\n\tcondemn\r\nit? ") == "Did China condemn it?"


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_question_is_refused(text: str) -> None:
    """A question without a character that is not white space is wrong usage."""
    with pytest.raises(UsageError, match="empty"):
        check_question(text)


def test_a_question_of_a_hundred_thousand_characters_is_refused_with_its_length() -> None:
    """A pasted document is not taken for a question."""
    with pytest.raises(UsageError, match="100,000 characters"):
        check_question("a" * 100_000)
    assert check_question("a" * MOST_CHARACTERS)


def test_a_record_carries_its_conversation_and_identifier() -> None:
    """The identifier of a record is kept, and its history is read."""
    line = '{"id": 7, "question": "And Russia?", "history": [{"q": "China?", "a": "Yes."}, {"q": "Why?"}]}'
    request = parse_request(line, as_record=True)
    assert (request.question, request.identifier) == ("And Russia?", 7)
    assert request.history == (Turn("China?", "Yes."), Turn("Why?", ""))


def test_without_records_a_brace_is_a_character_like_others() -> None:
    """A typed question may begin with a brace."""
    assert parse_request("{what}?", as_record=False).question == "{what}?"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"id": 1}',
        '{"question": 3}',
        '{"question": "a", "history": "b"}',
        '{"question": "a", "history": [{"a": "b"}]}',
        '{"question": "a", "history": [3]}',
        "{" + '"a":[' * 20_000,
    ],
)
def test_a_record_that_cannot_be_meant_is_refused(line: str) -> None:
    """The error says what is wrong with the line."""
    with pytest.raises(UsageError):
        parse_request(line, as_record=True)
