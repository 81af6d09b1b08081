"""Checks the citations of saved answers against the articles as they are now. Owns the schema of answers.

Needs no index and no model: an article is read by the same extractor as for the index, and text is compared.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from index.documents.source_files import find_files, load_file
from index.errors import UnreadableFileError, UsageError
from index.text.blocks import LineNumbers
from qa.output.safe_text import safe_line
from qa.output.words import counted, render_range

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Status = Literal["holds", "moved", "changed", "gone"]

REPORT_VERSION = 1
"""Of the JSON form of a report."""
LEAST_ALIKE = 0.6
"""Below this, the most similar text is another sentence. With its sentence removed from the article, 95 of 100 quotes
find nothing above .59 (xquad-en); with a fifth of its words replaced, a quote is still found at .71 or more.
"""
_MOST_INPUT = 64 * 2**20
"""Characters of saved answers to read."""
_MOST_COMPARED = 2_000
"""Characters of a quote to compare; a longer quote is recognised by its beginning."""
_MOST_SEARCHED = 2_000_000
"""Characters of an article, around the old place, to search for similar text (0.5 s)."""
_WINDOWS_COMPARED = 6
_WORD = re.compile(r"\w+")
_LONGEST_MESSAGE = 160


@dataclass(frozen=True, slots=True)
class Found:
    """Where the text of a citation stands now."""

    path: str
    start: int
    end: int
    line: int
    """1-based."""
    text: str
    ratio: float
    """0..1: 1.0 is the same text. Normalised similarity by insertions and deletions."""


@dataclass(frozen=True, slots=True)
class CitationCheck:
    """One citation and what became of it."""

    answer: int
    """0-based number of the answer it belongs to."""
    number: int
    path: str
    start: int
    end: int
    line: int
    quote: str
    status: Status = "gone"
    found: Found | None = None
    """The new place of a moved quote or the most similar text of a changed one; None for the others."""
    reason: str | None = None
    """Why a citation is gone."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What became of every citation, in the order of the input."""

    answers: int
    checks: tuple[CitationCheck, ...]

    @property
    def holds(self) -> bool:
        """True if every quote stands where it stood."""
        return all(check.status == "holds" for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0 if all citations hold, 1 if one does not."""
        return 0 if self.holds else 1

    @property
    def counts(self) -> dict[Status, int]:
        """Citations by status, for all four."""
        by_status = Counter(check.status for check in self.checks)
        return {status: by_status[status] for status in get_args(Status)}


def load_answer_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of `qa ask --json`, as it ships."""
    from importlib.resources import files

    schema: dict[str, Any] = json.loads((files("qa") / "schema" / "answer-1.json").read_text(encoding="utf-8"))
    return schema


def parse_answers(text: str, name: str = "the input") -> list[dict[str, Any]]:
    """Read answers of `qa ask --json` or `--jsonl`: one object, a list of objects, or one object per line.

    :param name: of the input, for error messages.
    :raises UsageError: if anything does not keep to the schema; the message names the first fault.
    """
    if len(text) > _MOST_INPUT:
        raise UsageError(
            f"{name}: is longer than {_MOST_INPUT >> 20} million characters; verify fewer answers at once."
        )
    records = _parse_records(text.removeprefix("\ufeff"), name)
    validator = _build_validator()
    for position, record in enumerate(records):
        _check_record(validator, record, name if len(records) == 1 else f"{name}, answer {position + 1}")
    return records


def _parse_records(text: str, name: str) -> list[dict[str, Any]]:
    if not text.strip():
        raise UsageError(f"{name}: is empty; save an answer with `qa ask --json`.")
    try:
        whole = _parse_json(text)
    except ValueError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) == 1:
            raise _not_json(name, error) from error
        return [_parse_line(line, f"{name}, line {number}") for number, line in lines]
    return whole if isinstance(whole, list) else [whole]


def _parse_line(line: str, name: str) -> Any:
    try:
        return _parse_json(line)
    except ValueError as error:
        raise _not_json(name, error) from error


def _not_json(name: str, error: ValueError) -> UsageError:
    fault = error.msg if isinstance(error, json.JSONDecodeError) else "a value out of range"
    return UsageError(f"{name}: is not JSON ({fault}); save an answer with `qa ask --json`.")


def _parse_json(text: str) -> Any:
    """Read JSON strictly.

    :raises ValueError: for NaN, for numbers with thousands of digits and for very deep nesting.
    """

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _build_validator() -> Validator:
    # 60 ms, and only this command checks its input against the schema.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(load_answer_schema())


