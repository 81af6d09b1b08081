"""Verifying saved answers: what still holds, what moved, what changed, what is gone, and input that is not an
answer."""

from __future__ import annotations

import json
import random
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from index.errors import DocumentsError, UsageError
from qa.answerer import open_answerer
from qa.commands.verify import (
    build_report_record,
    load_answer_schema,
    parse_answers,
    render_report,
    verify_answers,
)
from qa.output.render import build_record, render_json, render_json_line
from qa.settings import Settings
from qa.types import Answer, Citation, IndexInfo, Passage, TextRange
from tests.helpers.documents import SAMPLES
from tests.helpers.places import ROOT

TIDES = """Why the sea rises and falls

The Moon raises two tides a day on most coasts. The Sun raises smaller ones.

When both pull in line, spring tides follow; they are about a fifth higher than the mean.
"""
MILLS = """Tide mills

A tide mill stored sea water behind a dam at high tide. It ground corn when the water ran out.

The mill at Woodbridge is named in a charter of 1170. It still works today, and the harbour is still tidal.
"""


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "tides.txt").write_text(TIDES, encoding="utf-8")
    (folder / "mills.txt").write_text(MILLS, encoding="utf-8")
    return folder


def build_citation(path: str, text: str, quote: str, number: int = 1) -> Citation:
    start = text.index(quote)
    end = start + len(quote)
    return Citation(
        number=number,
        path=path,
        title="Title",
        date="2022-03-09",
        paragraph=1,
        start=start,
        end=end,
        line=text.count("\n", 0, start) + 1,
        page=None,
        heading=None,
        quote=quote,
        score=0.9,
        answer_span=TextRange(start, end, quote),
        passage=TextRange(start, end, quote),
    )


def build_answer(*citations: Citation) -> Answer:
    passages = tuple(
        Passage(c.path, c.title, c.date, c.paragraph, c.start, c.end, c.line, None, None, c.quote, 0.5)
        for c in citations
    )
    answered = bool(citations)
    return Answer(
        question="What do tides do?",
        asked_as="What do tides do?",
        answered=answered,
        confidence=0.8,
        citations=citations,
        passages=passages,
        index=IndexInfo(1, 2, 4, "model"),
        timings_ms={"total": 1.5},
        reason=None if answered else "Nothing in the articles says so.",
    )


@pytest.fixture
def answer() -> dict[str, Any]:
    return build_record(
        build_answer(
            build_citation("tides.txt", TIDES, "The Moon raises two tides a day on most coasts.", 1),
            build_citation("mills.txt", MILLS, "The mill at Woodbridge is named in a charter of 1170.", 2),
        )
    )


def statuses(report: Any) -> list[str]:
    return [check.status for check in report.checks]


def test_an_untouched_folder_holds(docs: Path, answer: dict[str, Any]) -> None:
    """Every citation of a fresh answer holds, and the exit code is 0."""
    report = verify_answers([answer], docs)
    assert statuses(report) == ["holds", "holds"]
    assert report.exit_code == 0
    assert render_report(report).splitlines()[-1] == "2 citations of 1 answer: 2 hold"
    assert report.counts == {"holds": 2, "moved": 0, "changed": 0, "gone": 0}


def test_a_moved_quote_is_named_with_its_new_place(docs: Path, answer: dict[str, Any]) -> None:
    """If new text pushes a quote down, its new range and line are right, and the exit code is 1."""
    (docs / "tides.txt").write_text("A new first line.\n\n" + TIDES, encoding="utf-8")
    report = verify_answers([answer], docs)
    assert statuses(report) == ["moved", "holds"]
    found = report.checks[0].found
    assert found is not None
    assert (found.path, found.line) == ("tides.txt", 5)
    assert (docs / "tides.txt").read_text(encoding="utf-8")[found.start : found.end] == report.checks[0].quote
    assert report.exit_code == 1


@pytest.mark.parametrize(("near", "nearest"), [(20, 0), (30, 48), (70, 48), (80, 96), (500, 96)])
def test_the_nearest_of_several_places_is_named(docs: Path, answer: dict[str, Any], near: int, nearest: int) -> None:
    """Of several new places, the one nearest to the old place is named, on either side of it."""
    citation = answer["citations"][0]
    (docs / "tides.txt").write_text(" ".join([citation["quote"]] * 3), encoding="utf-8")
    citation |= {"start": near, "end": near + len(citation["quote"])}
    found = verify_answers([answer], docs).checks[0].found
    assert found is not None
    assert found.start == nearest


