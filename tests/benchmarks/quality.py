"""Measures answers over all evaluation sets and rewrites the table of tests/benchmarks/README.md.

    python -m tests.benchmarks.quality                        all sets, all questions; rewrites the table
    python -m tests.benchmarks.quality --sets squad2-dev,news-dev --limit 200    a sample; prints the table only
    python -m tests.benchmarks.quality --baseline FOLDER      compares with the reports of an earlier run

The sets are in ../shared, or where QA_SHARED points. Nothing is written there: articles are copied to --cache, which
also keeps the indexes and the reports (a JSON file for each set). An interrupted run resumes where it stopped.
"""

from __future__ import annotations

import argparse
import filecmp
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from index.errors import QaError
from qa.answerer import open_answerer
from qa.answering.confidence import choose_threshold
from qa.evaluation import evaluate
from qa.evaluation.command import render_evaluation
from qa.evaluation.measures import RANKED
from qa.evaluation.questions import Question, load_questions
from qa.evaluation.report import Report, load_baseline, render_report, render_value
from qa.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = Path(__file__).with_name("README.md")
SHARED = Path(os.environ.get("QA_SHARED", ROOT.parent / "shared"))
MARKS = ("<!-- quality -->", "<!-- /quality -->")
COLUMNS = {
    "hit@1": "hit@1",
    "hit@5": "hit@5",
    "mrr@10": "MRR@10",
    "ndcg@10": "nDCG@10",
    "excerpts@5": "excerpts@5",
    "quote_holds": "quote holds",
    "quote_sentences": "sentences",
    "quote_exact": "exact",
    "coverage": "answered",
    "answer_precision": "right of answered",
    "decline_recall": "declined of unanswerable",
    "auroc": "AUROC",
    "aurc": "AURC",
    "ece": "ECE",
    "median_ms": "median ms",
    "p95_ms": "p95 ms",
}
"""Measure -> heading of its column."""


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A folder of articles with a file of questions."""

    name: str
    docs: Path
    questions: Path


def find_sets(shared: Path) -> list[EvaluationSet]:
    """The sets under `shared`: eval/NAME/docs with eval/NAME/questions.jsonl, and articles/."""
    sets = [
        EvaluationSet(path.parent.name, path.parent / "docs", path)
        for path in sorted(shared.glob("eval/*/questions.jsonl"))
    ]
    own = shared / "articles"
    return [EvaluationSet("articles", own, own / "questions.jsonl"), *sets] if own.is_dir() else sets


def copy_docs(source: Path, target: Path) -> None:
    """Makes `target` hold exactly the articles of `source`. A file that did not change is left alone."""
    target.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in source.iterdir() if path.is_file() and path.suffix != ".jsonl"}
    for path in target.iterdir():
        if path.is_file() and path.name not in names:
            path.unlink()
    for name in names:
        if not (target / name).exists() or not filecmp.cmp(source / name, target / name, shallow=False):
            shutil.copyfile(source / name, target / name)


def sample(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """At most `limit` of the questions, spread evenly over the file. They are always the same ones."""
    if limit is None or limit >= len(questions):
        return list(questions)
    return [questions[(position * len(questions)) // limit] for position in range(limit)]


def measure_set(chosen: EvaluationSet, options: argparse.Namespace) -> Report:
    """The report of one set. Its JSON is kept in the cache."""
    docs = options.cache / "sets" / chosen.name
    copy_docs(chosen.docs, docs)
    base = Settings(docs=docs.resolve(), reranker=options.reranker, model=options.model)
    open_answerer(base, tell=say).close()
    questions = sample(load_questions(chosen.questions), options.limit)
    answerer = open_answerer(replace(base, passages=RANKED, threshold=0.0, refresh=False), tell=say)
    baseline = options.baseline / f"{chosen.name}.json" if options.baseline else None
    try:
        report = evaluate(
            questions,
            answerer,
            name=chosen.name,
            threshold=choose_threshold(options.threshold),
            earlier=load_baseline(baseline) if baseline is not None and baseline.exists() else None,
            partial=options.cache / "partial" / f"{chosen.name}.jsonl",
            on_done=build_ticker(chosen.name),
            as_typed=options.as_typed,
            scope=(chosen.name, str(options.reranker), str(options.model)),
        )
    finally:
        answerer.close()
    options.reports.mkdir(parents=True, exist_ok=True)
    (options.reports / f"{chosen.name}.json").write_text(render_evaluation(report, as_json=True), encoding="utf-8")
    return report


def say(message: str) -> None:
    """Prints one line to stderr."""
    print(message, file=sys.stderr, flush=True)


def build_ticker(name: str) -> Callable[[int, int], None]:
    """A function that reports every ten seconds how far a set is."""
    last = time.monotonic()

    def tick(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 10 or done == total:
            last = time.monotonic()
            say(f"{name}: {done}/{total}")

    return tick


def render_row(report: Report) -> str:
    """A line of the table, with '-' for a measure that has no meaning for the set."""
    cells = [report.name, f"{len(report.identifiers):,}"]
    for name in COLUMNS:
        one = report.measures.get(name)
        cells.append(render_value(name, math.nan if one is None else one.value))
    return f"| {' | '.join(cells)} |"


def render_table(rows: Mapping[str, str]) -> str:
    """The table with its heading, sorted by set."""
    heads = ["set", "questions", *COLUMNS.values()]
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *(rows[name] for name in sorted(rows))])


def read_rows(text: str) -> dict[str, str]:
    """The rows between the marks, by set."""
    inside = text.split(MARKS[0])[1].split(MARKS[1])[0]
    lines = [line for line in inside.splitlines() if line.startswith("| ")][1:]
    return {line.split("|")[1].strip(): line for line in lines}


def rewrite_table(rows: Mapping[str, str]) -> None:
    """Writes the rows into the README. Rows of sets that were not run stay as they are."""
    text = README.read_text(encoding="utf-8")
    merged = read_rows(text) | rows
    before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
    README.write_text(f"{before}{MARKS[0]}\n{render_table(merged)}\n{MARKS[1]}{after}", encoding="utf-8")


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", help="names with commas between them; all where left out")
    parser.add_argument("--limit", type=int, help="at most so many questions of each set, evenly over it")
    parser.add_argument("--cache", type=Path, default=ROOT / ".benchmarks", help="copies, indexes, unfinished runs")
    parser.add_argument("--reports", type=Path, help="where the JSON reports go; CACHE/reports where left out")
    parser.add_argument("--baseline", type=Path, help="folder of JSON reports to compare with")
    parser.add_argument("--reranker", help="like `qa --reranker`")
    parser.add_argument("--model", help="like `qa --model`")
    parser.add_argument("--threshold", type=float, help="like `qa ask --threshold`")
    parser.add_argument("--as-typed", action="store_true", help="take nothing over from conversations")
    parser.add_argument("--no-write", action="store_true", help="leave the README as it is (so does --limit)")
    options = parser.parse_args(arguments)
    options.reports = options.reports or options.cache / "reports"
    return options


def main() -> None:
    """Runs the chosen sets one after the other."""
    options = parse_options()
    sets = find_sets(SHARED)
    wanted = options.sets.split(",") if options.sets else [one.name for one in sets]
    if unknown := set(wanted) - {one.name for one in sets}:
        raise SystemExit(f"no set of that name under {SHARED}: {', '.join(sorted(unknown))}")
    rows = {}
    for one in sets:
        if one.name not in wanted:
            continue
        try:
            report = measure_set(one, options)
        except QaError as error:
            say(f"{one.name}: left out: {error}")
            continue
        print(render_report(report), flush=True)
        rows[one.name] = render_row(report)
    print(render_table(rows))
    if options.limit is None and not options.no_write:
        rewrite_table(rows)


if __name__ == "__main__":
    main()