def _check_record(validator: Validator, record: object, name: str) -> None:
    error = next(iter(validator.iter_errors(record)), None)
    if error is None:
        return
    message = error.message if len(error.message) <= _LONGEST_MESSAGE else f"breaks the rule '{error.validator}'"
    raise UsageError(f"{name}: {error.json_path}: {message}; save the answer again with `qa ask --json`.")


def verify_answers(answers: Sequence[Mapping[str, Any]], docs: Path) -> VerifyReport:
    """Check every citation of `answers`, as `parse_answers` returns them, in the articles of `docs`.

    Only files that indexing would find are read, each at most twice.

    :raises DocumentsError: if `docs` cannot be listed.
    """
    citations = [_build_check(number, item) for number, answer in enumerate(answers) for item in answer["citations"]]
    paths = [file.path for file in find_files(docs)[0]]
    checks = _check_in_place(citations, docs, frozenset(paths))
    lost = {position for position, check in enumerate(checks) if check.status in ("changed", "gone")}
    if lost:
        _find_elsewhere(checks, lost, docs, paths)
    return VerifyReport(len(answers), tuple(checks))


def _build_check(answer: int, citation: Mapping[str, Any]) -> CitationCheck:
    # The schema takes a number such as 3.0 for an integer.
    number, start, end, line = (int(citation[name]) for name in ("number", "start", "end", "line"))
    return CitationCheck(answer, number, citation["path"], start, end, line, citation["quote"])


def _check_in_place(citations: Sequence[CitationCheck], docs: Path, paths: frozenset[str]) -> list[CitationCheck]:
    """Check each citation against its own article, with one article in memory at a time."""
    checks = list(citations)
    by_path = sorted(range(len(checks)), key=lambda position: checks[position].path)
    for path, positions in groupby(by_path, key=lambda position: checks[position].path):
        text, reason = _read(docs, path) if path in paths else (None, "there is no such article")
        for position in positions:
            check = checks[position]
            checks[position] = replace(check, reason=reason) if text is None else _compare(check, text)
    return checks


def _read(docs: Path, path: str) -> tuple[str | None, str | None]:
    """The canonical text, or the reason why there is none."""
    try:
        return load_file(docs, path).document.text, None
    except UnreadableFileError as error:
        return None, f"the article cannot be read: {error}"


def _compare(check: CitationCheck, text: str) -> CitationCheck:
    if text[check.start : check.end] == check.quote:
        return replace(check, status="holds")
    if moved := find_nearest(check.quote, text, check.path, check.start):
        return replace(check, status="moved", found=moved)
    if similar := find_similar(check.quote, text, check.path, check.start):
        return replace(check, status="changed", found=similar)
    return replace(check, reason="the article has nothing like it")


def find_nearest(quote: str, text: str, path: str, near: int) -> Found | None:
    """The occurrence of `quote` in `text` that starts nearest to `near`; None if there is none."""
    after = text.find(quote, near)
    before = text.rfind(quote, 0, near + len(quote) - 1) if near > 0 else -1
    places = [place for place in (before, after) if place >= 0]
    if not places:
        return None
    start = min(places, key=lambda place: abs(place - near))
    return _build_found(text, path, start, start + len(quote), 1.0)


def _build_found(text: str, path: str, start: int, end: int, ratio: float) -> Found:
    return Found(path, start, end, LineNumbers(text).at(start), text[start:end], ratio)


def find_similar(quote: str, text: str, path: str, near: int) -> Found | None:
    """The text most like `quote`, on word boundaries; None if nothing reaches LEAST_ALIKE.

    The time is bounded for any length: windows are ranked by the words they share, and only the first few are aligned
    character by character.
    """
    # 20 ms, and only needed if a quote is neither in its place nor elsewhere in its article.
    from rapidfuzz import fuzz

    wanted = quote[:_MOST_COMPARED]
    best: Found | None = None
    for start, end in _rank_windows(wanted, text, near):
        found = _align(fuzz.partial_ratio_alignment, wanted, text, start, end)
        if found is None:
            continue
        ratio = fuzz.ratio(wanted, text[found[0] : found[1]]) / 100
        if ratio >= LEAST_ALIKE and (best is None or ratio > best.ratio):
            best = _build_found(text, path, *found, ratio)
    return best