def test_a_renamed_article_is_found_by_its_quotes(docs: Path, answer: dict[str, Any]) -> None:
    """A quote from a renamed article has moved to the article that has it at the old offsets."""
    (docs / "tides.txt").rename(docs / "ebb.txt")
    (docs / "another.txt").write_text("Copied: " + TIDES, encoding="utf-8")
    check = verify_answers([answer], docs).checks[0]
    assert (check.status, check.found and check.found.path) == ("moved", "ebb.txt")
    assert check.found is not None
    assert check.found.start == check.start


def test_a_changed_quote_is_named_with_its_present_words(docs: Path, answer: dict[str, Any]) -> None:
    """An edited sentence has changed. The report has its present words and how similar they are."""
    (docs / "mills.txt").write_text(MILLS.replace("a charter of 1170", "a deed of 1171"), encoding="utf-8")
    check = verify_answers([answer], docs).checks[1]
    assert check.status == "changed"
    assert check.found is not None
    assert "Woodbridge is named in a deed of 1171" in check.found.text
    assert 0.8 < check.found.ratio < 1
    assert (docs / "mills.txt").read_text("utf-8")[check.found.start : check.found.end] == check.found.text


@pytest.mark.parametrize("left", [None, "", "Nothing of that subject is here, only a word or two on bees and honey."])
def test_what_is_no_longer_there_is_gone(docs: Path, answer: dict[str, Any], left: str | None) -> None:
    """If an article is deleted, emptied or rewritten, its citation is gone, with a reason."""
    (docs / "tides.txt").unlink()
    if left is not None:
        (docs / "tides.txt").write_text(left, encoding="utf-8")
    check = verify_answers([answer], docs).checks[0]
    assert (check.status, check.found) == ("gone", None)
    assert check.reason


def test_offsets_count_in_the_canonical_text(docs: Path, answer: dict[str, Any]) -> None:
    """A new encoding or a BOM does not move a quote. New line ends do."""
    (docs / "tides.txt").write_bytes(b"\xef\xbb\xbf" + TIDES.encode())
    (docs / "mills.txt").write_bytes(MILLS.replace("\n", "\r\n").encode())
    assert statuses(verify_answers([answer], docs)) == ["holds", "moved"]


@pytest.mark.parametrize("path", ["../secret.txt", "link.txt", ".hidden.txt"])
def test_nothing_but_an_article_is_read(docs: Path, answer: dict[str, Any], path: str) -> None:
    """A citation whose path leads out of the folder, or to a file that is not an article, is gone, even if that file
    holds the quote."""
    (docs.parent / "secret.txt").write_text(TIDES, encoding="utf-8")
    (docs / ".hidden.txt").write_text(TIDES, encoding="utf-8")
    (docs / "link.txt").symlink_to(docs.parent / "secret.txt")
    (docs / "tides.txt").unlink()
    answer["citations"][0]["path"] = path
    assert statuses(verify_answers([answer], docs))[0] == "gone"


def test_a_declined_answer_has_nothing_to_check(docs: Path) -> None:
    """A declined answer holds."""
    report = verify_answers([build_record(build_answer())], docs)
    assert report.exit_code == 0
    assert render_report(report) == "0 citations of 1 answer: nothing to check\n"


def test_a_missing_folder_is_named(tmp_path: Path, answer: dict[str, Any]) -> None:
    """The error names the documents folder that is missing."""
    with pytest.raises(DocumentsError, match="nowhere"):
        verify_answers([answer], tmp_path / "nowhere")


def edit(docs: Path, rng: random.Random) -> None:
    """One random edit of the kind that people make."""
    files = sorted(docs.iterdir())
    path = rng.choice(files)
    # Bytes, so that line ends stay as they are.
    text = path.read_bytes().decode()
    place = rng.randrange(len(text) + 1)
    kind = rng.choice(["insert", "delete", "replace", "append", "swap", "crlf", "rename", "touch", "retype"])
    if kind == "rename":
        path.rename(docs / f"renamed{rng.randrange(10**9)}.txt")
        return
    if kind == "swap":
        blocks = text.split("\n\n")
        rng.shuffle(blocks)
        text = "\n\n".join(blocks)
    changed = {
        "insert": text[:place] + "word " + text[place:],
        "delete": text[:place] + text[place + 3 :],
        "replace": text[:place] + "7" + text[place + 1 :],
        "append": text + "\n\nOne more paragraph at the end.",
        "crlf": text.replace("\r\n", "\n").replace("\n", "\r\n"),
        "retype": text.replace("tide", "sea", 1),
    }
    path.write_bytes(changed.get(kind, text).encode())


