"""How good are the answers over a folder? Asks a file of labelled questions and measures the answers.

    questions.py, labels.py ──> run.py ──> measures.py ──> report.py
    what is right               asks,      numbers with    text, JSON,
                                resumes    intervals       comparison

Decides nothing about answers: it uses the Answerer as a face does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qa.types import Asks

if TYPE_CHECKING:
    from qa.evaluation.questions import Question
    from qa.evaluation.report import EarlierRow, Report
    from qa.evaluation.run import OnDone, PartialFile

__all__ = ["evaluate", "evaluate_file", "locate_partial_file"]


def evaluate_file(
    path: Path,
    answerer: Asks,
    *,
    docs: Path,
    threshold: float,
    baseline: Path | None = None,
    on_done: OnDone = lambda done, total: None,
    as_typed: bool = False,
    reranker: str | None = None,
    tell: Callable[[str], None] = lambda message: None,
) -> Report:
    """The report over all questions of `path`. The next call with the same input continues an interrupted run.

    :param answerer: open over `docs`, with 10 passages an answer and a threshold of 0, so that there is a quote to
        judge for every question; it must not refresh the index by itself.
    :param threshold: confidence from which a question counts as answered.
    :param baseline: a saved `qa eval --json` to compare with.
    :param on_done: gets (questions done, questions in all) after each.
    :param as_typed: takes nothing over from the questions' conversations, to measure what taking over is worth.
    :param reranker: the one the answerer was opened with; results of two are never mixed.
    :param tell: gets a sentence on labels that name something the index does not have.
    :raises UsageError: if the question file or the baseline cannot be used.
    :raises IndexStaleError: if articles changed since the index was built.
    """
    from qa.evaluation.questions import load_questions
    from qa.evaluation.report import load_baseline

    earlier = None if baseline is None else load_baseline(baseline)
    options = (str(reranker), str(threshold), str(as_typed))
    return evaluate(
        load_questions(path),
        answerer,
        name=path.name,
        threshold=threshold,
        earlier=earlier,
        partial=locate_partial_file(path, docs, options),
        on_done=on_done,
        as_typed=as_typed,
        scope=(str(path.resolve()), str(docs), *options),
        tell=tell,
    )


def evaluate(
    questions: Sequence[Question],
    answerer: Asks,
    *,
    name: str,
    threshold: float,
    earlier: Mapping[str, EarlierRow] | None = None,
    partial: Path | None = None,
    on_done: OnDone = lambda done, total: None,
    as_typed: bool = False,
    scope: tuple[str, ...] = (),
    tell: Callable[[str], None] = lambda message: None,
) -> Report:
    """The report over `questions`; see `evaluate_file`.

    :param partial: file that keeps the results of an interrupted run; None starts anew.
    :param scope: names everything the results depend on besides the questions and the index.
    :raises IndexStaleError: if articles changed since the index was built.
    """
    from qa.evaluation.labels import describe_lost_labels
    from qa.evaluation.report import build_report
    from qa.evaluation.run import build_key, build_table, refuse_stale, run_questions

    state = answerer.load_state()
    refuse_stale(state)
    if lost := describe_lost_labels(questions, answerer):
        tell(lost)
    kept = _open_partial(partial, build_key(scope, state.info, threshold, as_typed, questions), tell)
    try:
        results = run_questions(questions, answerer, threshold, kept, on_done, as_typed=as_typed)
    finally:
        if kept is not None:
            kept.close()
    report = build_report(name, state.info, threshold, questions, build_table(questions, results), earlier)
    if kept is not None:
        kept.discard()
    return report


def _open_partial(path: Path | None, key: str, tell: Callable[[str], None]) -> PartialFile | None:
    """The file of partial results; None if none is wanted or none can be written, which changes no number."""
    from qa.evaluation.run import PartialFile

    if path is None:
        return None
    try:
        return PartialFile(path, key)
    except OSError as error:
        tell(f"warning: {path} cannot be written ({error.strerror}); an interruption would lose what was done")
        return None


def locate_partial_file(questions: Path, docs: Path, options: Sequence[str] = ()) -> Path:
    """The file, in the user's cache, that keeps the results of an unfinished run over these questions and articles.

    :param options: runs with different options have different files, so that none overwrites another's.
    """
    import hashlib

    from index.cache_folder import find_cache_folder

    named = os.fsencode("\0".join((str(questions.resolve()), str(docs.resolve()), *options)))
    return find_cache_folder() / "eval" / f"{hashlib.blake2b(named, digest_size=12).hexdigest()}.jsonl"