def _rank_windows(wanted: str, text: str, near: int) -> list[tuple[int, int]]:
    """The ranges of `text` that share most words with `wanted`, and always the one at the old place."""
    low = max(0, min(near, len(text)) - _MOST_SEARCHED // 2)
    high = min(len(text), low + _MOST_SEARCHED)
    size = max(2 * len(wanted), 200)
    words = set(_WORD.findall(wanted.casefold()))
    windows = [(start, min(start + size, high)) for start in range(low, max(high, low + 1), size // 2)]

    def shared(window: tuple[int, int]) -> int:
        return len(words.intersection(_WORD.findall(text[slice(*window)].casefold())))

    ranked = sorted(windows, key=lambda window: (-shared(window), abs(window[0] - near)))
    at_old_place = min(windows, key=lambda window: abs((window[0] + window[1]) // 2 - near))
    return [*ranked[:_WINDOWS_COMPARED], at_old_place]


def _align(align: Callable[[str, str], Any], wanted: str, text: str, start: int, end: int) -> tuple[int, int] | None:
    """The range of the part most like `wanted` in `text[start:end]`, widened to whole words."""
    alignment = align(wanted, text[start:end])
    if alignment is None or alignment.dest_start == alignment.dest_end:
        return None
    first, last = start + alignment.dest_start, start + alignment.dest_end
    while first > start and text[first - 1].isalnum() and text[first].isalnum():
        first -= 1
    while last < end and text[last - 1].isalnum() and text[last].isalnum():
        last += 1
    while first < last and text[first].isspace():
        first += 1
    while last > first and text[last - 1].isspace():
        last -= 1
    return (first, last) if first < last else None


def _find_elsewhere(checks: list[CitationCheck], lost: set[int], docs: Path, paths: Iterable[str]) -> None:
    """Look for the lost quotes, word for word, in all other articles, in one pass over the folder.

    A renamed article has them at their old offsets, so the nearest place over all articles wins.
    """
    for path, text in _read_all(docs, paths):
        for position in lost:
            check = checks[position]
            if path == check.path or not (moved := find_nearest(check.quote, text, path, check.start)):
                continue
            before = check.found if check.status == "moved" else None
            if before is None or abs(moved.start - check.start) < abs(before.start - check.start):
                checks[position] = replace(check, status="moved", found=moved, reason=None)


def _read_all(docs: Path, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        text, _ = _read(docs, path)
        if text is not None:
            yield path, text


def render_report(report: VerifyReport) -> str:
    """One line per citation and one for all of them, safe for a terminal."""
    lines = [_render_check(check, several=report.answers > 1) for check in report.checks]
    by_status = {status: count for status, count in report.counts.items() if count}
    words = [f"{count} {'hold' if status == 'holds' and count > 1 else status}" for status, count in by_status.items()]
    counts = ", ".join(words) or "nothing to check"
    checked = f"{counted(len(report.checks), 'citation')} of {counted(report.answers, 'answer')}"
    return "\n".join([*lines, f"{checked}: {counts}"]) + "\n"


def _render_check(check: CitationCheck, *, several: bool) -> str:
    answer = f"answer {check.answer + 1} " if several else ""
    place = f"{answer}[{check.number}] {check.path}:{check.line}"
    if check.found is None:
        text = f"{place}  {check.status}" + (f": {check.reason}" if check.reason else "")
    elif check.status == "moved":
        found = check.found
        text = f"{place}  moved to {found.path}:{found.line}, {render_range(found.start, found.end)}"
    else:
        text = f"{place}  changed ({check.found.ratio:.0%} alike, line {check.found.line}): {check.found.text}"
    return safe_line(text)


def build_report_record(report: VerifyReport) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "schema": REPORT_VERSION,
        "holds": report.holds,
        "answers": report.answers,
        "counts": report.counts,
        "citations": [_check_record_of(check) for check in report.checks],
    }


def _check_record_of(check: CitationCheck) -> dict[str, Any]:
    found = check.found
    return {
        "answer": check.answer,
        "number": check.number,
        "path": check.path,
        "start": check.start,
        "end": check.end,
        "line": check.line,
        "quote": check.quote,
        "status": check.status,
        "found": None
        if found is None
        else {
            "path": found.path,
            "start": found.start,
            "end": found.end,
            "line": found.line,
            "text": found.text,
            "ratio": round(found.ratio, 4),
        },
        "reason": check.reason,
    }
