"""Asks every question once and records the results, which survive an interruption, and builds a table of them.

Each result is appended to a partial file at once, under a key that names everything it depends on (questions,
generation, model, options, this program's own files), so that results of two systems are never mixed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from index.errors import IndexStaleError, StorageError
from index.text.sentences import split_sentences
from qa.evaluation.measures import COLUMNS, RANKED, Table
from qa.evaluation.questions import EXCERPT_KIND, Place, Question, holds_answer, normalise
from qa.evaluation.ranking import RANKING_COLUMNS, score_rankings
from qa.output.changes import name_changed
from qa.types import Answer, Asks, Citation, IndexState, Passage

OnDone = Callable[[int, int], None]
"""Gets (questions done, questions in all)."""

COVERING = 5
"""Number of first passages that may cover an excerpt."""
_ARTICLES_KEPT = 64


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one question; None in a field that has no meaning for it."""

    identifier: str
    answered: bool
    confidence: float
    ms: float
    """Milliseconds of wall time."""
    ranking: tuple[Place, ...]
    """Places of at most RANKED passages, best first."""
    cited: tuple[Place, ...]
    """Places of the citations, in their order."""
    quote_holds: bool | None
    quote_sentences: int | None
    quote_exact: float | None
    """Share of the citations with `canonical[start:end] == quote`."""
    excerpts: float | None
    """Share of the labelled excerpts that the first COVERING passages cover."""


def run_questions(
    questions: Sequence[Question],
    answerer: Asks,
    threshold: float,
    partial: PartialFile | None,
    on_done: OnDone,
    *,
    as_typed: bool = False,
) -> list[Result]:
    """A result for each question, in order.

    :param answerer: should list RANKED passages and give an answer whatever its confidence.
    :param threshold: confidence from which a question counts as answered.
    :param partial: its results are not asked for again, and new ones are added.
    :param on_done: gets (questions done, questions in all) after each.
    :param as_typed: takes nothing over from the questions' conversations.
    :raises IndexStaleError: if the articles differ from the index, before or after the run.
    """
    refuse_stale(answerer.load_state())
    done = {result.identifier: result for result in (partial.results if partial else ())}
    waiting = [question for question in questions if question.identifier not in done]
    if waiting:
        # The first question also loads the models, so it is asked twice and the second time counts.
        answerer.ask(waiting[0].text, waiting[0].history, as_typed=as_typed)
    articles = _Articles(answerer)
    for question in waiting:
        began = time.perf_counter()
        answer = answerer.ask(question.text, question.history, as_typed=as_typed)
        result = _judge(question, answer, (time.perf_counter() - began) * 1000, threshold, articles)
        done[question.identifier] = result
        if partial is not None:
            partial.append(result)
        on_done(len(done), len(questions))
    refuse_stale(answerer.load_state())
    return [done[question.identifier] for question in questions]


def refuse_stale(state: IndexState) -> None:
    """Refuse to measure an index that differs from the articles.

    :raises IndexStaleError: if articles changed since the index was built.
    """
    if state.changes:
        raise IndexStaleError(f"{name_changed(state.changes)} changed since the index was built; run `qa index` first.")


def _judge(question: Question, answer: Answer, ms: float, threshold: float, articles: _Articles) -> Result:
    first = answer.citations[0] if answer.citations else None
    return Result(
        identifier=question.identifier,
        answered=answer.answered and answer.confidence >= threshold,
        confidence=answer.confidence,
        ms=ms,
        ranking=tuple((passage.path, passage.paragraph) for passage in answer.passages[:RANKED]),
        cited=tuple((citation.path, citation.paragraph) for citation in answer.citations),
        quote_holds=_judge_quote(question, first),
        quote_sentences=len(split_sentences(first.quote)) if first else None,
        quote_exact=_judge_exactness(answer, articles),
        excerpts=_judge_excerpts(question, answer.passages[:COVERING], articles),
    )


class _Articles:
    """Canonical texts of the open generation; the last few are cached."""

    def __init__(self, answerer: Asks) -> None:
        self.load = lru_cache(_ARTICLES_KEPT)(lambda path: answerer.load_article(path).text)


def _judge_quote(question: Question, first: Citation | None) -> bool | None:
    if not question.extractive:
        return None
    return first is not None and holds_answer(first.quote, question.answers)


def _judge_exactness(answer: Answer, articles: _Articles) -> float | None:
    exact = [articles.load(one.path)[one.start : one.end] == one.quote for one in answer.citations]
    return sum(exact) / len(exact) if exact else None


def _judge_excerpts(question: Question, passages: Sequence[Passage], articles: _Articles) -> float | None:
    if question.kind != EXCERPT_KIND or not question.answers:
        return None
    paths = list(dict.fromkeys(path for path, _ in question.relevant))
    texts = {path: articles.load(path) for path in paths}
    covered = [is_covered(excerpt, texts, passages) for excerpt in question.answers]
    return sum(covered) / len(covered)


