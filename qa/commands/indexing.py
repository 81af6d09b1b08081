"""`qa index`: runs a build for a person or a program, reports what it did, and shows the state of the index."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from index.errors import IndexFolderError, QaError, UnusableError, UsageError
from index.types import BuildReport, Changes, Encoder
from qa import models
from qa.diagnostics import ProgressJson, ProgressLine, render_report, tell, tell_error
from qa.output.progress import build_error_record, build_report_record, build_skipped_records
from qa.output.safe_text import safe_line
from qa.output.words import render_skipped
from qa.settings import Settings

if TYPE_CHECKING:
    from index.engines.protocols import EngineInfo
    from index.storage.snapshot import Snapshot

STATUS_VERSION = 1
"""Of the JSON form of the status; raised when a program that reads it would have to change."""


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """How to bring the index up to date."""

    rebuild: bool = False
    check: bool = False
    """Read every byte of the index first."""
    wait: bool = True
    """For another process that is indexing."""
    memory: int | None = None
    """Megabytes; None is the default of `index.updating.limits`."""
    jobs: int | None = None
    """Threads; None means all processors."""


def run_indexing(
    settings: Settings, task: Task | None = None, *, watch: bool = False, progress_json: bool = False
) -> None:
    """Bring the index up to date; with `watch`, again after each change.

    :raises QaError: if the first build fails.
    """
    from index.updating.adoption import adopt_index

    task = task or Task()
    adopt_index(settings.docs)
    load_encoder = _build_loader(settings, task)
    if progress_json:
        _run_for_program(settings, load_encoder, task)
        return
    _tell_report(_run_for_person(settings, load_encoder, task))
    if watch:
        _follow(settings, load_encoder, dataclasses.replace(task, rebuild=False, check=False, wait=True))


def _follow(settings: Settings, load_encoder: Callable[[], Encoder], task: Task) -> None:
    """Run until interrupted. An empty folder, a full disk or a file too large for the memory limit may be fine again at
    the next change, so such an error is only reported.
    """
    from index.updating.watch import watch_folder

    tell(f"watching {settings.docs}; press Ctrl-C to stop")
    for _ in watch_folder(settings.docs):
        try:
            report = _run_for_person(settings, load_encoder, task)
        except (UnusableError, UsageError) as error:
            tell_error(error)
        else:
            if report.changes:
                _tell_report(report)


def _build_loader(settings: Settings, task: Task) -> Callable[[], Encoder]:
    """Load the encoder at the first call and keep it, so that a watcher embeds the next change at once."""

    @cache
    def load() -> Encoder:
        return models.load_encoder(settings, threads=task.jobs)

    return load


def _run_for_person(settings: Settings, load_encoder: Callable[[], Encoder], task: Task) -> BuildReport:
    progress = ProgressLine()
    try:
        return _build(settings, load_encoder, progress, task)
    finally:
        progress.close()


def _tell_report(report: BuildReport) -> None:
    for line in (*render_skipped(report.skipped), render_report(report)):
        tell(line)


def _run_for_program(settings: Settings, load_encoder: Callable[[], Encoder], task: Task) -> None:
    progress = ProgressJson()
    try:
        report = _build(settings, load_encoder, progress, task)
    except QaError as error:
        progress.write(build_error_record(str(error)))
        raise
    progress.write(build_report_record(report))


def _build(
    settings: Settings,
    load_encoder: Callable[[], Encoder],
    progress: ProgressLine | ProgressJson,
    task: Task,
) -> BuildReport:
    from index.storage.folder import locate_index_folder
    from index.updating.build import refresh
    from index.updating.limits import build_limits

    return refresh(
        settings.docs,
        locate_index_folder(settings.docs),
        load_encoder,
        progress=progress,
        model=settings.model,
        rebuild=task.rebuild,
        check=task.check,
        wait=task.wait,
        notice=progress.notice,
        limits=build_limits(task.memory, task.jobs),
    )


def render_status(settings: Settings, *, as_json: bool) -> str:
    """What is indexed, stale and skipped.

    :raises IndexFolderError: if there is no index yet.
    """
    from index.storage.folder import locate_index_folder
    from index.storage.snapshot import open_snapshot
    from index.updating.freshness import find_changes

    folder = locate_index_folder(settings.docs)
    snapshot = open_snapshot(folder)
    if snapshot is None:
        raise IndexFolderError(f"{settings.docs} has no index yet; run `qa index`.")
    try:
        record = _build_status_record(settings, snapshot, find_changes(settings.docs, folder))
    finally:
        snapshot.close()
    return json.dumps(record, indent=2) + "\n" if as_json else _render_status_text(record)


def _build_status_record(settings: Settings, snapshot: Snapshot, changes: Changes) -> dict[str, object]:
    """The status as JSON values, by `qa/schema/index-status-1.json`."""
    info = snapshot.info
    return {
        "schema": STATUS_VERSION,
        "docs": str(settings.docs),
        "folder": str(snapshot.folder),
        "generation": info.generation,
        "articles": info.articles,
        "paragraphs": info.paragraphs,
        "model": info.model,
        "fingerprint": info.fingerprint,
        "dimension": info.dimension,
        "vectors": _build_engine_record(snapshot.vectors.info),
        "words": _build_engine_record(snapshot.lexical.info),
        "changes": {
            "added": list(changes.added),
            "changed": list(changes.changed),
            "renamed": [list(pair) for pair in changes.renamed],
            "deleted": list(changes.deleted),
        },
        "skipped": build_skipped_records(snapshot.skipped),
    }


def _build_engine_record(info: EngineInfo) -> dict[str, object]:
    return {"engine": info.engine, "exact": info.exact, "summary": info.summary, **info.figures}


def _render_status_text(record: dict[str, object]) -> str:
    lines = []
    for name, value in record.items():
        if name == "schema":
            continue  # for programs
        if name == "skipped" and isinstance(value, list):
            lines.append(f"skipped: {len(value)}")
            lines += [safe_line(f"  {item['path']}: {item['reason']}") for item in value]
        elif name in ("vectors", "words") and isinstance(value, dict):
            lines.append(safe_line(f"{name}: {value['engine']}, {value['summary']}"))
        elif name == "changes" and isinstance(value, dict):
            counts = ", ".join(f"{len(paths)} {kind}" for kind, paths in value.items() if paths)
            lines.append(f"changes: {counts or 'none; the index is up to date'}")
        else:
            lines.append(safe_line(f"{name}: {value}"))
    return "\n".join(lines) + "\n"
