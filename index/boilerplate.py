"""Owns what is page furniture: text that stands on a page without belonging to its article.

Rules are anchored to a whole short unit, so that prose which speaks of cookies or newsletters is never taken
for it.
"""

from __future__ import annotations

import hashlib
import re

MAX_LENGTH = 300
"""Characters; nothing longer is furniture by rule."""

WHOLE = re.compile(
    r"""
    leave\ a\ (?:reply|comment) | post\ a\ comment | (?:no\ |\d+\ )?comments? | get\ link
    | your\ email\ address\ will\ not\ be\ published.*
    | share\ this(?:\ (?:article|story|post))? | advertisement | read\ more
    | story\ highlights | related\ (?:articles|stories) | \(?with\ inputs\ from\ [^.]{1,60}\)?
    | .{0,250}\b(?:photograph|photo|image|picture)\ ?:\ ?\(?[^.!?]{1,60}\)?
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def is_boilerplate(text: str) -> bool:
    """Whether a unit is furniture by rule, or holds no word at all."""
    if len(text) > MAX_LENGTH:
        return False
    words = " ".join(text.split()).strip(" :.*#_»›>«‹")
    return not any(character.isalnum() for character in words) or WHOLE.fullmatch(words) is not None


def repetition_key(text: str) -> bytes:
    """16 bytes that are equal for units that say the same but for case, white space, digits and signs."""
    letters = "".join(character for character in text.casefold() if character.isalpha())
    return hashlib.blake2b(letters.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def is_repeated(articles_with_it: int, articles: int, length: int) -> bool:
    """Whether a unit of `length` characters that stands in `articles_with_it` of `articles` is furniture of
    their source."""
    if length > MAX_LENGTH or articles_with_it < 3:
        return False
    return articles_with_it >= max(5, 0.2 * articles) if length > 80 else articles_with_it >= max(3, 0.05 * articles)
