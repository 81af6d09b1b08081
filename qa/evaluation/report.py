"""The report of a run: as text for people, as JSON for programs and for comparison with a later run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.errors import UsageError
from qa.evaluation.measures import (
    COLUMNS,
    MEASURES,
    RESAMPLES,
    Difference,
    Estimate,
    Table,
    compare_measures,
    estimate_measures,
)
from qa.evaluation.questions import Question
from qa.output.safe_text import safe_line
from qa.types import IndexInfo

REPORT_VERSION = 1
"""Version of the JSON form."""


@dataclass(frozen=True, slots=True)
class EarlierRow:
    """One question of an earlier run."""

    text: str | None
    """None if the report does not have it."""
    values: list[float]
    """In the order of COLUMNS."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """This run compared with an earlier one, over the questions they share."""

    questions: int
    measures: Mapping[str, Difference]


@dataclass(frozen=True, slots=True)
class Report:
    """The results of one run."""

    name: str
    """Name of the question file."""
    index: IndexInfo
    threshold: float
    identifiers: tuple[str, ...]
    texts: tuple[str, ...]
    """The questions."""
    table: Table
    measures: Mapping[str, Estimate]
    by_kind: Mapping[str, Mapping[str, Estimate]]
    """Empty if there is only one kind of question."""
    comparison: Comparison | None


def build_report(
    name: str,
    index: IndexInfo,
    threshold: float,
    questions: Sequence[Question],
    table: Table,
    baseline: Mapping[str, EarlierRow] | None = None,
    resamples: int = RESAMPLES,
) -> Report:
    """The estimates for all questions and for each kind.

    :param baseline: rows of an earlier run, by question id, to compare with.
    :raises UsageError: if the two runs have no question in common.
    """
    identifiers = tuple(question.identifier for question in questions)
    texts = tuple(question.text for question in questions)
    kinds = np.array([question.kind for question in questions])
    names = sorted({str(kind) for kind in kinds})
    by_kind = {kind: estimate_measures(table[kinds == kind], resamples) for kind in names} if len(names) > 1 else {}
    comparison = None if baseline is None else _compare(questions, table, baseline, resamples)
    estimates = estimate_measures(table, resamples)
    return Report(name, index, threshold, identifiers, texts, table, estimates, by_kind, comparison)


def _compare(
    questions: Sequence[Question], table: Table, baseline: Mapping[str, EarlierRow], resamples: int
) -> Comparison:
    """Compare the questions that both runs asked: those with the same id and, if the earlier run has it, text."""
    shared: list[int] = []
    before: list[list[float]] = []
    for position, question in enumerate(questions):
        earlier = baseline.get(question.identifier)
        if earlier is not None and earlier.text in (None, question.text):
            shared.append(position)
            before.append(earlier.values)
    if not shared:
        raise UsageError("the baseline and this run have no question in common; give a report of the same questions.")
    return Comparison(len(shared), compare_measures(np.array(before, dtype=np.float64), table[shared], resamples))


def load_baseline(path: Path) -> dict[str, EarlierRow]:
    """The rows of an earlier `qa eval --json`, by question id.

    :raises UsageError: if the file cannot be read or is no such report; the message names it.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        rows = record["questions"]
        return {row["id"]: EarlierRow(row.get("question"), [_number(row[name]) for name in COLUMNS]) for row in rows}
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{path}: cannot be read ({reason}); name a report of `qa eval --json`.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path}: is not a report of `qa eval --json`; make one and name it.") from error


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def build_record(report: Report) -> dict[str, Any]:
    """The report as JSON values; null marks a column that has no meaning for a question."""
    return {
        "schema": REPORT_VERSION,
        "name": report.name,
        "index": asdict(report.index),
        "threshold": report.threshold,
        "count": len(report.identifiers),
        "measures": _records(report.measures),
        "by_kind": {kind: _records(measures) for kind, measures in report.by_kind.items()},
        "comparison": None
        if report.comparison is None
        else {"questions": report.comparison.questions, "measures": _records(report.comparison.measures)},
        "questions": [
            {"id": identifier, "question": text}
            | {name: _value(value) for name, value in zip(COLUMNS, row, strict=True)}
            for identifier, text, row in zip(report.identifiers, report.texts, report.table.tolist(), strict=True)
        ],
    }


def _records(measures: Mapping[str, Estimate] | Mapping[str, Difference]) -> dict[str, dict[str, float | None]]:
    return {name: {key: _value(value) for key, value in asdict(one).items()} for name, one in measures.items()}


def _value(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def render_report(report: Report) -> str:
    """The report as text: measures with 95% intervals, overall and by kind, and the comparison with the earlier run."""
    info = report.index
    lines = [
        safe_line(
            f"{report.name}: {len(report.identifiers):,} questions over {info.articles:,} articles, "
            f"{info.paragraphs:,} paragraphs; model {info.model}, threshold {report.threshold:.2f}"
        ),
        "",
        *_render_estimates(report.measures),
    ]
    for kind, measures in report.by_kind.items():
        lines += ["", safe_line(f"kind: {kind or '(none)'}"), *_render_estimates(measures)]
    if report.comparison is not None:
        lines += ["", *_render_comparison(report.comparison)]
    return "\n".join(lines) + "\n"


def _render_estimates(measures: Mapping[str, Estimate]) -> list[str]:
    rows = []
    for measure in MEASURES:
        if (one := measures.get(measure.name)) is not None:
            value, low, high = (render_value(measure.name, number) for number in (one.value, one.low, one.high))
            rows.append(f"  {measure.name:<17} {value:>7}  [{low:>7}, {high:>7}]  {one.count:>6,}  {measure.says}")
    return rows


def _render_comparison(comparison: Comparison) -> list[str]:
    rows = [f"against the baseline, {comparison.questions:,} questions in common (* p < 0.05, paired permutation)"]
    for measure in MEASURES:
        if (one := comparison.measures.get(measure.name)) is None:
            continue
        change = one.after - one.before
        better = _judge_change(change, measure.higher_is_better)
        before, after, low, high = (
            render_value(measure.name, number) for number in (one.before, one.after, one.low, one.high)
        )
        star = "*" if one.p_value < 0.05 else " "
        rows.append(
            f"  {measure.name:<17} {before:>7} -> {after:>7}  [{low:>7}, {high:>7}]  p {one.p_value:.3f}{star} {better}"
        )
    return [row.rstrip() for row in rows]


def _judge_change(change: float, higher_is_better: bool | None) -> str:
    if change == 0 or higher_is_better is None:
        return ""
    return "better" if (change > 0) == higher_is_better else "worse"


def render_value(name: str, value: float) -> str:
    """A number with as many digits as make sense: milliseconds with none, sentences with two, shares with three."""
    if math.isnan(value):
        return "-"
    if name.endswith("_ms"):
        return f"{value:.0f}"
    return f"{value:.2f}" if name == "quote_sentences" else f"{value:.3f}"
