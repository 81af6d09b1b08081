"""What can be asked: a question from a line or a JSON object, checked before anything is opened for it. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from index.errors import UsageError
from qa.types import Turn

MOST_CHARACTERS = 10_000
"""A model reads at most about 500 words of a question; what is far longer is a document, pasted by mistake."""

_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Request:
    """One question with the conversation it is part of."""

    question: str
    history: tuple[Turn, ...] = ()
    identifier: Any = None
    """Returned with the answer; None if none was given."""


def check_question(text: str) -> str:
    """The question on one line, without outer white space.

    :raises UsageError: if it is empty or far too long.
    """
    question = _SPACES.sub(" ", text).strip()
    if not question:
        raise UsageError('the question is empty; type one, such as "Did China condemn the invasion?".')
    if len(question) > MOST_CHARACTERS:
        raise UsageError(f"the question has {len(question):,} characters; shorten it to at most {MOST_CHARACTERS:,}.")
    return question


def parse_request(line: str, *, as_record: bool) -> Request:
    """The question of a line.

    :param as_record: reads a line that starts with '{' as a JSON object.
    :raises UsageError: if the line is no question.
    """
    if not (as_record and line.lstrip().startswith("{")):
        return Request(check_question(line))
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise UsageError(f"a line starts with '{{' but is not a JSON object ({error.msg}); correct it.") from error
    except RecursionError as error:
        raise UsageError("a line holds JSON nested too deep to be a question; correct it.") from error
    question = record.get("question")
    if not isinstance(question, str):
        raise UsageError('a JSON object has no text under "question"; add it.')
    return Request(check_question(question), _parse_history(record.get("history") or []), record.get("id"))


def _parse_history(turns: Any) -> tuple[Turn, ...]:
    wrong = UsageError('"history" is not a list of {"q": text, "a": text}; correct it.')
    if not isinstance(turns, list):
        raise wrong
    parsed = []
    for turn in turns:
        if not (isinstance(turn, dict) and isinstance(turn.get("q"), str) and isinstance(turn.get("a", ""), str)):
            raise wrong
        parsed.append(Turn(turn["q"], turn.get("a", "")))
    return tuple(parsed)
