"""Question files: their format, and what a right answer to a question would be."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.errors import UsageError
from qa.answering.request import MOST_CHARACTERS
from qa.types import Turn

Place = tuple[str, int | None]
"""Path of an article and 0-based block in it; None means the whole article."""

EXCERPT_KIND = "excerpt"
"""The answers to a question of this kind are excerpts, all of which have to be found."""

# Scripts written without spaces: each character is a word of its own.
_WORD = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\\W_\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_ARTICLES = frozenset({"a", "an", "the"})
_NOT_IN_TEXTS = frozenset({" yes ", " no "})
_FIELDS = ("question", "id", "answers", "evidence", "answerable", "relevant", "kind", "history")
_LIKE = 0.8
"""Similarity (difflib) from which an unknown name counts as a misspelt one; others are ignored."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its labels."""

    identifier: str
    text: str
    answerable: bool
    answers: tuple[str, ...] = ()
    """Any one of them is right; for the kind 'excerpt', all together are."""
    relevant: tuple[Place, ...] = ()
    """Where an answer stands; empty if that is not known."""
    relevant_texts: tuple[str, ...] = ()
    kind: str = ""
    history: tuple[Turn, ...] = ()

    @property
    def extractive(self) -> bool:
        """True if the words of a quote show whether it is right: an answer is more than 'yes' or 'no' and, if the
        relevant texts are known, stands in one of them."""
        wanted = [words for words in map(normalise, self.answers) if words.strip() and words not in _NOT_IN_TEXTS]
        if not (self.answerable and wanted):
            return False
        texts = [normalise(text) for text in self.relevant_texts]
        return not texts or any(words in text for words in wanted for text in texts)

    def is_relevant(self, path: str, block: int) -> bool:
        """True if the labels name this block or the whole article."""
        return (path, block) in self.relevant or (path, None) in self.relevant


def normalise(text: str) -> str:
    """The words in lower case between single spaces, without punctuation and English articles; a space at both ends,
    so that `normalise(a) in normalise(b)` compares whole words."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return f" {' '.join(word for word in words if word not in _ARTICLES)} "


def holds_answer(quote: str, answers: Iterable[str]) -> bool:
    """True if the quote has the words of an answer, or a longer answer has the words of the quote."""
    said = normalise(quote)
    for answer in answers:
        wanted = normalise(answer)
        if wanted.strip() and (wanted in said or (said.strip() and said in wanted)):
            return True
    return False


def load_questions(path: Path) -> list[Question]:
    """Questions of a JSONL file, one object a line.

    Known names: question; id; answers (or evidence): texts; answerable; relevant: objects with doc, paragraph, text;
    kind; history: objects with q, a. Only `question` is needed. Other names are ignored, unless one looks like a
    misspelt known name.

    :raises UsageError: if the file cannot be read, or a line is wrong; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8; save it again as UTF-8.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"{path}: cannot be read ({reason}); name a file of questions, one JSON object a line."
        ) from error
    questions = list(_parse_lines(text, path))
    if not questions:
        raise UsageError(f'{path}: holds no question; write one JSON object a line, such as {{"question": "…"}}.')
    _check_identifiers(questions, path)
    return questions


def _parse_lines(text: str, path: Path) -> Iterator[Question]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield _parse_question(json.loads(line), number)
        except (json.JSONDecodeError, RecursionError) as error:
            raise UsageError(f"{path}, line {number}: is not JSON; write one JSON object a line.") from error
        except _WrongFieldError as error:
            raise UsageError(f"{path}, line {number}: {error}; correct it.") from error


class _WrongFieldError(ValueError):
    """Its message is a clause that says which field is wrong."""


def _parse_question(record: Any, number: int) -> Question:
    if not isinstance(record, dict):
        raise _WrongFieldError("is not a JSON object")
    _check_names(record)
    text = record.get("question")
    if not (isinstance(text, str) and text.strip()):
        raise _WrongFieldError('has no text under "question"')
    if len(text) > MOST_CHARACTERS:
        raise _WrongFieldError(f"has a question of {len(text):,} characters, more than {MOST_CHARACTERS:,}")
    answers = _texts(record.get("answers", record.get("evidence")) or [], "answers")
    relevant = _objects(record.get("relevant") or [], "relevant", "doc")
    return Question(
        identifier=str(record.get("id", number)),
        text=text,
        answerable=_flag(record.get("answerable", bool(answers or relevant))),
        answers=answers,
        relevant=tuple((item["doc"], _block(item.get("paragraph"))) for item in relevant),
        relevant_texts=tuple(item["text"] for item in relevant if isinstance(item.get("text"), str)),
        kind=str(record.get("kind") or ""),
        history=tuple(
            Turn(turn["q"], str(turn.get("a") or "")) for turn in _objects(record.get("history") or [], "history", "q")
        ),
    )


def _check_names(record: dict[str, Any]) -> None:
    """Refuse "answer" for "answers": the question would silently count as having no answer.

    :raises _WrongFieldError: if a name looks like a misspelt known one.
    """
    for name in record:
        near = [] if name in _FIELDS else difflib.get_close_matches(name, _FIELDS, n=1, cutoff=_LIKE)
        if near and near[0] not in record:
            raise _WrongFieldError(f'has "{name}", which is not known; "{near[0]}" is')


def _texts(value: Any, name: str) -> tuple[str, ...]:
    if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise _WrongFieldError(f'"{name}" is not a list of texts')
    return tuple(value)


def _objects(value: Any, name: str, needed: str) -> list[dict[str, Any]]:
    if not (
        isinstance(value, list) and all(isinstance(item, dict) and isinstance(item.get(needed), str) for item in value)
    ):
        raise _WrongFieldError(f'"{name}" is not a list of objects with a text under "{needed}"')
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongFieldError('"answerable" is not true or false')
    return value


def _block(value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise _WrongFieldError('"paragraph" is not a number from 0')
    return value


def _check_identifiers(questions: Sequence[Question], path: Path) -> None:
    """:raises UsageError: if two questions have the same id."""
    seen: set[str] = set()
    for question in questions:
        if question.identifier in seen:
            raise UsageError(f"{path}: two questions have the id {question.identifier}; give each its own.")
        seen.add(question.identifier)
