"""The promises of the one gate to the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.output.safe_text import safe_line, safe_text
from tests.helpers.commands import run_python

ANY_TEXT = st.text(st.characters(codec=None, categories=None, min_codepoint=0, max_codepoint=0x10FFFF))
BIDI = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]


def _hostile(character: str) -> bool:
    code = ord(character)
    control = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} and character not in "\t\n"
    return control or code in BIDI or 0xE0000 <= code <= 0xE0FFF


@given(ANY_TEXT)
def test_nothing_hostile_passes(text: str) -> None:
    """No control character, bidirectional mark or lone surrogate comes out of any text."""
    cleaned = safe_text(text)
    assert not [character for character in cleaned if _hostile(character)]
    cleaned.encode("utf-8")


@given(ANY_TEXT)
def test_offsets_hold(text: str) -> None:
    """The result has the length of the original, and a harmless character stays in its place."""
    cleaned = safe_text(text)
    assert len(cleaned) == len(text) == len(safe_line(text))
    assert safe_text(cleaned) == cleaned
    for before, after in zip(text, cleaned, strict=True):
        if before.isalnum():
            assert after == before


@given(ANY_TEXT)
def test_a_line_is_one_line(text: str) -> None:
    """A title or a file name made safe for one line has no line end of any kind."""
    assert len(safe_line(text).splitlines()) <= 1


def test_every_character_of_unicode() -> None:
    """The promise holds for each code point, not only for those that a random test meets."""
    cleaned = safe_text("".join(map(chr, range(0x110000))))
    assert not {hex(ord(character)) for character in cleaned if _hostile(character)}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x9b2J", "\ufffd2J"),
        ("one\r\ntwo\rthree", "one \ntwo\nthree"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("invoice\u202etxt.exe", "invoice\ufffdtxt.exe"),
        ("\ud800", "\ufffd"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
        ("Fußball 東京 👩\u200d🚀 ❤\ufe0f", "Fußball 東京 👩\u200d🚀 ❤\ufe0f"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    """Escape sequences become visible pictures. Letters, emoji and brackets stay as they are."""
    assert safe_text(text) == shown


def test_cheap_to_import() -> None:
    """The gate imports nothing of the project and nothing heavy."""
    code = "import sys, qa.output.safe_text; print(*sys.modules)"
    printed = run_python(code)
    assert not {"numpy", "textual", "rich", "click", "qa.cli"} & set(printed.split())
