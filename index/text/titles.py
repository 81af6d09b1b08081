"""Owns the title of an article: its first line if that looks like a title, else a readable form of its file's name."""

from __future__ import annotations

import html
import re
from pathlib import PurePosixPath

MAX_TITLE = 200
"""Characters; a longer first line is a paragraph."""

FIRST_LINES = re.compile(r"\s*(?P<first>[^\r\n]{1,400})(?:\r\n|\r|\n|\Z)(?P<rest>[^\r\n]{0,400})")
LABEL = re.compile(r"[\w .-]{1,40}:\s*[^A-Za-z]*\Z|https?://|[\w.+-]+@[\w-]+\.", re.IGNORECASE)
"""'PMID: 12929205', an address: first lines that are not titles."""

SENTENCE_END = re.compile(r"[.;,。]['\"”’)\]]*\Z")


def title_from_text(text: str) -> str | None:
    """The first line of `text` if it is short, does not end like a sentence and stands alone; None if not."""
    found = FIRST_LINES.match(text)
    if found is None:
        return None
    first = found["first"].strip()
    if len(first) > MAX_TITLE or not any(character.isalpha() for character in first):
        return None
    if (
        LABEL.match(first)
        or (SENTENCE_END.search(first) and not first.endswith("..."))
        or not _stands_alone(first, found["rest"])
    ):
        return None
    return clean_title(first)


def _stands_alone(first: str, following: str) -> bool:
    """True if the line break after `first` is intended: a blank line follows, or a far longer one. A line that a
    program wrapped is about as long as the next one."""
    return not following.strip() or len(first) < 0.6 * len(following.rstrip())


def clean_title(text: str) -> str:
    """The text on one line of at most MAX_TITLE characters, without HTML entities and outer marks."""
    return " ".join(html.unescape(text).split()).strip("*_# ")[:MAX_TITLE]


def title_from_name(name: str) -> str:
    """'news/2022-03-09_trade-with_russia.txt' -> '2022-03-09 trade-with russia'."""
    stem = PurePosixPath(name).stem
    return " ".join(stem.replace("_", " ").split()) or name


def same_words(one: str, other: str) -> bool:
    """True if two texts have the same letters and digits in the same order, in any case and with any other signs."""
    return bool(letters := letters_of(one)) and letters == letters_of(other)


def letters_of(text: str) -> str:
    """The letters and digits of `text` in lower case, and nothing else."""
    return "".join(character for character in text.casefold() if character.isalnum())
