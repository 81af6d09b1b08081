"""Where sentences begin and end: a quote is whole, exact and keeps its quotation marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.sentences import split_sentences
from tests.helpers.commands import run_python
from tests.helpers.places import SHARED

# Characters that the rules look at, so that random texts are full of hard places.
PARTS = st.sampled_from(
    [
        *(
            ". ",
            "... ",
            "! ",
            "? ",
            '." ',
            "” ",
            "“",
            "‘",
            "(",
            ") ",
            "[1]",
            "\n",
            "\r\n",
            "\n\n",
            "\u0085",
            "\u2028",
            "\f",
        ),
        *(
            "U.S. ",
            "Mr. ",
            "Inc. ",
            "p.m. ",
            "No. 5",
            "3.5 ",
            "6. ",
            "- ",
            "• ",
            "1. ",
            "a) ",
            "。",
            "中国",
            "َ",
            "\u200b",
            "\u202e",
        ),
        *(
            "The ",
            "and ",
            "Xi ",
            "said ",
            "eBay ",
            "👩‍👩‍👧",
            "\U0001f1e9\U0001f1ea",
            "\u00a0",
            "\ufeff",
            " ",
            "—",
            "…",
            "|",
            "\x1c",
        ),
    ]
)
HARD_TEXT = st.one_of(st.text(), st.lists(PARTS, max_size=40).map("".join))


def sentences(text: str) -> list[str]:
    """The texts of the sentences."""
    return [text[start:end] for start, end in split_sentences(text)]


@given(HARD_TEXT)
def test_any_text_is_covered_in_order_without_overlap(text: str) -> None:
    """Ranges are trimmed, in order and separate, and hold every character that is not white space."""
    position = 0
    for start, end in split_sentences(text):
        assert position <= start < end <= len(text)
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


@given(HARD_TEXT)
def test_no_sentence_ends_between_a_mark_and_its_closing_quotation_mark(text: str) -> None:
    """A closing mark right after a full stop stays with its sentence."""
    for start, _ in split_sentences(text):
        assert not (start > 0 and text[start - 1] in ".!?…" and text[start] in "”’»")


@pytest.mark.parametrize(
    "expected",
    [
        ["He lives in the U.S. government house.", "It is big."],
        ["He moved to the U.S.", "He liked it."],
        ["Mr. Smith paid $1.6 trillion.", "Dr. No left at 3 p.m. on Monday."],
        ["“China doesn’t want to get involved,” said Mark Williams.", "“It’s just not that big a market.”", "He left."],
        ['"They did not anticipate it."', "It comes after the talks."],
        ["It rose (see Fig. 2).", "Then it fell."],
        ["(He left early.)", "She stayed."],
        ["He waited...", "Then he left."],
        ["Wait… what?", "Yes!", "No."],
        ["China condemns invasion"],
        ["The firm (Acme Inc.) grew 5.5% in Sept. 2023.", "Sales at Acme Inc. rose."],
        ["J. R. R. Tolkien wrote it.", "C. S. Lewis read it."],
        ["The war began in Jan. 2022, i.e. before spring, etc.", "Nobody knew."],
        ['"Is it true?" he asked.', '"No!" she said.'],
        ["“Is it true?” Mark Williams asked.", "“No!”", "He left."],
        ["Yahoo! is a company.", "It was sold."],
        ["The team won 3-2.", "40 people came."],
        ["Visit www.example.com.", "See Node.js docs at 10:30 a.m. today."],
        ["Gen. Smith met Sen. Brown and Rep. Jones in St. Louis on Feb. 3.", "Talks failed."],
        ["Smith et al. (2020) showed it on p. 5 of vol. 3.", "No. 10 agreed."],
        ["It ended in 1999.[3]", "Then came peace.[4][5]", "All was well."],
        ["Am 6. Oktober 1973 starteten Syrien und z.B. Ägypten.", "Das war der 3. Versuch."],
        ["He said 'no.'", "Then he left."],
        ["eBay grew.", "iPhone sales fell.", "macOS is fine."],
        ["Was it Vitamin C?", "It was.", "Plan B.", "Then C."],
        ["He, George W. Bush, smiled at the Ph.D. student in Washington D.C. today."],
        ["1. Economic threat: it could violate sanctions.", "Firms could be hit."],
        ["At 11:03 p.m. — The Vikings scored."],
        [
            "It ran for 15 min.",
            "Polyester was used from July to December 2017.",
            "MAIN MEASURES: it is in Fig. S1a here.",
        ],
        [
            "In Boston, Mass. Senator Kerry won.",
            "It turns around the Sun.",
            "Earth's orbit has a great mass.",
            "Ice too.",
        ],
    ],
    ids=lambda expected: expected[0][:30],
)
def test_known_sentences_are_separated(expected: list[str]) -> None:
    """Abbreviations, initials, decimals, quotations, ordinals, brands and notes do not end a sentence."""
    assert sentences(" ".join(expected)) == expected


def test_chinese_needs_no_space() -> None:
    """An ideographic full stop ends a sentence without a space after it."""
    assert sentences("北京没有谴责。“中国说不。”他说！") == ["北京没有谴责。", "“中国说不。”", "他说！"]


def test_wrapped_lines_are_one_sentence_and_items_are_not() -> None:
    """A line end is a space, unless a blank line, a list or a table shows otherwise."""
    assert sentences("One sentence that\nis wrapped.\n\nA title\n\nMore") == [
        "One sentence that\nis wrapped.",
        "A title",
        "More",
    ]
    assert sentences("Two reasons:\n- the first\r\n- the second") == ["Two reasons:", "- the first", "- the second"]
    assert sentences("| a | b |\n| c | d |") == ["| a | b |", "| c | d |"]


def test_real_article_keeps_its_quotations(articles: list[str]) -> None:
    """In the articles the project began with, no sentence begins with a closing mark or a small letter."""
    for text in articles:
        for sentence in sentences(text):
            assert sentence[0] not in "”’)"
            assert not sentence[0].islower()


@pytest.fixture
def articles() -> list[str]:
    """The texts of the articles. Skips the test if they are not beside the project."""
    shared = SHARED / "articles"
    if not shared.is_dir():
        pytest.skip(f"no articles in {shared}")
    return [path.read_text(encoding="utf-8") for path in sorted(shared.glob("*.txt"))]


@pytest.mark.parametrize(
    "unit", ["a", ". ", '."', "A. ", "- a\n", ".[1]", "[", "\n x", "中。", "?” Al ", "1. x\n", "…"]
)
def test_hostile_repetition_ends(unit: str) -> None:
    """Half a million characters that the rules look at: rules with quadratic time would take many minutes."""
    text = unit * (500_000 // len(unit))
    assert split_sentences(text)[-1][1] == len(text.rstrip())


def test_import_is_cheap() -> None:
    """`qa ask` splits sentences, so the module imports only small parts of the standard library."""
    code = (
        "import sys, index.text.sentences; print(*(set(sys.modules) & {'numpy', 'index.text.boilerplate', 'asyncio'}))"
    )
    assert run_python(code) == ""
