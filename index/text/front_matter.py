"""Owns front matter, the block of settings that may open a Markdown file ('---', 'title: …', '---'). It gives the title
and the date, stays in the text and is never found. Its YAML is not interpreted: only plain 'key: value' lines count."""

from __future__ import annotations

import re

FRONT_MATTER = re.compile(r"(?P<mark>---|\+\+\+)[ \t]*(?:\r\n|[\r\n])")
MAX_LENGTH = 20_000
"""Characters; a mark that is closed later is a horizontal rule and not front matter."""

FIELD = re.compile(r"^(?P<key>[A-Za-z][\w-]{0,40})[ \t]*[:=][ \t]*(?P<value>[^\r\n]*)", re.MULTILINE)


_NOT_PLAIN = tuple("!&*|>{[%@`")
"""Beginnings of values that YAML would interpret: a tag, an anchor, a block, a collection."""
_ESCAPES = {'"': ('\\"', '"'), "'": ("''", "'")}
"""How a quotation mark is written inside a value between such marks."""


def find_front_matter(text: str) -> int:
    """The end of the front matter with its closing mark; 0 if there is none."""
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
    """The plain fields of the front matter: keys in lower case, values without quotation marks. If a key is repeated,
    the first one counts. A value that is not text on one line is left out."""
    fields: dict[str, str] = {}
    for match in FIELD.finditer(text, 0, find_front_matter(text)):
        value = match["value"].strip()
        if value.startswith(_NOT_PLAIN):
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in _ESCAPES:
            value = value[1:-1].replace(*_ESCAPES[value[0]])
        fields.setdefault(match["key"].lower(), value)
    return fields
