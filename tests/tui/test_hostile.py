"""Hostile text: whatever articles, titles, names and questions hold, the screen is drawn and stays in control."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.content import Content

from index.types import Skipped
from qa.output.flow import unwrap
from qa.output.safe_text import safe_text
from qa.sessions.store import TurnState
from qa.tui.drawing.draw import draw_card, draw_turn, flow
from qa.tui.drawing.wrapping import wrap_text
from qa.tui.screens.article import ArticleScreen
from qa.tui.turns import TurnModel, place_of_citation
from qa.types import ArticleView, Asks
from tests.helpers.app import open_app
from tests.helpers.hostile import NASTY, assert_harmless, hostile_answer
from tests.helpers.recorded import SPRING, RecordedAnswerer

ANY_TEXT = st.one_of(
    st.text(st.characters(codec=None, categories=None, min_codepoint=0, max_codepoint=0x10FFFF), max_size=200),
    st.lists(st.sampled_from(NASTY), max_size=4).map("\n".join),
)
_SEQUENCE = re.compile(r"\x1b(\[[0-9;?<>=]*[@-~]|\]22;[a-z-]+\x07|\]52;c;[A-Za-z0-9+/=]*\x07)")
"""The sequences that Textual itself sends: colours and places, the shape of the pointer, a copy by OSC 52."""


@given(question=ANY_TEXT, text=ANY_TEXT, title=ANY_TEXT, width=st.integers(1, 130), data=st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_turns_and_cards(question: str, text: str, title: str, width: int, data: st.DataObject) -> None:
    """Every state of a turn is drawn in every width and stays within it, with its rows in order and nothing hostile."""
    start = data.draw(st.integers(0, len(text)))
    answer = hostile_answer(question, text, title, (start, data.draw(st.integers(start, len(text)))))
    turns = [
        TurnModel(1, question, state=TurnState.ANSWERED, answer=answer, note=title),
        TurnModel(1, question, state=TurnState.DECLINED, answer=replace(answer, answered=False), unfolded=True),
        TurnModel(1, question, state=TurnState.FAILED, message=text),
        TurnModel(1, question, passages=answer.passages),
    ]
    for turn in turns:
        drawing = draw_turn(turn, width, 0)
        assert_harmless(drawing.content.plain)
        assert all(line.cell_length <= max(width, 16) for line in drawing.lines)
        assert all(0 <= first <= last <= len(drawing.lines) for first, last in drawing.rows)
        assert len(drawing.rows) == len(turn.places)
    for line in draw_card(place_of_citation(answer.citations[0]), max(width, 8), chosen=True):
        assert_harmless(line.plain)


@given(text=ANY_TEXT)
def test_flowing_keeps_every_word(text: str) -> None:
    """Joining hard-wrapped lines changes white space only."""
    shown = safe_text(text)
    assert flow(Content(shown), unwrap(shown)).plain.split() == Content(shown).plain.split()


@given(text=ANY_TEXT, width=st.integers(1, 60))
@settings(deadline=None)
def test_rows_hold_every_character_once(text: str, width: int) -> None:
    """Rows are in order, fit the width, and leave out nothing but line ends. Each offset finds its row."""
    from rich.cells import cell_len

    rows = wrap_text(text, width)
    assert "".join(text[start:end] for start, end in zip(rows.starts, rows.ends, strict=True)) == text.replace("\n", "")
    for number, (start, end) in enumerate(zip(rows.starts, rows.ends, strict=True)):
        shown = text[start:end]
        assert cell_len(shown.rstrip(" ")) <= max(width, 2) or len(shown.rstrip(" ")) == 1
        if end > start:
            assert rows.row_of(start) == number
            assert rows.row_of(end - 1) == number
    assert rows.lines[-1] == text.count("\n") + 1


@pytest.mark.parametrize("text", NASTY)
async def test_on_the_screen(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it asks, answers, lists and opens, the app sends only Textual's own sequences to the terminal."""
    answerer = RecordedAnswerer(skipped=(Skipped(text or "x", "not text"),))
    answer = hostile_answer("x", text, text)
    monkeypatch.setattr(answerer, "ask", lambda question, *_, **__: replace(answer, question=question))
    article = ArticleView(text, text, text, text + "\n" + SPRING, "/articles/x")
    monkeypatch.setattr(answerer, "load_article", lambda _: article)
    async with open_app(answerer) as face:
        sent: list[str] = []
        driver = face.app._driver
        assert driver is not None
        monkeypatch.setattr(driver, "write", sent.append)
        await face.ask(f"Q {text}")
        assert_harmless(face.text)
        await face.press("escape", "y", "enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        await face.pilot.pause()
        assert_harmless(face.text)
        await face.press("escape", "ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        assert_harmless(face.text)
        await face.press("escape", "f3", "escape", "ctrl+s")
        await face.until(lambda: "1 session" in face.text)
        assert_harmless(face.text)
        face.app.tell(text)
        await face.pilot.pause()
        assert_harmless(face.text)
    for piece in sent:
        assert_harmless(_SEQUENCE.sub("", piece))


async def test_a_megabyte_in_one_line_as_a_quote() -> None:
    """A quote of a megabyte is cut on the screen and copied whole."""
    text = "word " * 200_000
    turn = TurnModel(1, text[:5000], state=TurnState.ANSWERED, answer=hostile_answer("x", text, "t"))
    drawing = draw_turn(turn, 80)
    assert len(drawing.lines) < 400
    assert isinstance(drawing.content, Content)
    assert turn.places[0].text == text


async def test_with_the_real_answerer(tmp_path: Path) -> None:
    """Articles and file names full of hostile text are indexed, asked, drawn and opened."""
    from qa.answerer import open_answerer
    from qa.settings import Settings

    documents = tmp_path / "docs"
    documents.mkdir()
    name = "evil[red]\x1b[31m\u202etxt.md"
    body = "# T[bold]itle\x1b[2J\u202e\n\nThe \x1b]0;owned\x07 lighthouse of [link=x]Lindau[/] is 33 metres high.\n"
    (documents / name).write_text(body, encoding="utf-8")
    answerer = open_answerer(Settings(docs=documents))
    async with open_app(lambda: _as_asks(answerer)) as face:
        turn = await face.ask("How high is the lighthouse of Lindau?")
        assert turn.answer is not None
        assert_harmless(face.text)
        face.app.main.conversation.focus()
        if turn.state is TurnState.DECLINED:
            await face.press("space")
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        assert_harmless(face.text)
        assert "lighthouse of [link=x]Lindau[/] is 33 metres high" in face.text


def _as_asks(answerer: Asks) -> Asks:
    return answerer
