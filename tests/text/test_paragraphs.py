"""Units, which become paragraphs: exact offsets, blocks, items, headings, boilerplate, and how long ones are cut."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from index.documents.formats import extract_document
from index.documents.source_files import load_file
from index.text.blocks import split_blocks
from index.text.boilerplate import is_boilerplate
from index.text.cutting import begins_character
from index.text.paragraphs import split_document
from index.types import Document, Paragraph
from tests.helpers.places import SHARED

PARTS = st.sampled_from(
    [
        *(
            "\n",
            "\r\n",
            "\r",
            "\n\n",
            "\n \t\n",
            "\f",
            "\u0085",
            "\u2028",
            "\u2029",
            "\v",
            " ",
            "\u00a0",
            "\t",
            "\u3000",
        ),
        *("- ", "* ", "• ", "1. ", "2. ", "a) ", "b) ", "# ", "= Name =", "---", "```\n", "> ", "|", ":", "==\n"),
        *("word ", "Sentence one. ", "Two reasons:", "Title", "x" * 90, "Leave a Reply", "Title\n\n", "title: x\n"),
        *("👩‍👩‍👧‍👦", "e\u0301", "\U0001f1e9\U0001f1ea", "\u200b", "\u202e", "中国。", "\u0000"[:0], "﷽", "각"),
    ]
)
HARD_TEXT = st.one_of(st.text(max_size=200), st.lists(PARTS, max_size=60).map("".join))


def count_words(texts: Sequence[str]) -> list[int]:
    """A small stand-in for a tokenizer: runs of letters in fours, and every other sign."""
    return [len(re.findall(r"\w{1,4}|[^\w\s]", text)) for text in texts]


def split(text: str, max_tokens: int = 60, name: str = "a.txt") -> list[Paragraph]:
    """The units of a text, as its extractor sees it."""
    return split_document(extract_document(name, text.encode()), max_tokens, count_words)


def texts(text: str, max_tokens: int = 60, name: str = "a.txt") -> list[str]:
    """The texts of the units that can be found."""
    return [unit.text for unit in split(text, max_tokens, name) if not unit.boilerplate]


def count_lines(before: str) -> int:
    """The 1-based number of the line on which the text after `before` stands."""
    return len(re.split(r"\r\n|[\r\n]", before))


def is_one_character(text: str) -> bool:
    """True if a person sees a single character."""
    return not any(begins_character(text, position) for position in range(1, len(text)))


@given(HARD_TEXT, st.sampled_from(["a.txt", "a.md"]), st.integers(1, 60))
def test_any_text_gives_slices_in_order(text: str, name: str, max_tokens: int) -> None:
    """Every unit is `text[start:end]`, trimmed, not empty, in order, without overlap, in its block and on its line."""
    assume("\0" not in text)
    document = extract_document(name, b"\xef\xbb\xbf" + text.encode())
    blocks = split_blocks(document.text)
    position = 0
    for number, unit in enumerate(split_document(document, max_tokens, count_words)):
        assert unit.ordinal == number
        assert position <= unit.start < unit.end
        assert unit.text == document.text[unit.start : unit.end] == unit.text.strip() != ""
        assert blocks[unit.block].lines[0].start <= unit.start < unit.end <= blocks[unit.block].lines[-1].end
        assert unit.line == count_lines(document.text[: unit.start])
        assert begins_character(document.text, unit.start)
        position = unit.end


@given(HARD_TEXT, st.sampled_from(["a.txt", "a.md"]))
def test_no_word_is_lost(text: str, name: str) -> None:
    """Text outside of all units is white space, a bullet, a heading or the title."""
    document = Document(text, "", headings=())
    if name == "a.md" and "\0" not in text:
        document = extract_document(name, b"\xef\xbb\xbf" + text.encode())
    kept = bytearray(len(document.text))
    for unit in split_document(document, 60, count_words):
        kept[unit.start : unit.end] = b"\1" * (unit.end - unit.start)
    for heading in document.headings:
        kept[heading.start : heading.end] = b"\1" * (heading.end - heading.start)
    rest = "".join(character for character, seen in zip(document.text, kept, strict=True) if not seen)
    title = "" if not document.title_in_text else document.title
    assert sum(map(str.isalnum, rest)) <= sum(map(str.isalnum, title))


@given(HARD_TEXT, st.integers(8, 40))
def test_no_unit_is_longer_than_the_model_reads(text: str, max_tokens: int) -> None:
    """Context and text together stay within the tokens of the model, unless a single visible character has more."""
    for unit in split_document(Document(text, "A title of some words"), max_tokens, count_words):
        assert count_words([unit.embedded_text])[0] <= max_tokens or is_one_character(unit.text)


@given(st.text(alphabet="ab \n\r\t\f\u0085\u00a0."))
def test_blocks_are_what_stands_between_blank_lines(text: str) -> None:
    """Every block has a number, with any line ends, and no line of a block is blank."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    expected = [part for part in re.split(r"\n(?:[^\S\n]*\n)+", "\n" + plain + "\n") if part.strip()]
    blocks = split_blocks(text)
    assert [block.number for block in blocks] == list(range(len(expected)))
    for block, words in zip(blocks, expected, strict=True):
        assert [text[line.start : line.end] for line in block.lines] == [
            line.strip() for line in words.split("\n") if line.strip()
        ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_change_neither_blocks_nor_lines(end: str) -> None:
    """A text has the same units and line numbers with the line ends of Unix, Windows or an old Mac."""
    units = split(end.join(["Title", "", "First paragraph,", "wrapped.", " \t", "Second one."]))
    assert [(unit.block, unit.line, unit.text.split()[0]) for unit in units] == [(1, 3, "First"), (2, 6, "Second")]
    assert [unit.context for unit in units] == ["Title", "Title"]


def test_form_feed_ends_a_page_and_a_block_but_no_line() -> None:
    """A new page begins a block, and lines count as in an editor."""
    assert [(unit.block, unit.line) for unit in split("Of page one it is.\n\fOf page two it is.")] == [(0, 1), (1, 2)]


def test_title_is_context_and_no_unit() -> None:
    """The title stands in front of every unit and is not found alone."""
    units = split("Trade with Russia\n\nIt rose to $146.9 billion.\n\nTRADE WITH RUSSIA!")
    assert [(unit.block, unit.text, unit.boilerplate) for unit in units] == [
        (1, "It rose to $146.9 billion.", False),
        (2, "TRADE WITH RUSSIA!", True),
    ]


def test_title_may_stand_below_boilerplate() -> None:
    """'Advertisement' is not a title, so the title is what follows it."""
    units = split("Advertisement\n\nTrade with Russia\n\nIt rose to $146.9 billion.")
    assert [(unit.block, unit.boilerplate) for unit in units] == [(0, True), (2, False)]
    assert units[1].context == "Trade with Russia"


def test_title_alone_is_a_unit() -> None:
    """An article of one line can be found."""
    assert texts("Trade with Russia") == ["Trade with Russia"]
    assert texts("# Trade with Russia\n", name="a.md") == ["# Trade with Russia"]


def test_file_name_is_not_context() -> None:
    """A title made from the name is not embedded, so a renamed file keeps its vectors."""
    body = b"It rose to $146.9 billion, which is less than a tenth of all trade."
    one, other = (split_document(extract_document(name, body), 60, count_words)[0] for name in ("a.txt", "b_c.txt"))
    assert one.content_hash == other.content_hash
    assert one.context == ""


def test_headings_are_context_of_what_stands_below() -> None:
    """The outermost heading comes first, and the heading of the title is not repeated. A heading without text below it
    is a unit."""
    units = split("# War\n\nIntro.\n\n## Trade\n\n### Gas\nIt flows.\n\n## Aid\n\n## Peace\n\nNone.", name="a.md")
    assert [(unit.heading, unit.text, unit.context) for unit in units] == [
        (None, "Intro.", "War"),
        ("Trade › Gas", "It flows.", "War\nTrade › Gas"),
        (None, "## Aid", "War"),
        ("Peace", "None.", "War\nPeace"),
    ]


def test_wikitext_headings_in_plain_text() -> None:
    """Lines such as '= Name =' are headings in dumps of Wikipedia."""
    units = split(" = Valkyria = \n\n It is a game . \n\n = = Plot = = \n\n It tells of war . \n")
    assert [(unit.block, unit.heading, unit.text) for unit in units] == [
        (1, None, "It is a game ."),
        (3, "Plot", "It tells of war ."),
    ]


LONG = "If China lends support to Russia, it could violate Western sanctions, and firms could be hit."


def test_items_are_units_with_their_lead_in() -> None:
    """A blank line may stand between lead-in and items, and between items."""
    for gap in ("\n", "\n\n"):
        units = split(
            f"Title\n\nThat is so. It is untenable for two main reasons:\n\n  1. {LONG}{gap}  2. {LONG} Also."
        )
        assert [unit.text for unit in units[1:]] == [f"1. {LONG}", f"2. {LONG} Also."]
        assert {unit.context for unit in units[1:]} == {"Title\nIt is untenable for two main reasons:"}
    assert split(f"Reasons are:\n- {LONG}\n- {LONG} Also.")[1].context == "Reasons are:"


def test_bullet_is_left_out_and_number_kept() -> None:
    """A bullet says nothing. A number may be asked for."""
    assert texts(f"- {LONG}\n- {LONG} Also.\n\n• {LONG} So.\n\n2) {LONG} Too.") == [
        LONG,
        f"{LONG} Also.",
        f"{LONG} So.",
        f"2) {LONG} Too.",
    ]


def test_short_items_stay_together_with_their_lead_in() -> None:
    """A shopping list is one unit."""
    assert texts("Buy:\n- milk\n- bread\n- salt") == ["Buy:\n- milk\n- bread\n- salt"]


def test_wrapped_lines_are_one_unit_even_if_one_begins_like_an_item() -> None:
    """A wrapped line may happen to begin with a dash, a number or an initial."""
    wrapped = "The meeting that was held in the year\n1972. It was led by Mr.\nA. Smith of it\n- so they say - alone."
    assert texts(wrapped) == [wrapped]


def test_lines_are_paragraphs_if_there_are_no_blank_lines() -> None:
    """In a file without blank lines, each long line is a unit of the one block."""
    line = "It has not condemned the actions of the other country, and it has refused to call them an invasion."
    units = split("\n".join(f"{number} {line}" for number in range(4)), 200)
    assert [unit.block for unit in units] == [0, 0, 0, 0]
    assert [unit.line for unit in units] == [1, 2, 3, 4]


def test_overlong_is_cut_at_sentence_ends_into_like_sizes() -> None:
    """No short piece is left at the end, and only white space stands between the pieces."""
    sentence = "This is a sentence of ten words, as one counts. "
    units = split(sentence * 20, 60)
    assert all(unit.text.startswith("This") and unit.text.endswith("counts.") for unit in units)
    sizes = [len(unit.text) for unit in units]
    assert max(sizes) < 2 * min(sizes)
    assert " ".join(unit.text for unit in units) == (sentence * 20).strip()
    assert {unit.block for unit in units} == {0}


def test_overlong_table_is_cut_between_rows() -> None:
    """No row is divided if lines can be recognised."""
    rows = [f"| Row {number} of it | and {number * 17} words | here |" for number in range(60)]
    for unit in split("\n".join(rows), 60):
        assert unit.text.splitlines()[0] in rows
        assert unit.text.splitlines()[-1] in rows


def test_huge_line_without_a_space_is_cut_between_characters() -> None:
    """A megabyte of one line is cut in good time into small pieces, and no family emoji is divided."""
    family = "👩‍👩‍👧‍👦"
    units = split(family * 20_000, 60)
    assert "".join(unit.text for unit in units) == family * 20_000
    assert all(unit.text.startswith("👩") and len(unit.text) <= 480 for unit in units)
    assert len(split("a" * 1_000_000, 60)) > 1_000


@pytest.mark.parametrize(
    "part", ["- a\n", "a\r", "# a\n\n", "a:\n", "1. x\n", "= a =\n", "A. ", "\n \nx", "2020-01-01 ", "e\u0301", "--\n"]
)
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_hostile_repetition_ends(part: str, name: str) -> None:
    """A hundred thousand characters of each mark: rules with quadratic time would take many minutes."""
    assert split(part * (100_000 // len(part)), 500, name)


@pytest.mark.parametrize(
    "boilerplate",
    [
        *(
            "Leave a Reply",
            "Get link",
            "Share this:",
            "ADVERTISEMENT",
            "Read more »",
            "Story highlights",
            "Related Articles:",
        ),
        "Your email address will not be published. Required fields are marked *",
        *(
            "(With inputs from agencies)",
            "Photo: Reuters",
            "12 comments",
            "5 min read",
            "Kommentar schreiben",
            "Lire aussi : la guerre",
        ),
        "Russian President Vladimir Putin attends a meeting with Xi Jinping in Beijing, China Photograph:(Reuters)",
        *(
            "© 2022 Cable News Network. All Rights Reserved.",
            "Copyright 2022 The Associated Press. All rights reserved.",
        ),
        *("By Jane Doe and John Roe, CNN", "WION Web Team\nBeijing, ChinaUpdated: Mar 09, 2022, 03:35 PM IST"),
        *(
            "Published on March 9, 2022 at 3:35 PM",
            "2022-03-09",
            "Sign up for our daily newsletter and never miss a story.",
        ),
        *("We use cookies to improve your experience.", "By continuing to use this site, you agree to our terms."),
        *(
            "Also read: Why China is silent",
            "Live updates: Russia invades Ukraine",
            "https://example.com/a",
            "***",
            "<!-- ad -->",
        ),
    ],
)
def test_boilerplate_is_recognised(boilerplate: str) -> None:
    """Boilerplate stays in the text and is never found."""
    assert is_boilerplate(boilerplate)
    assert boilerplate not in texts(f"A title\n\nIt has not condemned the invasion.\n\n{boilerplate}")


@pytest.mark.parametrize(
    "prose",
    [
        *("Cookies were sold at the fair for $5 each.", "The site uses cookies to track users, the regulator said."),
        *(
            "This website uses cookies and sells the data, the complaint says.",
            "She signed up for the newsletter in 2019.",
        ),
        *(
            "Subscribe numbers fell 10% at Netflix.",
            "Comments by the president drew fire.",
            "Share prices fell on Monday.",
        ),
        *(
            "Read more books, teachers say.",
            "Copyright law changed in 1976.",
            "All rights reserved for women in 1920 by law.",
        ),
        *(
            "By Monday, China had not condemned it.",
            "The war began on March 9, 2022.",
            "On 9 March 2022, 10 people died.",
        ),
        *(
            "He told Reuters.",
            "The photo: a sensation",
            "Watch sales in Switzerland: up 10%.",
            "Zhao Lijian",
            "42",
            "Beijing",
        ),
    ],
)
def test_prose_is_not_boilerplate(prose: str) -> None:
    """Rules match whole paragraphs, so prose about the same things is found."""
    assert not is_boilerplate(prose)


def test_repeated_label_within_an_article_is_found_once() -> None:
    """The second 'Key facts' of an article is boilerplate, and the first is not."""
    units = split("Some title\n\nKey facts of it\n\nIt rose.\n\nKey facts of it\n\nIt fell.")
    assert [unit.boilerplate for unit in units] == [False, False, True, False]


def test_front_matter_is_not_retrieved() -> None:
    """Front matter gives title and date, and stays in the text."""
    document = extract_document("a.md", b'---\ntitle: "War and trade"\ndate: 2022-03-09\n---\n\nIt rose.\n')
    units = split_document(document, 60, count_words)
    assert (document.title, document.date) == ("War and trade", "2022-03-09")
    assert [(unit.block, unit.text, unit.boilerplate) for unit in units][-1] == (1, "It rose.", False)
    assert all(unit.boilerplate for unit in units[:-1])


def test_pages_are_known() -> None:
    """`page` is 1-based, and None for formats without pages."""
    document = Document("One.\n\nTwo.\n\nThree.", "", pages=(0, 6, 12))
    assert [unit.page for unit in split_document(document, 60, count_words)] == [1, 2, 3]


@pytest.mark.parametrize("name", ["xquad-en", "news-dev", "covidqa", "excerpts-chroma"])
def test_labelled_paragraphs_are_whole_in_their_block(name: str) -> None:
    """The numbers of third-party labels are ours: the units of a block hold the labelled text."""
    folder = SHARED / "eval" / name
    if not folder.is_dir():
        pytest.skip(f"no set in {folder}")
    blocks: dict[tuple[str, int], str] = {}
    for path in sorted((folder / "docs").iterdir()):
        for unit in split_document(load_file(folder / "docs", path.name).document, 510, count_words):
            key = (path.name, unit.block)
            blocks[key] = f"{blocks.get(key, '')} {' '.join(unit.text.split())}".strip()
    with (folder / "questions.jsonl").open(encoding="utf-8") as lines:
        labels = [label for line in lines for label in json.loads(line)["relevant"] if label["paragraph"] is not None]
    missing = [
        label
        for label in labels
        if " ".join(label["text"].split()).lstrip("•—*- ") not in blocks.get((label["doc"], label["paragraph"]), "")
    ]
    assert labels
    assert not missing, f"{len(missing)} of {len(labels)}"
