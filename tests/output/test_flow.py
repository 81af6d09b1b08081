"""Line ends: wrapped prose flows, and text with meaningful lines keeps them, in the commands and in the app alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.output.flow import shorten, unwrap, unwrap_quote
from qa.output.render import render_text
from qa.tui.drawing.draw import emphasised
from qa.tui.turns import place_of_citation
from qa.types import Citation, TextRange
from tests.helpers.recorded import build_answer

KEPT = {
    "verse": (
        "Because I could not stop for Death –\nHe kindly stopped for me –\n"
        "The Carriage held but just Ourselves –\nAnd Immortality."
    ),
    "verse of even lines": (
        "Two roads diverged in a yellow wood,\nAnd sorry I could not travel both\n"
        "And be one traveler, long I stood\nAnd looked down one as far as I could"
    ),
    "an address": "Harbour Board of Lindau\n12 Pier Road\n88131 Lindau",
    "an address of two lines": "Harbour Board\n12 Pier Road",
    "rows of numbers alone": "81,797  82,959\n21,213  19,604\n12  (4)%",
    "rows of numbers with names": (
        "Products $ 60,584 $ 63,355 $ 230,901 $ 245,241\nServices 21,213 19,604 62,886 (4)%\n"
        "Rest of Asia Pacific 23,284 23,002 1 %\nTotal net sales 81,797"
    ),
    "rows between bars": "Year | Exports\n2015 | 48 million\n2016 | 53 million",
    "fenced code": "```\nfirst line of the program that is long\nsecond line of it, also long enough\n```",
    "a list": "These words fill a line of some length,\n- an item\n2. another item",
    "a list in a list": "- one\n  - two\n  - three",
    "a heading": "# Springs and neaps\nWhen Sun and Moon stand in one line, the tide is highest.",
    "a heading below": "These words fill a line of some length,\n# A heading",
    "short lines": "Short\nLines",
}
PROSE = {
    "wrapped": "The pier was built in 1911 by Campbell,\nwho had been to sea. It cost the harbour\nboard a lot.",
    "indented": "These words fill a line of some length,\n   and go on.",
    "a date at the end of a line": "The quarter that ended on the day of July 1, 2023\nThe company sold more",
    "a short first line": "It cost the\nharbour board a lot.",
}


def show_in_command(citation: Citation) -> list[str]:
    """The quote as `qa ask` prints it, without number and source."""
    answer = replace(build_answer("How high is the highest tide?"), citations=(citation,))
    return [line[4:] for line in render_text(answer, docs=Path("/folder"), width=1_000).splitlines()[:-1]]


def show_in_app(citation: Citation) -> list[str]:
    """The quote as the app draws it, before it is wrapped to the width of the screen."""
    return [line for line in emphasised(place_of_citation(citation)).plain.split("\n") if line.strip()]


def cite(passage: str, quote: str) -> Citation:
    """A citation of `quote` from a passage that begins at 1,000."""
    start = 1_000 + passage.index(quote)
    around = TextRange(1_000, 1_000 + len(passage), passage)
    known = build_answer("How high is the highest tide?").citations[0]
    return replace(known, start=start, end=start + len(quote), quote=quote, passage=around, answer_span=None)


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_lines_that_mean_something_stay(text: str) -> None:
    """The commands and the app show the lines of the article."""
    lines = text.split("\n")
    assert show_in_command(cite(text, text)) == lines
    assert show_in_app(cite(text, text)) == lines


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_wrapped_prose_flows(text: str) -> None:
    """The line ends of a wrapped article are not those of the screen."""
    joined = [" ".join(text.split())]
    assert show_in_command(cite(text, text)) == joined
    assert show_in_app(cite(text, text)) == joined


@pytest.mark.parametrize("text", [*KEPT.values(), *PROSE.values()], ids=[*KEPT, *PROSE])
def test_a_part_of_a_passage_has_the_lines_of_the_whole(text: str) -> None:
    """A quote from a table or a stanza keeps its lines, even if it has few."""
    quote = text[len(text) // 3 :]
    shown = "".join(unwrap(text)[len(text) // 3 :]).strip().split("\n")
    assert [line.strip() for line in show_in_command(cite(text, quote))] == [line.strip() for line in shown]
    assert [line.strip() for line in show_in_app(cite(text, quote))] == [line.strip() for line in shown]


def test_a_quote_that_is_not_in_its_passage_is_judged_by_itself() -> None:
    """A saved answer may hold a passage that was cut short."""
    assert "".join(unwrap_quote("Short\nLines", "Something else", 3)) == "Short\nLines"
    assert "".join(unwrap_quote("Short\nLines", "Short", 0)) == "Short\nLines"


@given(st.text(alphabet="aB 1|-#`\n\r\t"))
def test_unwrapping_changes_white_space_only(text: str) -> None:
    """There is one string for each character, and the words stay."""
    characters = unwrap(text)
    assert len(characters) == len(text)
    assert "".join(characters).split() == text.split()


def test_a_text_is_cut_between_words() -> None:
    """Half a number would be another number."""
    assert shorten("It reaches 16.3 metres", 15) == "It reaches …"
    assert shorten("It reaches 16.3 metres", 17) == "It reaches 16.3 …"
    assert shorten("It\n  reaches", 13) == "It reaches"
    assert shorten("a" * 30, 10) == "a" * 8 + " …"
