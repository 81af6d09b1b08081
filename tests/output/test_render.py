"""Answer -> text, JSON, Markdown: what is shown, and that nothing hostile reaches a terminal."""

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qa
from qa.output.render import build_record, render_json_line, render_markdown, render_text
from qa.output.terminal import wants_colour
from qa.types import Answer, Citation, IndexInfo, Location, Passage, TextRange

_QUOTE = "Trade with Russia grew to $146.9 billion in 2021."
_DOCS = Path("/folder")

CITATION = Citation(
    number=1,
    path="trade.txt",
    title="Beijing and Moscow",
    date="2022-03-09",
    paragraph=3,
    start=100,
    end=100 + len(_QUOTE),
    line=7,
    page=None,
    heading=None,
    quote=_QUOTE,
    score=0.9,
    answer_span=TextRange(126, 140, "$146.9 billion"),
    passage=TextRange(100, 100 + len(_QUOTE), _QUOTE),
    also_in=(Location("copy.txt", 0, 49),),
)
PASSAGE = Passage("trade.txt", "Beijing and Moscow", None, 3, 100, 149, 7, None, None, _QUOTE, 0.4)
ANSWER = Answer(
    question="How large was trade?",
    asked_as="How large was trade?",
    answered=True,
    confidence=0.91,
    citations=(CITATION,),
    passages=(PASSAGE,),
    index=IndexInfo(3, 2, 20, "small"),
    timings_ms={"total": 12.34},
)
DECLINED = dataclasses.replace(ANSWER, answered=False, citations=(), confidence=0.1, reason="Nothing fits.")


def test_text_shows_the_quote_its_number_and_where_it_stands() -> None:
    """A person can go to the place."""
    assert render_text(ANSWER, docs=_DOCS) == (
        f"[1] {_QUOTE}\n    trade.txt:7  Beijing and Moscow, 2022-03-09; also in copy.txt\n"
    )


def test_text_of_a_declined_question_says_so_and_shows_what_was_closest() -> None:
    """No answer is an answer of its own."""
    text = render_text(DECLINED, docs=_DOCS)
    assert text.startswith("Not in the articles.\nNothing fits.\n")
    assert "trade.txt:7" in text


def test_colour_emphasises_the_answering_words_and_links_the_file() -> None:
    """Only on a terminal: bold by SGR, the link by OSC 8."""
    text = render_text(ANSWER, docs=_DOCS, colour=True)
    assert "\x1b[1m$146.9 billion\x1b[0m" in text
    assert "\x1b]8;;file:///folder/trade.txt\x1b\\" in text


def test_a_follow_up_shows_how_it_was_understood() -> None:
    """What was taken over is never hidden."""
    answer = dataclasses.replace(ANSWER, asked_as="How large was trade? And with Russia?")
    assert render_text(answer, docs=_DOCS).startswith("asked as: How large was trade? And with Russia?\n")


def _quoting(passage: str, quote: str) -> Answer:
    """An answer whose only quote stands in a passage at 1,000."""
    start = 1_000 + passage.index(quote)
    ranges = {"start": start, "end": start + len(quote), "quote": quote, "answer_span": None, "also_in": ()}
    citation = dataclasses.replace(CITATION, passage=TextRange(1_000, 1_000 + len(passage), passage), **ranges)
    return dataclasses.replace(ANSWER, citations=(citation,))


def _shown_lines(answer: Answer) -> list[str]:
    """The quote as it is printed, without its number and its source."""
    return [line[4:] for line in render_text(answer, docs=_DOCS).splitlines()[:-1]]


def test_hard_wrapped_prose_flows_whatever_its_line_ends() -> None:
    """Lines of 40 columns are not the terminal's lines, also where the quote begins inside one."""
    lines = [
        "The pier was built in 1911 by Campbell,",
        "who had been to sea. It cost the harbour",
        "board 12,000 pounds.",
    ]
    for end in ("\n", "\r\n", "\r", " \n  "):
        passage = end.join(lines)
        quote = passage[passage.index("It cost") :]
        assert _shown_lines(_quoting(passage, quote)) == ["It cost the harbour board 12,000 pounds."]


