"""Text marked over rows of the screen is the text of the article, at any width."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.content import Content
from textual.geometry import Offset
from textual.selection import Selection

from qa.sessions.store import TurnState
from qa.tui.drawing.draw import draw_turn, find_quote
from qa.tui.drawing.lines import DrawnLine, extract_marked, join_parts, prefix_lines, prefix_parts
from qa.tui.turns import TurnModel
from tests.helpers.app import Face, open_app
from tests.helpers.recorded import SPRING, TEXTS, build_answer

EVERYTHING = Selection(None, None)
WORDS = st.text(st.sampled_from("ab 漢é🚀-.,\n"), max_size=200)


@settings(deadline=None, max_examples=200)
@given(text=WORDS, width=st.integers(4, 40))
def test_wrapping_is_undone(text: str, width: int) -> None:
    """If all of a wrapped text is marked, it comes back word for word and line for line, without what stands in
    front."""
    bar = Content("┃ ")
    marked = extract_marked(prefix_lines(Content(text), width, bar + Content("[1] "), bar), EVERYTHING)
    assert marked.removeprefix("[1]").split() == text.split() or not text.strip()
    drawn = extract_marked(prefix_lines(Content(text), width, bar, bar), EVERYTHING)
    kept = [" ".join(line.split()) for line in text.strip().split("\n") if line.strip()]
    assert [" ".join(line.split()) for line in drawn.split("\n") if line.strip()] == kept


@pytest.mark.parametrize("width", [20, 30, 47, 80])
def test_a_quote_in_any_width(width: int) -> None:
    """A quote marked from its first to its last word is the quote, and a title that does not fit keeps its words."""
    turn = TurnModel(1, "x", state=TurnState.ANSWERED, answer=build_answer("How high is the highest tide?"))
    drawing = draw_turn(turn, width, 0)
    first, last = drawing.rows[0]
    marked = extract_marked(drawing.drawn[first:last], EVERYTHING)
    assert marked == f"[1] {SPRING}\nWhy the sea rises twice a day · 2021-06-04 · tides.md:12"


def test_a_part_of_a_row() -> None:
    """A mark may begin and end inside rows. A bar under the pointer counts as the beginning of its row."""
    bar = Content("┃ ")
    lines = prefix_lines(Content("one two three four"), 10, bar, bar)
    assert [line.plain for line in lines] == ["┃ one two", "┃ three", "┃ four"]
    assert extract_marked(lines, Selection(Offset(6, 0), Offset(5, 1))) == "two thr"
    assert extract_marked(lines, Selection(Offset(0, 1), Offset(4, 2))) == "three fo"
    assert extract_marked(lines, Selection(Offset(0, 1), Offset(99, 99))) == "three four"
    assert extract_marked([], EVERYTHING) == ""


def test_a_word_that_is_too_long_stays_one_word() -> None:
    """If a row ends inside a word, nothing is put between its halves."""
    lines = prefix_lines(Content("https://example.org/a/long/address"), 12, Content("  "))
    assert len(lines) > 2
    assert extract_marked(lines, EVERYTHING) == "https://example.org/a/long/address"


def test_parts_are_marked_with_their_dots() -> None:
    """The dots between title, date and place are included, in one row or in several."""
    lines = prefix_parts([Content("A title"), Content("2021-06-04"), Content("tides.md:12")], 14, Content("  "))
    assert len(lines) == 3
    assert extract_marked(lines, EVERYTHING) == "A title · 2021-06-04 · tides.md:12"
    assert join_parts([], 10) == []


def test_the_quote_in_a_card() -> None:
    """The rows of a quote are found by its style. Without a quote, all rows count."""
    quoted = DrawnLine(Content("quoted").stylize("not dim $foreground"))
    plain = DrawnLine(Content("around"))
    assert find_quote([plain, quoted, quoted, plain]) == (1, 3)
    assert find_quote([plain, plain]) == (0, 2)


async def _mark(face: Face, words_from: str, words_to: str) -> str:
    """Marks with the mouse from the beginning of some words on the screen to the end of others, and copies."""
    rows = face.text.splitlines()
    begin = next((row.index(words_from), y) for y, row in enumerate(rows) if words_from in row)
    end = next((row.index(words_to) + len(words_to) - 1, y) for y, row in enumerate(rows) if words_to in row)
    await face.pilot.mouse_down(offset=begin)
    await face.pilot.hover(offset=end)
    await face.pilot.mouse_up(offset=end)
    await face.press("ctrl+c")
    return face.app.clipboard


async def test_marking_with_the_mouse() -> None:
    """A quote over several rows is copied as it stands in the article, in the conversation and among the sources."""
    async with open_app(size=(60, 30)) as face:
        await face.ask("How high is the highest tide?")
        face.app.main.conversation.focus()
        await face.pilot.pause()
        assert await _mark(face, "Spring tides", "on Earth.") == SPRING
        await face.press("f2")
        marked = await _mark(face, "When Sun", "on Earth.")
        assert marked.endswith(SPRING)
        assert marked in TEXTS["tides.md"].replace("\n", " ")