@given(seed=st.integers(0, 2**32), edits=st.just(20) | st.integers(0, 5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_random_edits_exactly_the_broken_citations_are_named(
    seed: int, edits: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is done to the folder, a citation holds exactly if its file still has its quote at its offsets, and a
    moved quote is at its new place."""
    docs = tmp_path_factory.mktemp("edited")
    texts = {"tides.txt": TIDES, "mills.txt": MILLS, "third.txt": MILLS.replace("mill", "weir")}
    citations = []
    for path, text in texts.items():
        (docs / path).write_bytes(text.encode())
        quotes = [line for line in text.splitlines() if line] + [text[10:40], text[60:150]]
        citations += [build_citation(path, text, quote) for quote in quotes]
    rng = random.Random(seed)
    for _ in range(edits):
        edit(docs, rng)
    report = verify_answers([build_record(build_answer(*citations))], docs)
    now = {path.name: path.read_bytes().decode() for path in docs.iterdir()}
    for check in report.checks:
        holds = now.get(check.path, "")[check.start : check.end] == check.quote
        anywhere = any(check.quote in text for text in now.values())
        assert (check.status == "holds") == holds
        assert (check.status in ("holds", "moved")) == anywhere
        if check.found:
            assert now[check.found.path][check.found.start : check.found.end] == check.found.text
    assert report.holds == all(check.status == "holds" for check in report.checks)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("not json", "not JSON"),
        ('{"schema": 1', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"schema": NaN}', "not JSON"),
        ("1" * 10_000, "not JSON"),
        ("[1]", "not of type 'object'"),
        ('{"schema": 2}\n{"schema": 2}', "answer 1"),
        ('{"schema": 1}\n{"schema', "line 2"),
    ],
)
def test_input_that_is_not_an_answer_is_refused_in_one_sentence(text: str, said: str) -> None:
    """The error names the input and what is wrong with it, and asks for another one."""
    with pytest.raises(UsageError, match=r"saved\.json") as caught:
        parse_answers(text, "saved.json")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start", -1),
        ("start", "0"),
        ("start", 1.5),
        ("quote", ""),
        ("quote", None),
        ("path", 7),
        ("line", 0),
        ("score", 1.01),
        ("date", "March"),
        ("answer_span", {}),
        ("surprise", 1),
    ],
)
def test_a_citation_that_is_not_as_written_is_refused(answer: dict[str, Any], name: str, value: object) -> None:
    """The schema is strict: wrong types, ranges and unknown names in a citation are refused, with their place."""
    answer["citations"][1][name] = value
    with pytest.raises(UsageError, match=r"citations\[1\]"):
        parse_answers(json.dumps(answer))


@pytest.mark.parametrize("name", ["schema", "question", "asked_as", "reason", "citations", "index", "timings_ms"])
def test_every_field_is_required(answer: dict[str, Any], name: str) -> None:
    """An answer without one of its fields is refused."""
    del answer[name]
    with pytest.raises(UsageError, match=name):
        parse_answers(json.dumps(answer))


@given(data=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_in_place_of_a_citation_is_refused(data: object) -> None:
    """JSON that is not a citation never reaches the articles."""
    record = deepcopy(build_record(build_answer(build_citation("tides.txt", TIDES, "The Sun raises"))))
    record["citations"] = [data]
    with pytest.raises(UsageError):
        parse_answers(json.dumps(record))


@pytest.mark.parametrize("huge", [10**30, 2**63])
def test_offsets_beyond_every_article_are_harmless(docs: Path, answer: dict[str, Any], huge: int) -> None:
    """Offsets of any size are compared and not trusted, and the quote is found where it stands."""
    answer["citations"][0] |= {"start": huge, "end": huge + 5}
    answer["citations"][1] |= {"start": 3.0, "end": 9.0}
    report = verify_answers(parse_answers(json.dumps(answer)), docs)
    assert statuses(report) == ["moved", "moved"]


def test_what_ask_writes_is_what_verify_reads(answer: dict[str, Any]) -> None:
    """All forms of saved answers are read: one object, a list, and one object per line, each with or without an id."""
    one = build_answer(build_citation("tides.txt", TIDES, "The Sun raises smaller ones."))
    declined = build_answer()
    assert parse_answers(render_json(one)) == [build_record(one)]
    lines = render_json_line(one, 7) + "\n" + render_json_line(declined, {"any": "thing"})
    assert [record["answered"] for record in parse_answers("\ufeff" + lines)] == [True, False]
    assert parse_answers(json.dumps([answer, answer], indent=1)) == [answer, answer]


def test_real_answers_keep_to_the_schema_and_hold(tmp_path: Path) -> None:
    """An answer, given or declined, is JSON by the shipped schema, and every quote is in its place."""
    articles = shutil.copytree(ROOT / "docs_src", tmp_path / "articles")
    answerer = open_answerer(Settings(docs=articles))
    try:
        asked = ["Did China condemn the invasion?", "How long was the joint statement?", "Who won the 2022 World Cup?"]
        lines = [render_json_line(answerer.ask(question), number) for number, question in enumerate(asked)]
    finally:
        answerer.close()
    answers = parse_answers("".join(lines))
    assert [answer["answered"] for answer in answers] == [True, True, False]
    report = verify_answers(answers, articles)
    assert report.checks
    assert report.holds


@pytest.mark.parametrize("name", SAMPLES)
def test_citations_of_every_format_are_verified_without_an_index(name: str, tmp_path: Path) -> None:
    """A fresh answer holds. With words in front, the quote has moved; with another figure, it has changed. No index is
    there or made."""
    folder = tmp_path / "docs"
    folder.mkdir()
    said = "The mill at Woodbridge has ground corn since 1170"
    article = folder / name
    article.write_bytes(SAMPLES[name](said))
    answerer = open_answerer(Settings(docs=folder, threshold=0.0))
    answer = answerer.ask("Since when has the mill at Woodbridge ground corn?")
    answerer.close()
    shutil.rmtree(tmp_path / ".qa")
    record = parse_answers(render_json(answer))
    assert "1170" in answer.citations[0].quote
    assert statuses(verify_answers(record, folder)) == ["holds"] * len(answer.citations)
    article.write_bytes(SAMPLES[name](f"In Suffolk it is told: {said}"))
    first = verify_answers(record, folder).checks[0]
    assert (first.status, first.found is not None) in (("moved", True), ("changed", True))
    article.write_bytes(SAMPLES[name](said.replace("1170", "1290")))
    first = verify_answers(record, folder).checks[0]
    assert first.status == "changed"
    assert first.found is not None
    assert "1290" in first.found.text
    assert not (tmp_path / ".qa").exists()


def test_the_schema_is_a_schema() -> None:
    """The shipped schema is valid JSON Schema 2020-12, and refuses answers whose `answered` and citations contradict
    each other."""
    Draft202012Validator.check_schema(load_answer_schema())
    validator = Draft202012Validator(load_answer_schema())
    good = build_record(build_answer(build_citation("tides.txt", TIDES, "The Sun raises")))
    assert validator.is_valid(good)
    assert not validator.is_valid(good | {"answered": False})
    assert not validator.is_valid(build_record(build_answer()) | {"answered": True})


def test_the_report_names_each_citation(docs: Path, answer: dict[str, Any]) -> None:
    """The text has a line for each citation and one for all. The JSON has the same, and the new places."""
    (docs / "tides.txt").write_text("New.\n\n" + TIDES, encoding="utf-8")
    (docs / "mills.txt").unlink()
    report = verify_answers([answer, answer], docs)
    assert render_report(report).splitlines() == [
        "answer 1 [1] tides.txt:3  moved to tides.txt:5, characters 35–82",
        "answer 1 [2] mills.txt:5  gone: there is no such article",
        "answer 2 [1] tides.txt:3  moved to tides.txt:5, characters 35–82",
        "answer 2 [2] mills.txt:5  gone: there is no such article",
        "4 citations of 2 answers: 2 moved, 2 gone",
    ]
    record = build_report_record(report)
    assert json.loads(json.dumps(record)) == record
    assert (record["holds"], record["counts"]["moved"]) == (False, 2)
    assert record["citations"][0]["found"]["start"] == 35


def test_a_report_is_safe_for_a_terminal(docs: Path, answer: dict[str, Any]) -> None:
    """Control characters in paths and changed text do not reach the terminal."""
    text = MILLS.replace("charter of 1170", "ch\x1b[31marter of 1170\x9b")
    (docs / "mills.txt").write_text(text, encoding="utf-8")
    answer["citations"][0]["path"] = "evil\x1b]0;\u202e.txt"
    shown = render_report(verify_answers([answer], docs))
    assert shown.count("\n") == 3
    assert all(character.isprintable() for character in shown.replace("\n", ""))