def is_covered(excerpt: str, texts: dict[str, str], passages: Sequence[Passage]) -> bool:
    """True if every word of an occurrence of `excerpt` stands in one of the passages."""
    for path, text in texts.items():
        ranges = [(passage.start, passage.end) for passage in passages if passage.path == path]
        start = text.find(excerpt)
        while start >= 0:
            if _covers(ranges, text, start, start + len(excerpt)):
                return True
            start = text.find(excerpt, start + 1)
    # An excerpt may differ from the text in white space and typographic marks: then its words decide.
    return any(normalise(excerpt) in normalise(passage.text) for passage in passages if passage.path in texts)


def _covers(ranges: Iterable[tuple[int, int]], text: str, start: int, end: int) -> bool:
    place = start
    for first, last in sorted(ranges):
        if first <= place or not text[place:first].strip():
            place = max(place, last)
        if place >= end:
            return True
    return not text[place:end].strip()


def build_table(questions: Sequence[Question], results: Sequence[Result]) -> Table:
    """The table, (n, len(COLUMNS)) float64, with a row for each question; see `measures`."""
    rankings = score_rankings(questions, [result.ranking for result in results])
    rows = [
        _build_row(question, result, ranking or {})
        for question, result, ranking in zip(questions, results, rankings, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(COLUMNS))


def _build_row(question: Question, result: Result, ranking: dict[str, float]) -> list[float]:
    ranked: dict[str, float | None] = {name: ranking.get(name) for name in RANKING_COLUMNS}
    values = ranked | {
        "excerpts@5": result.excerpts,
        "quote_holds": result.quote_holds,
        "quote_sentences": result.quote_sentences,
        "quote_exact": result.quote_exact,
        "answerable": question.answerable,
        "answered": result.answered,
        "confidence": result.confidence,
        "right": judge_right(question, result),
        "ms": result.ms,
    }
    return [np.nan if (value := values[name]) is None else float(value) for name in COLUMNS]


def judge_right(question: Question, result: Result) -> bool | None:
    """Whether an answer to `question` is right: by the words of the first quote if they can decide, otherwise by its
    place.

    :return: None if the question is answerable but nothing says what is right.
    """
    if not question.answerable:
        return False
    if result.quote_holds is not None:
        return result.quote_holds
    if not question.relevant:
        return None
    places = [place for place in (result.cited or result.ranking)[:1] if place[1] is not None]
    return any(question.is_relevant(path, block or 0) for path, block in places)


class PartialFile:
    """The results of a run so far: the run's key, then a JSON object a line."""

    def __init__(self, path: Path, key: str) -> None:
        """Read what an earlier run with the same key left in `path`, or start anew.

        :raises OSError: if the file cannot be written.
        """
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.results = _load_results(path, key)
        self._file = self._start(key)

    def _start(self, key: str) -> IO[str]:
        """Rewrite what was read, so that no line cut short by a crash is continued."""
        temporary = self._path.with_suffix(".tmp")
        lines = [json.dumps({"key": key}), *(json.dumps(asdict(result)) for result in self.results)]
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        temporary.replace(self._path)
        return self._path.open("a", encoding="utf-8")

    def append(self, result: Result) -> None:
        """Add a line and hand it to the system, so that it outlives this process.

        :raises StorageError: if the system refuses to write.
        """
        try:
            self._file.write(json.dumps(asdict(result)) + "\n")
            self._file.flush()
        except OSError as error:
            raise StorageError(
                f"{self._path} cannot be written ({error.strerror}); make room and run the same command again to go on."
            ) from error

    def close(self) -> None:
        """Keep the file for the next run."""
        self._file.close()

    def discard(self) -> None:
        """Remove the file: the run is complete."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _load_results(path: Path, key: str) -> list[Result]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if _parse(lines[0]) != {"key": key}:
        return []
    results = [_build_result(record) for line in lines[1:] if (record := _parse(line)) is not None]
    return [result for result in results if result is not None]


def _parse(line: str) -> Any:
    """The value of a line; None if the line was cut short."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _build_result(record: Any) -> Result | None:
    if not isinstance(record, dict) or set(record) != {field.name for field in fields(Result)}:
        return None
    places = {name: tuple((path, block) for path, block in record[name]) for name in ("ranking", "cited")}
    return Result(**(record | places))


def build_key(*parts: object) -> str:
    """The name of a run: a hash of `parts` and of this program's own files, on which the results depend too."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(repr(part).encode("utf-8", "surrogatepass") + b"\0")
    here = Path(__file__).resolve().parents[1]
    for package in (here, here.parent / "index"):
        for path in sorted(package.rglob("*")):
            if path.is_file() and path.suffix in (".py", ".json", ".onnx"):
                status = path.stat()
                digest.update(f"{path}:{status.st_size}:{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
