"""Texts that would control a terminal, and answers made of them."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from qa.types import Answer, TextRange
from tests.helpers.recorded import build_answer

NASTY = [
    "[bold red]markup[/] [/] [@click=app.quit]x[/]",
    "\x1b[2J\x1b]0;title\x07\x1b]52;c;aGk=\x07",
    "\x9b31mC1\x90dcs\x9c",
    "right\u202eto left\u2066\u2067\u2069",
    "👩\u200d👩\u200d👧 ❤\ufe0f 🇩🇪 e\u0301\u0302\u0303",
    "東京タワー" * 40,
    "lone \ud800 surrogate",
    "\u2028\u2029\u0085\x0b\x0c\x1c",
    "tag \U000e0041\U000e0042",
    "\x00\x7f\xad\u200b\ufeff",
    "]]>--&lt;script&gt;",
    "%s {0} \\ $primary",
    "",
]


def assert_harmless(text: str) -> None:
    """Checks that no character of `text` controls a terminal or reorders what is read."""
    for character in text:
        kind = unicodedata.category(character)
        assert character == "\n" or kind not in {"Cc", "Cs", "Zl", "Zp"}, hex(ord(character))
        assert not 0x202A <= ord(character) <= 0x202E
        assert not 0x2066 <= ord(character) <= 0x2069


def hostile_answer(question: str, text: str, title: str, span: tuple[int, int] | None = None) -> Answer:
    """An answer whose every text is `text` or `title`, with offsets that agree."""
    answer = build_answer("How high is the highest tide?")
    citation = replace(
        answer.citations[0],
        title=title,
        heading=title,
        path=title or "a",
        date=title,
        quote=text,
        start=5,
        end=5 + len(text),
        passage=TextRange(5, 5 + len(text), text),
        answer_span=None if span is None else TextRange(5 + span[0], 5 + span[1], text[span[0] : span[1]]),
    )
    passages = tuple(replace(passage, title=title, text=text) for passage in answer.passages)
    return replace(answer, question=question, asked_as=text, citations=(citation,), passages=passages, reason=text)
