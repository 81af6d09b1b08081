"""`qa eval`: measures against cases worked out by hand, question files, resuming, and the comparison of two runs."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import UsageError
from qa.answerer import Answerer, open_answerer
from qa.evaluation import evaluate, evaluate_file, locate_partial_file
from qa.evaluation.labels import describe_lost_labels
from qa.evaluation.measures import (
    COLUMNS,
    MEASURES,
    Table,
    compare_measures,
    compute_aurc,
    compute_auroc,
    compute_calibration_error,
    estimate_measures,
)
from qa.evaluation.questions import Question, holds_answer, load_questions
from qa.evaluation.ranking import score_rankings
from qa.evaluation.report import Report, build_record, build_report, load_baseline, render_report
from qa.evaluation.run import PartialFile, Result, build_key, build_table, is_covered, judge_right
from qa.settings import Settings
from qa.types import IndexInfo, Passage, Turn
from tests.helpers.places import ROOT

INFO = IndexInfo(3, 2, 9, "model")


def build_rows(**columns: list[float]) -> Table:
    count = len(next(iter(columns.values())))
    table = np.full((count, len(COLUMNS)), np.nan)
    for name, values in columns.items():
        table[:, COLUMNS.index(name.replace("_at_", "@"))] = values
    return table


def compute(name: str, table: Table) -> float:
    return next(measure for measure in MEASURES if measure.name == name).compute(table)


def build_result(identifier: str = "q", **fields: Any) -> Result:
    known = {
        "answered": True,
        "confidence": 0.75,
        "ms": 10.0,
        "ranking": (("a.txt", 1), ("a.txt", 2)),
        "cited": (("a.txt", 1),),
        "quote_holds": True,
        "quote_sentences": 1,
        "quote_exact": 1.0,
        "excerpts": None,
    }
    return Result(identifier, **(known | fields))


def test_rankings_worked_out_by_hand() -> None:
    """Hits, reciprocal rank and nDCG are those of the textbook, one question at a time."""
    questions = [
        Question("1", "?", True, relevant=(("a", 1),)),
        Question("2", "?", True, relevant=(("a", 1), ("b", 7))),
        Question("3", "?", True, relevant=(("a", 1),)),
        Question("4", "?", False),
        Question("5", "?", True, relevant=(("a", 1),)),
    ]
    rankings = [
        [("a", 1), ("a", 2)],
        [("c", 0), ("b", 7), ("x", 1), ("a", 1)],
        [("x", i) for i in range(10)] + [("a", 1)],
        [("a", 1)],
        [],
    ]
    scores = score_rankings(questions, rankings)
    assert scores[0] == {"hit@1": 1, "hit@5": 1, "hit@10": 1, "mrr@10": 1, "ndcg@10": 1}
    assert scores[1] is not None
    ideal = 1 + 1 / math.log2(3)
    assert scores[1]["ndcg@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert (scores[1]["hit@1"], scores[1]["hit@5"], scores[1]["mrr@10"]) == (0, 1, 0.5)
    assert scores[2] == {"hit@1": 0, "hit@5": 0, "hit@10": 0, "mrr@10": 0, "ndcg@10": 0}
    assert scores[3] is None
    assert scores[4] == scores[2]


def test_a_label_of_a_whole_article_counts_it_once() -> None:
    """If the label names an article, all its passages are one place. Pieces of a block are one place too."""
    questions = [Question("1", "?", True, relevant=(("b", None),)), Question("2", "?", True, relevant=(("b", 3),))]
    ranking = [("a", 1), ("a", 1), ("b", 4), ("b", 3)]
    first, second = score_rankings(questions, [ranking, ranking])
    assert first is not None
    assert second is not None
    assert (first["mrr@10"], second["mrr@10"]) == (0.5, pytest.approx(1 / 3))


def test_auroc_worked_out_by_hand() -> None:
    """Of the six pairs, four are in order and one is a tie: 4.5 / 6."""
    table = build_rows(answerable=[1, 1, 0, 0, 1], confidence=[0.9, 0.5, 0.5, 0.1, 0.3])
    assert compute_auroc(table) == pytest.approx(4.5 / 6)
    assert math.isnan(compute_auroc(table[:2]))


def test_aurc_worked_out_by_hand() -> None:
    """The risks at each coverage are 0, 0, 1/3, 2/4, and their mean is 5/24. Tied questions share their errors."""
    table = build_rows(right=[1, 1, 0, 0], confidence=[0.9, 0.8, 0.7, 0.6])
    assert compute_aurc(table) == pytest.approx(5 / 24)
    tied = build_rows(right=[1, 0], confidence=[0.5, 0.5])
    assert compute_aurc(tied) == pytest.approx(0.5)


def test_calibration_error_worked_out_by_hand() -> None:
    """There are two bins: |0.85 - 0.5| for two questions, |0.2 - 0| for one. A confidence of 1.0 is in the last bin."""
    table = build_rows(right=[1, 0, 0], confidence=[0.86, 0.84, 0.2])
    assert compute_calibration_error(table) == pytest.approx((2 * 0.35 + 0.2) / 3)
    assert compute_calibration_error(build_rows(right=[1], confidence=[1.0])) == 0


def test_abstention_worked_out_by_hand() -> None:
    """Precision and recall of answering and of declining, from four questions."""
    table = build_rows(
        answerable=[1, 1, 1, 0], answered=[1, 1, 0, 0], right=[1, 0, 0, 0], confidence=[0.9, 0.8, 0.3, 0.2], ms=[1] * 4
    )
    assert compute("answer_precision", table) == 0.5
    assert compute("answer_recall", table) == pytest.approx(2 / 3)
    assert compute("decline_precision", table) == 0.5
    assert compute("decline_recall", table) == 1
    assert compute("coverage", table) == 0.5
    assert math.isnan(compute("decline_precision", table[:3]))
    counts = {name: one.count for name, one in estimate_measures(table, resamples=5).items()}
    assert [counts[f"answer_{name}"] for name in ("precision", "recall")] == [2, 3]
    assert [counts[f"decline_{name}"] for name in ("precision", "recall")] == [2, 1]


def test_a_question_without_a_verdict_is_left_out() -> None:
    """If nothing says what is right, a question counts neither as right nor as wrong."""
    table = build_rows(right=[1, math.nan], answered=[1, 1], answerable=[1, 1], confidence=[1.0, 0.9])
    assert compute("answer_precision", table) == 1
    assert compute_aurc(table) == 0
    assert compute_calibration_error(table) == 0


@given(rows=st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_measures_stay_in_range(rows: list[tuple[bool, bool, float, bool]]) -> None:
    """A share and its interval are always between 0 and 1."""
    answerable, answered, confidence, right = (list(map(float, values)) for values in zip(*rows, strict=True))
    right = [value * can for value, can in zip(right, answerable, strict=True)]
    table = build_rows(answerable=answerable, answered=answered, confidence=confidence, right=right)
    for name, one in estimate_measures(table, resamples=20).items():
        if not name.endswith("_ms"):
            assert -1e-9 <= one.low <= one.high <= 1 + 1e-9
            assert -1e-9 <= one.value <= 1 + 1e-9


def test_intervals_are_those_of_the_binomial() -> None:
    """The bootstrap interval of a share is that of the normal approximation, and is the same each time."""
    table = build_rows(hit_at_1=[1.0] * 300 + [0.0] * 100)
    one = estimate_measures(table)["hit@1"]
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert one.value == 0.75
    assert one.low == pytest.approx(0.75 - half, abs=0.01)
    assert one.high == pytest.approx(0.75 + half, abs=0.01)
    assert estimate_measures(table)["hit@1"] == one
    assert one.count == 400


def test_a_paired_test_sees_a_real_difference_and_no_other() -> None:
    """Ten of forty questions better and none worse is significant; five better and five worse is not."""
    base = [1.0] * 20 + [0.0] * 20
    better = [1.0] * 30 + [0.0] * 10
    mixed = [1.0] * 15 + [0.0] * 5 + [1.0] * 5 + [0.0] * 15
    significant = compare_measures(build_rows(hit_at_1=base), build_rows(hit_at_1=better))["hit@1"]
    assert significant.p_value < 0.01
    assert 0 < significant.low <= 0.25 <= significant.high
    even = compare_measures(build_rows(hit_at_1=base), build_rows(hit_at_1=mixed))["hit@1"]
    assert even.p_value == 1.0
    assert even.low < 0 < even.high


@pytest.mark.parametrize(
    ("quote", "answers", "holds"),
    [
        ("It grew to $146.9 billion.", ("146.9 Billion",), True),
        ("It grew to $1146.9 billion.", ("146.9 Billion",), False),
        ("The Moon does.", ("a moon",), True),
        ("Moonlight.", ("moon",), False),
        ("He said so.", ("On Monday he said so, and left.",), True),
        ("中国没有谴责入侵。", ("谴责",), True),
        ("Die Straße", ("STRASSE",), True),
        ("...", ("word", "!"), False),
    ],
)
def test_a_quote_holds_an_answer_by_its_words(quote: str, answers: tuple[str, ...], holds: bool) -> None:
    """Whole words decide, in any case and with any marks. If the answer is longer than the quote, the quote must be a
    part of it."""
    assert holds_answer(quote, answers) == holds


def test_words_decide_what_is_right_and_then_the_place() -> None:
    """An answer to an unanswerable question is never right. The words of a quote decide if they can, and its paragraph
    otherwise."""
    spans = Question("q", "?", True, ("Moon",), (("a.txt", 1),), ("The Moon.",))
    free = Question("q", "?", True, ("A long reply in other words.",), (("a.txt", 1),), ("The Moon.",))
    assert spans.extractive
    assert not free.extractive
    assert not Question("q", "?", True, ("Yes",), (("a.txt", 1),), ("Yes, the Moon.",)).extractive
    assert judge_right(spans, build_result(quote_holds=False)) is False
    assert judge_right(free, build_result(quote_holds=None)) is True
    assert judge_right(free, build_result(quote_holds=None, cited=(("a.txt", 2),))) is False
    assert judge_right(free, build_result(quote_holds=None, cited=())) is True
    assert judge_right(Question("q", "?", False), build_result(quote_holds=None)) is False
    assert judge_right(Question("q", "?", True), build_result(quote_holds=None)) is None


def test_question_files(tmp_path: Path) -> None:
    """A question alone is enough. Labels, kinds and conversations are read if they are there."""
    path = tmp_path / "questions.jsonl"
    lines = [
        {"question": "Why?"},
        {"question": "Who?", "evidence": ["He"], "answerable": True},
        {
            "id": 7,
            "question": "And?",
            "answers": [],
            "relevant": [{"doc": "a.txt", "paragraph": 2, "text": "…"}, {"doc": "b.pdf", "paragraph": None}],
            "kind": "conversation",
            "history": [{"q": "Who?", "a": "He."}],
        },
    ]
    path.write_text("\n\n".join(map(json.dumps, lines)), encoding="utf-8")
    first, second, third = load_questions(path)
    assert (first.identifier, first.answerable) == ("1", False)
    assert (second.answers, second.extractive) == (("He",), True)
    assert third.relevant == (("a.txt", 2), ("b.pdf", None))
    assert third.is_relevant("b.pdf", 99)
    assert not third.is_relevant("a.txt", 1)
    assert (third.answerable, third.history) == (True, (Turn("Who?", "He."),))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no question"),
        ("{", "line 1: is not JSON"),
        ('{"question": "a"}\n[]', "line 2: is not a JSON object"),
        ('{"question": " "}', "no text"),
        ('{"question": "a", "answers": "b"}', '"answers" is not'),
        ('{"question": "a", "relevant": [{"paragraph": 1}]}', '"relevant" is not'),
        ('{"question": "a", "relevant": [{"doc": "a", "paragraph": -1}]}', '"paragraph" is not'),
        ('{"question": "a", "answerable": "no"}', '"answerable" is not'),
        ('{"question": "a", "id": 1}\n{"question": "b", "id": "1"}', "the id 1"),
        ('{"question": "a", "answer": ["b"]}', 'has "answer", which is not known; "answers" is'),
        ('{"question": "' + "a" * 20_000 + '"}', "line 1: has a question of 20,000 characters"),
    ],
)
def test_wrong_question_files_are_reported_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    """The error is one sentence that names the file and what is wrong."""
    path = tmp_path / "questions.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"questions\.jsonl") as caught:
        load_questions(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match=r"other\.jsonl"):
        load_questions(tmp_path / "other.jsonl")


def test_an_interrupted_run_loses_nothing(tmp_path: Path) -> None:
    """Finished results are read again, a torn line is not, and results of another system are never mixed in."""
    path = tmp_path / "cache" / "run.jsonl"
    kept = PartialFile(path, "key")
    results = [build_result(str(number), excerpts=None, quote_holds=None) for number in range(3)]
    for result in results:
        kept.append(result)
    kept.close()
    path.write_text(path.read_text(encoding="utf-8") + '{"identifier": "3", "answ', encoding="utf-8")
    again = PartialFile(path, "key")
    assert again.results == results
    again.append(build_result("3"))
    again.close()
    third = PartialFile(path, "key")
    third.close()
    assert [result.identifier for result in third.results] == ["0", "1", "2", "3"]
    other = PartialFile(path, "another key")
    assert other.results == []
    other.discard()
    assert not path.exists()


def test_keys_name_all_they_are_made_of() -> None:
    """The same parts give the same key, and a different part gives another one."""
    assert build_key("a", INFO, 0.5) == build_key("a", INFO, 0.5)
    assert build_key("a", INFO, 0.5) != build_key("a", INFO, 0.6)


@pytest.fixture
def questions() -> list[Question]:
    return [
        Question("1", "?", True, ("Moon",), (("a.txt", 1),), ("The Moon.",), "span"),
        Question("2", "?", True, ("Sun",), (("a.txt", 5),), ("The Sun.",), "span"),
        Question("3", "?", False, kind="none"),
    ]


def test_a_report_can_be_the_baseline_of_the_next(questions: list[Question], tmp_path: Path) -> None:
    """The JSON of one run is the baseline of another, which says for each measure what became of it."""
    worse = [build_result("1"), build_result("2", quote_holds=False), build_result("3", quote_holds=None)]
    better = [build_result("1"), build_result("2"), build_result("3", answered=False, confidence=0.1)]
    first = build_report("set", INFO, 0.5, questions, build_table(questions, worse), resamples=50)
    record = build_record(first)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["measures"]["hit@1"] | {"low": 0, "high": 0} == {"value": 0.5, "low": 0, "high": 0, "count": 2}
    assert record["measures"]["quote_holds"]["value"] == 0.5
    assert set(record["by_kind"]) == {"none", "span"}
    path = tmp_path / "first.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    second = build_report(
        "set", INFO, 0.5, questions, build_table(questions, better), load_baseline(path), resamples=50
    )
    assert second.comparison is not None
    change = second.comparison.measures["quote_holds"]
    assert (second.comparison.questions, change.before, change.after) == (3, 0.5, 1.0)
    shown = render_report(second)
    assert "against the baseline, 3 questions in common" in shown
    coverage = next(line for line in shown.split("against")[1].splitlines() if line.strip().startswith("coverage"))
    assert not coverage.endswith(("better", "worse"))
    assert any(line.split()[0] == "auroc" and line.endswith("better") for line in shown.splitlines() if line.strip())
    others = [replace(question, text=f"Another {question.identifier}?") for question in questions]
    with pytest.raises(UsageError, match="no question in common"):
        build_report("set", INFO, 0.5, others, build_table(others, better), load_baseline(path))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"questions": [{}]}', '{"questions": 1}', "[" * 100_000])
def test_a_baseline_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """The error names a file that is not an earlier report."""
    path = tmp_path / "old.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"old\.json"):
        load_baseline(path)


QUESTIONS = [
    {"id": "rise", "question": "How large was China's trade with Russia in 2021?", "answers": ["146.9 billion"]},
    {"id": "aid", "question": "How much is the aid for Ukraine worth?", "answers": ["5 million yuan"]},
    {"id": "tower", "question": "How high is the lighthouse of Lindau?", "answers": ["33 metres"]},
    {"id": "none", "question": "Who won the World Cup in Brazil?", "answerable": False},
]
PLACES = {"rise": ("trade.txt", 2), "aid": ("trade.txt", 3), "tower": ("harbour.md", 2)}


@pytest.fixture
def question_file(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    labels = {
        name: {"relevant": [{"doc": doc, "paragraph": block}], "kind": "span"} for name, (doc, block) in PLACES.items()
    }
    path.write_text("\n".join(json.dumps(one | labels.get(one["id"], {})) for one in QUESTIONS), encoding="utf-8")
    return path


OPTIONS = ("None", "0.5", "False")
"""The settings of a run: reranker, threshold, as typed."""


def without_time(report: Report) -> list[list[float]]:
    return np.nan_to_num(np.delete(report.table, COLUMNS.index("ms"), axis=1), nan=-1.0).tolist()


def open_for_measuring(docs: Path) -> Answerer:
    open_answerer(Settings(docs=docs)).close()
    return open_answerer(Settings(docs=docs, passages=10, threshold=0.0, refresh=False))


def test_an_interrupted_run_asks_only_what_is_left(docs: Path, question_file: Path) -> None:
    """After Ctrl-C at two questions, the next run asks the other two and reports what one run would have reported."""
    answerer = open_for_measuring(docs)
    asked: list[int] = []

    def leave_after_two(done: int, total: int) -> None:
        asked.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_file(question_file, answerer, docs=docs, threshold=0.5, on_done=leave_after_two)
    assert locate_partial_file(question_file, docs, OPTIONS).exists()
    assert not locate_partial_file(question_file, docs, ("none", *OPTIONS[1:])).exists()
    resumed = evaluate_file(
        question_file, answerer, docs=docs, threshold=0.5, on_done=lambda done, total: asked.append(done)
    )
    assert asked == [1, 2, 3, 4]
    assert not locate_partial_file(question_file, docs, OPTIONS).exists()
    whole = evaluate(load_questions(question_file), answerer, name="whole", threshold=0.5)
    answerer.close()
    assert without_time(resumed) == without_time(whole)
    assert {name: resumed.measures[name].value for name in ("hit@1", "quote_holds", "quote_exact", "auroc")} == {
        "hit@1": 1.0,
        "quote_holds": 1.0,
        "quote_exact": 1.0,
        "auroc": 1.0,
    }


def test_a_cache_that_cannot_be_written_is_reported_and_the_run_goes_on(docs: Path, tmp_path: Path) -> None:
    """The numbers do not depend on the cache. Only an interruption would lose something."""
    answerer = open_for_measuring(docs)
    (tmp_path / "file").touch()
    told: list[str] = []
    report = evaluate(
        [Question("a", "How high is the lighthouse?", False)],
        answerer,
        name="a",
        threshold=0.5,
        partial=tmp_path / "file" / "run.jsonl",
        tell=told.append,
    )
    answerer.close()
    assert report.measures["coverage"].count == 1
    assert len(told) == 1
    assert "cannot be written" in told[0]


def test_labels_of_what_is_not_there_are_reported(docs: Path) -> None:
    """A path or a paragraph that the index does not have is a mistake in the file, not a bad search."""
    answerer = open_for_measuring(docs)
    there = Question("a", "?", True, relevant=(("trade.txt", 2), ("harbour.md", None)))
    nowhere = Question("b", "?", True, relevant=(("docs/trade.txt", 2),))
    beyond = Question("c", "?", True, relevant=(("trade.txt", 99),))
    assert describe_lost_labels([there], answerer) is None
    said = describe_lost_labels([there, nowhere, beyond], answerer) or ""
    assert "2 labels name" in said
    assert "first docs/trade.txt (question b)" in said
    assert "paragraph 99 of trade.txt (question c)" in (describe_lost_labels([beyond], answerer) or "")
    answerer.close()


def test_what_a_conversation_is_worth_can_be_measured(docs: Path) -> None:
    """With its conversation a follow-up finds its paragraph. As typed it is another question."""
    answerer = open_for_measuring(docs)
    history = (Turn("How high is the lighthouse of Lindau?", "It is 33 metres high."),)
    follow_up = Question("f", "And when was its clock added?", True, ("a year later",), history=history)
    asked = {typed: evaluate([follow_up], answerer, name="f", threshold=0.5, as_typed=typed) for typed in (False, True)}
    answer = answerer.ask(follow_up.text, history)
    typed = answerer.ask(follow_up.text, history, as_typed=True)
    answerer.close()
    assert answer.asked_as != typed.asked_as == follow_up.text
    confidence = COLUMNS.index("confidence")
    assert asked[False].table[0, confidence] == pytest.approx(answer.confidence)
    assert asked[True].table[0, confidence] == pytest.approx(typed.confidence)


def run_eval(docs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "qa", "--docs", str(docs), "eval", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=120)


def test_the_command_refuses_a_stale_index(docs: Path, question_file: Path) -> None:
    """Without an index, or with one older than an article, there are no numbers but exit code 3 and the next step. With
    a fresh one there is JSON that can be a baseline."""
    missing = run_eval(docs, str(question_file))
    assert (missing.returncode, missing.stdout) == (3, "")
    assert "qa index" in missing.stderr
    open_answerer(Settings(docs=docs)).close()
    first = run_eval(docs, str(question_file), "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["measures"]["quote_exact"]["value"] == 1.0
    baseline = question_file.with_name("first.json")
    baseline.write_text(first.stdout, encoding="utf-8")
    second = run_eval(docs, str(question_file), "--baseline", str(baseline))
    assert "against the baseline, 4 questions in common" in second.stdout
    (docs / "trade.txt").write_text("Something else altogether.\n", encoding="utf-8")
    stale = run_eval(docs, str(question_file), "--json")
    assert (stale.returncode, stale.stdout) == (3, "")
    assert "trade.txt" in stale.stderr
    assert "Traceback" not in stale.stderr


def test_excerpts_are_covered_word_by_word() -> None:
    """An excerpt counts if passages side by side cover it, apart from white space, and not if a word is missing."""
    text = "One two three.\n\nFour five six.\n\nSeven."

    def passages(*ranges: tuple[int, int]) -> list[Passage]:
        return [Passage("a", "", None, 0, s, e, 1, None, None, text[s:e], 0.5) for s, e in ranges]

    both = passages((16, 30), (0, 14))
    assert is_covered("two three.\n\nFour five", {"a": text}, both)
    assert not is_covered("two three.\n\nFour five six.\n\nSeven", {"a": text}, both)
    assert is_covered("two  THREE", {"a": text}, both)
    assert not is_covered("One two", {"a": text}, passages((4, 14)))
    assert not is_covered("One two", {"b": text}, both)
