"""Owns the block of settings that may open a Markdown file ('---', 'title: …', '---'): read for the title and
the date, kept in the text, never retrieved. Its YAML is not interpreted: only plain 'key: value' lines are
taken."""

from __future__ import annotations

import re

FRONT_MATTER = re.compile(r"(?P<mark>---|\+\+\+)[ \t]*(?:\r\n|[\r\n])")
MAX_LENGTH = 20_000
"""Characters; a mark that is closed later than that is a rule, not front matter."""

FIELD = re.compile(r"^(?P<key>[A-Za-z][\w-]{0,40})[ \t]*[:=][ \t]*(?P<value>[^\r\n]*)", re.MULTILINE)


_NOT_PLAIN = tuple("!&*|>{[%@`")
"""What a value begins with that YAML would interpret: a tag, an anchor, a block, a collection."""
_ESCAPES = {'"': ('\\"', '"'), "'": ("''", "'")}
"""How a quotation mark stands inside a value between such marks."""


def find_front_matter(text: str) -> int:
    """Where the front matter ends, its closing mark included; 0 where there is none."""
    opening = FRONT_MATTER.match(text)
    if opening is None:
        return 0
    closing = re.compile(rf"(?:^|(?<=[\r\n])){re.escape(opening['mark'])}[ \t]*(?=[\r\n]|\Z)").search(
        text, opening.end(), opening.end() + MAX_LENGTH
    )
    if closing is None or not FIELD.search(text, opening.end(), closing.start()):
        return 0
    return closing.end()


def read_fields(text: str) -> dict[str, str]:
    """The plain fields of the front matter, keys in lower case, values without their quotation marks; the first of
    a name counts. What is more than text on one line is left out."""
    fields: dict[str, str] = {}
    for match in FIELD.finditer(text, 0, find_front_matter(text)):
        value = match["value"].strip()
        if value.startswith(_NOT_PLAIN):
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in _ESCAPES:
            value = value[1:-1].replace(*_ESCAPES[value[0]])
        fields.setdefault(match["key"].lower(), value)
    return fields