@pytest.mark.parametrize(
    "lines",
    [
        ["Year | Exports", "2015 | 48 million", "2016 | 53 million"],
        ["| Light | Height |", "|---|---|", "| Skerryvore | 48 |"],
        ["Cash and cash equivalents $ 27,502 $ 34,940", "Inventories 5,433 6,580", "Goodwill (12) —", "Total 3 % 4 %"],
        ["- by hand", "- with gunpowder", "1. First of all"],
        ["> The engineer of the pier", "> resigned in 1913."],
        ["```python", "def height():", "    return 48", "```"],
    ],
)
def test_rows_and_items_keep_their_lines(lines: list[str]) -> None:
    """A table in one line cannot be read."""
    assert _shown_lines(_quoting("\n".join(lines), "\n".join(lines))) == lines


def test_other_places_are_named_once() -> None:
    """An article that says it three times is one article."""
    places = (Location("copy.txt", 0, 9), Location("copy.txt", 20, 29), Location("b.txt", 0, 9))
    answer = dataclasses.replace(ANSWER, citations=(dataclasses.replace(CITATION, also_in=places),))
    assert "; also in copy.txt (2 times), b.txt\n" in render_text(answer, docs=_DOCS)


@pytest.mark.parametrize("answer", [ANSWER, DECLINED])
def test_json_keeps_the_schema_that_is_shipped(answer: Answer) -> None:
    """Programs can rely on the form."""
    schema = json.loads((Path(qa.__file__).parent / "schema" / "answer-1.json").read_text("utf-8"))
    jsonschema.validate(json.loads(render_json_line(answer)), schema)


def test_the_identifier_of_a_question_comes_back_first() -> None:
    """An answer can be told from the others of a batch."""
    record = json.loads(render_json_line(ANSWER, {"a": 1}))
    assert next(iter(record)) == "id"
    assert record["id"] == {"a": 1}


def test_markdown_quotes_and_cites() -> None:
    """Ready for notes."""
    text = render_markdown(ANSWER)
    assert f"> {_QUOTE}\n" in text
    assert "`trade.txt:7`, characters 100–149" in text


@given(st.text(max_size=80))
def test_json_gives_every_text_back_and_holds_no_control_character(hostile: str) -> None:
    """A quote survives to the character, whatever it holds, and a terminal that shows the JSON is safe."""
    citation = dataclasses.replace(CITATION, quote=hostile, path=hostile)
    line = render_json_line(dataclasses.replace(ANSWER, citations=(citation,)))
    assert json.loads(line)["citations"][0]["quote"] == hostile
    assert not any(0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 or ord(char) < 0x20 for char in line[:-1])


@given(st.text(max_size=80))
def test_text_holds_no_control_character_of_an_article(hostile: str) -> None:
    """Names, titles and quotes are hostile until they have passed the gate."""
    citation = dataclasses.replace(CITATION, quote=hostile, path=hostile, title=hostile, answer_span=None)
    passage = dataclasses.replace(PASSAGE, text=hostile, path=hostile, title=hostile)
    for answer in (ANSWER, DECLINED):
        shown = dataclasses.replace(
            answer, citations=(citation,) if answer.answered else (), passages=(passage,), asked_as=hostile
        )
        text = render_text(shown, docs=_DOCS) + render_markdown(shown)
        assert not any(ord(char) < 0x20 and char not in "\n\t" for char in text)
        assert not any(0x7F <= ord(char) < 0xA0 or 0x202A <= ord(char) <= 0x202E for char in text)


def test_colour_is_for_terminals_that_want_it() -> None:
    """NO_COLOR and a dumb terminal are kept to; a pipe gets none."""
    assert wants_colour({}, True)
    assert not wants_colour({}, False)
    assert not wants_colour({"NO_COLOR": "1"}, True)
    assert not wants_colour({"TERM": "dumb"}, True)


def test_the_record_of_a_declined_question_cites_nothing() -> None:
    """`answered: false` has passages and a reason, and no citations."""
    record = build_record(DECLINED)
    assert (record["citations"], record["answer"], record["reason"]) == ([], "", "Nothing fits.")
    assert record["passages"]
