"""How far a build is: in words for people, and as the JSON lines of `qa index --progress-json` for programs.

The writer of those lines (`qa index`) and their reader (the app) meet here, so that they cannot disagree. The form is
described by `qa/schema/index-progress-1.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from index.types import BuildReport, Progress, Skipped
from qa.output.words import render_seconds

SCHEMA_VERSION = 1
"""Of the lines of `--progress-json`; raised when a program that reads them would have to change."""
_PROGRESS_FIELDS = ("stage", "articles_done", "articles_total", "paragraphs_done", "paragraphs_total", "seconds")


@dataclass(frozen=True, slots=True)
class IndexingReport:
    """What an indexing process reports at its end."""

    generation: int
    articles: int
    paragraphs: int
    embedded: int
    skipped: tuple[Skipped, ...]


def find_counts(progress: Progress) -> tuple[int, int, str]:
    """How many of what are done: (done, total, 'articles' or 'paragraphs')."""
    if progress.stage == "reading":
        return progress.articles_done, progress.articles_total, "articles"
    return progress.paragraphs_done, progress.paragraphs_total, "paragraphs"


def find_share(progress: Progress) -> float:
    """0..1: how much of the stage is done."""
    done, total, _ = find_counts(progress)
    return done / total if total else 0.0


def render_pace(progress: Progress) -> list[str]:
    """Rate and time left, if they are known yet: ['120/s', '0:07 left']."""
    parts: list[str] = []
    if progress.stage != "reading":
        if progress.rate:
            parts.append(f"{progress.rate:,.0f}/s")
        if progress.seconds_left is not None:
            parts.append(f"{render_seconds(progress.seconds_left)} left")
    return parts


def build_progress_record(progress: Progress) -> dict[str, Any]:
    """One line while the build runs."""
    return {"schema": SCHEMA_VERSION, **{name: getattr(progress, name) for name in _PROGRESS_FIELDS}}


def build_report_record(report: BuildReport) -> dict[str, Any]:
    """The last line of a build that succeeded."""
    return {
        "schema": SCHEMA_VERSION,
        "done": True,
        "generation": report.generation,
        "articles": report.articles,
        "paragraphs": report.paragraphs,
        "embedded": report.embedded,
        "skipped": build_skipped_records(report.skipped),
    }


def build_error_record(message: str) -> dict[str, Any]:
    """The last line of a build that failed."""
    return {"schema": SCHEMA_VERSION, "error": message}


def build_notice_record(message: str) -> dict[str, Any]:
    """A sentence on the way: another process is indexing, damaged files are made again."""
    return {"schema": SCHEMA_VERSION, "notice": message}


def build_skipped_records(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    """Files that are not in the index, as JSON values."""
    return [{"path": item.path, "reason": item.reason} for item in skipped]


def read_progress(record: dict[str, Any]) -> Progress:
    """Read what `build_progress_record` wrote."""
    return Progress(
        stage=str(record.get("stage", "")),
        articles_done=int(record.get("articles_done", 0)),
        articles_total=int(record.get("articles_total", 0)),
        paragraphs_done=int(record.get("paragraphs_done", 0)),
        paragraphs_total=int(record.get("paragraphs_total", 0)),
        seconds=float(record.get("seconds", 0.0)),
    )


def read_report(record: dict[str, Any]) -> IndexingReport:
    """Read what `build_report_record` wrote."""
    return IndexingReport(
        generation=int(record.get("generation", 0)),
        articles=int(record.get("articles", 0)),
        paragraphs=int(record.get("paragraphs", 0)),
        embedded=int(record.get("embedded", 0)),
        skipped=tuple(Skipped(str(item["path"]), str(item["reason"])) for item in record.get("skipped", ())),
    )
