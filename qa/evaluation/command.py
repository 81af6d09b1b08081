"""`qa eval`: opens an answerer as measuring needs it, shows progress, and renders the report."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from qa.answerer import open_answerer
from qa.answering.confidence import choose_threshold
from qa.diagnostics import ProgressLine, tell
from qa.evaluation import evaluate_file
from qa.evaluation.measures import RANKED
from qa.evaluation.report import Report, build_record, render_report
from qa.output.render import render_record
from qa.output.words import render_seconds
from qa.settings import Settings


def run_evaluation(
    settings: Settings, questions: Path, *, baseline: Path | None, as_json: bool, as_typed: bool = False
) -> str:
    """The report over `questions`, as text or JSON.

    Never refreshes the index: if it changed during the run, its numbers would be of no state of the articles. Asks with
    a threshold of 0, so that every question has a quote to judge, and counts as answered what the chosen threshold
    would have answered.

    :raises UsageError: if the question file or the baseline cannot be used.
    :raises UnusableError: if documents, models or index cannot be used.
    """
    asking = replace(settings, passages=max(RANKED, settings.passages), threshold=0.0, refresh=False)
    threshold = choose_threshold(settings.threshold)
    line = _QuestionsLine()
    answerer = open_answerer(asking, tell=tell)
    try:
        report = evaluate_file(
            questions,
            answerer,
            docs=settings.docs,
            threshold=threshold,
            baseline=baseline,
            on_done=line,
            as_typed=as_typed,
            reranker=settings.reranker,
            tell=tell,
        )
    except KeyboardInterrupt:
        line.close()
        tell("The results so far are kept; run the same command again to go on.")
        raise
    finally:
        line.close()
        answerer.close()
    return render_evaluation(report, as_json=as_json)


def render_evaluation(report: Report, *, as_json: bool) -> str:
    """The report as it is printed."""
    return render_record(build_record(report)) + "\n" if as_json else render_report(report)


class _QuestionsLine:
    """Progress of a run on stderr: questions done, rate, time left."""

    def __init__(self) -> None:
        self._line = ProgressLine()
        self._began: float | None = None
        self._first = 0

    def __call__(self, done: int, total: int) -> None:
        """Draw the line; what an earlier run did does not count for the rate."""
        now = time.monotonic()
        if self._began is None:
            self._began, self._first = now, done
        rate = (done - self._first) / (now - self._began) if now > self._began else 0.0
        left = f"  {rate:.1f}/s  {render_seconds((total - done) / rate)} left" if rate else ""
        self._line.draw(f"Asking  {done:,}/{total:,} questions{left}", "asking")

    def close(self) -> None:
        """Clear the line."""
        self._line.close()
