"""Owns how a paragraph that is longer than the model reads is cut: at sentence ends, else at white space, else anywhere
but inside a character as a person sees it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from index.text.sentences import split_sentences, trim

CountTokens = Callable[[Sequence[str]], list[int]]

MAX_CHARACTERS_PER_TOKEN = 8
"""English has 4 to 5. A tokenizer that knows no word of a text counts a thousand letters as one token, so without this
limit a line of 1 MB would stay whole."""

MOST_TOKENS_OF_A_CHARACTER = 6
"""No tokenizer makes more tokens of one character beyond ASCII, or more than one of an ASCII character."""

MOST_PARTS = 64
"""Code points that are searched for the end of a visible character. The longest emoji has 10."""

JOINERS = "\u200d\ufe0e\ufe0f"


def may_exceed(text: str, max_tokens: int) -> bool:
    """False if `text` cannot have more than `max_tokens`. Most paragraphs need not be tokenised to know that."""
    if len(text) > max_tokens:
        return True
    return not text.isascii() and MOST_TOKENS_OF_A_CHARACTER * len(text) > max_tokens


def cut(text: str, start: int, end: int, max_tokens: int, count_tokens: CountTokens) -> list[tuple[int, int]]:
    """Cuts `text[start:end]` into trimmed ranges of about equal length.

    :param max_tokens: tokens of a range at most; 1 or more. A single visible character with more tokens stays whole.
    :return: the ranges in order.
    """
    longest = max(1, max_tokens * MAX_CHARACTERS_PER_TOKEN)
    pieces = _sentences(text, start, end, longest)
    counts = count_tokens([text[left:right] for left, right in pieces])
    fitting: list[tuple[int, int]] = []
    sizes: list[int] = []
    for (left, right), tokens in zip(pieces, counts, strict=True):
        for part, size in _fit(text, left, right, tokens, max_tokens, count_tokens):
            fitting.append(part)
            sizes.append(size)
    return _pack(fitting, sizes, max_tokens, longest)


def _sentences(text: str, start: int, end: int, longest: int) -> list[tuple[int, int]]:
    """Sentences of at most `longest` characters."""
    pieces = []
    for left, right in split_sentences(text[start:end]):
        left, right = start + left, start + right
        while right - left > longest:
            middle = _cut_point(text, left + longest // 2, left + longest, right)
            pieces.append(trim(text, left, middle))
            left, _ = trim(text, middle, right)
        pieces.append((left, right))
    return [(left, right) for left, right in pieces if left < right]


def _fit(
    text: str, left: int, right: int, tokens: int, max_tokens: int, count_tokens: CountTokens
) -> list[tuple[tuple[int, int], int]]:
    """Halves a range until every part fits.

    :return: each part with its number of tokens.
    """
    if tokens <= max_tokens or right - left < 2:
        return [((left, right), tokens)]
    middle = _cut_point(text, left + (right - left) // 4, left + (right - left + 1) // 2, right)
    halves = [half for half in (trim(text, left, middle), trim(text, middle, right)) if half[0] < half[1]]
    if len(halves) < 2:
        return [((left, right), tokens)]
    counts = count_tokens([text[first:last] for first, last in halves])
    return [
        part
        for (first, last), size in zip(halves, counts, strict=True)
        for part in _fit(text, first, last, size, max_tokens, count_tokens)
    ]


def _cut_point(text: str, earliest: int, latest: int, end: int) -> int:
    """The place to cut in (earliest, latest]: after the last line end (a row of a table), else after the last white
    space, else where a visible character begins, after `latest` if need be. `end` if there is no such place. A run of
    accents without end is cut all the same."""
    line = max(text.rfind("\n", earliest, latest), text.rfind("\r", earliest, latest))
    if line >= earliest:
        return line + 1
    for position in range(latest, earliest, -1):
        if text[position - 1].isspace():
            return position
    for position in range(latest, max(earliest, latest - MOST_PARTS), -1):
        if begins_character(text, position):
            return position
    for position in range(latest + 1, min(end, latest + MOST_PARTS)):
        if begins_character(text, position):
            return position
    return latest if end > latest + MOST_PARTS else end


def begins_character(text: str, position: int) -> bool:
    """True if a character as a person sees it begins at `position`: letters keep their accents, and emoji their
    parts."""
    if not 0 < position < len(text):
        return True
    before, after = text[position - 1], text[position]
    if after in JOINERS or before == "\u200d" or (before == "\r" and after == "\n"):
        return False
    if "\U0001f1e6" <= after <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff":
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\u1160" <= after <= "\u11ff" or "\U000e0020" <= after <= "\U000e007f":
        return False
    return not unicodedata.category(after).startswith("M")


def _pack(pieces: list[tuple[int, int]], sizes: list[int], max_tokens: int, longest: int) -> list[tuple[int, int]]:
    """Joins neighbours up to an equal share of the whole, so that no short piece is left at the end."""
    total = sum(sizes) + len(sizes)
    share = total / max(1, -(-total // max_tokens))
    packed: list[tuple[int, int]] = []
    filled = 0
    for (start, end), size in zip(pieces, sizes, strict=True):
        fits = packed and filled + size + 1 <= max_tokens and end - packed[-1][0] <= longest
        if fits and filled + size / 2 <= share:
            packed[-1] = (packed[-1][0], end)
            filled += size + 1
        else:
            packed.append((start, end))
            filled = size
    return packed
