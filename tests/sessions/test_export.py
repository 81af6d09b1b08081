"""Exports: a session as Markdown, JSON and HTML, each with its citations, and never over an existing file."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import StorageError, UsageError
from qa.sessions.export import EXTENSIONS, find_free_path, render_session, write_export
from qa.sessions.store import SavedTurn, Session, TurnState
from tests.helpers.sessions import ANY_TEXT, build_answer

SESSION = Session(7, "Tides & <mills>", "/articles", 1_700_000_000.0, 1_700_000_100.0, 3)
TURNS = [
    SavedTurn(1, "Why?", False, 0.0, TurnState.ANSWERED, build_answer("Why?")),
    SavedTurn(2, "Who?", False, 0.0, TurnState.DECLINED, build_answer("Who?", answered=False)),
    SavedTurn(3, "When?", False, 0.0, TurnState.FAILED, None, "the index is damaged; rebuild it."),
    SavedTurn(4, "Where?", False, 0.0, TurnState.WAITING, None),
]


class CrossEncoder(HTMLParser):
    """Reads what a browser would show, and which elements there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.elements: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_markdown() -> None:
    """Questions are headings, quotes are quoted, citations stand below, and a declined question says why."""
    text = render_session(SESSION, TURNS, "markdown")
    assert text.startswith("# Tides & <mills>\n")
    assert "## Why?" in text
    assert "> It has not condemned" in text
    assert "a.txt:4" in text
    assert "*Not in the articles.* no passage says so" in text
    assert "*This question failed.* the index is damaged; rebuild it." in text
    assert "*Not answered yet.*" in text


def test_json() -> None:
    """Every turn has its whole answer, in the form of `qa ask --json`."""
    record = json.loads(render_session(SESSION, TURNS, "json"))
    assert record["title"] == "Tides & <mills>"
    assert [turn["state"] for turn in record["turns"]] == ["answered", "declined", "failed", "waiting"]
    citation = record["turns"][0]["answer"]["citations"][0]
    assert (citation["path"], citation["start"]) == ("a.txt", 10)
    assert record["turns"][2]["message"] == "the index is damaged; rebuild it."


def test_html() -> None:
    """The page has no scripts, the answering words are bold, and the source stands below each quote."""
    page = render_session(SESSION, TURNS, "html")
    read = CrossEncoder(page)
    assert "Tides & <mills>" in read.text
    assert "[1] On tides, 2022-03-01, a.txt:4 (page 2), characters 10–" in read.text
    assert "<strong>It</strong>" in page
    assert not {"script", "img", "link", "iframe", "mills"} & read.elements


@given(question=ANY_TEXT, quote=ANY_TEXT, form=st.sampled_from(sorted(EXTENSIONS)))
def test_any_text(question: str, quote: str, form: str) -> None:
    """Any question and quote can be exported, and nothing in them becomes part of the page."""
    answer = build_answer(question, quote)
    text = render_session(SESSION, [SavedTurn(1, question, False, 0.0, TurnState.ANSWERED, answer)], form)
    text.encode("utf-8")
    if form == "json":
        assert json.loads(text)["turns"][0]["answer"]["citations"][0]["quote"] == quote
    if form == "html":
        known = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "code", "blockquote", "footer"}
        assert CrossEncoder(text).elements <= known | {"cite", "time", "strong", "em"}


def test_never_over_a_file(tmp_path: Path) -> None:
    """A proposed path is free. Writing over a file, or without permission, is refused in one sentence."""
    first = find_free_path(tmp_path, SESSION, "html")
    assert first.name == "tides-mills.html"
    write_export(first, SESSION, TURNS, "html")
    assert find_free_path(tmp_path, SESSION, "html").name == "tides-mills-2.html"
    with pytest.raises(UsageError, match="choose another name"):
        write_export(first, SESSION, TURNS, "html")
    with pytest.raises(StorageError, match="choose another place"):
        write_export(tmp_path / "none" / "x.md", SESSION, TURNS, "markdown")
    with pytest.raises(UsageError, match="there is no format 'pdf'"):
        render_session(SESSION, TURNS, "pdf")
