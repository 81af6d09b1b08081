"""The one gate for text on its way to a terminal: names, articles and questions are hostile until they pass.

Every character that could control a terminal, reorder text or hide is replaced by one visible character. The result is
as long as the original, so every offset holds: `safe_text(t)[a:b]` shows `t[a:b]`.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"
"""Shown for a character that has no picture of its own."""

# Kept on purpose: U+200C, U+200D and U+FE00-FE0F, which join letters and emoji and control nothing.
_HOSTILE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f"  # C0 except tab and newline
    "\x7f-\x9f"  # DEL and C1; U+009B starts a sequence just as ESC [ does
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # default-ignorable, and the Arabic letter mark
    "\u200b\u200e\u200f"  # zero width space; left-to-right and right-to-left marks
    "\u2028-\u202e"  # line and paragraph separators; embeddings and overrides
    "\u2060-\u206f"  # word joiner, invisible operators, isolates, deprecated formats
    "\u3164\ufeff\uffa0\ufff0-\ufffb"  # fillers, byte order mark, interlinear annotation
    "\ufdd0-\ufdef\ufffe\uffff"  # noncharacters
    "\ud800-\udfff"  # lone surrogates, which no encoding can write
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # formats of shorthand and music
    "\U000e0000-\U000e0fff"  # tags and further variation selectors, used to hide text in text
    "]"
)

_PICTURES = {
    **{chr(code): chr(0x2400 + code) for code in range(0x20)},  # U+241B is the picture of ESC
    "\r": "\n",  # alone it ends a line; `safe_text` handles one before a newline
    "\x7f": "\u2421",
    "\xad": "\u2027",  # the hyphenation point marks the same place as a soft hyphen
    "\u200b": " ",  # a zero width space marks the end of a word
    "\u2028": "\n",
    "\u2029": "\n",
}


def safe_text(text: str) -> str:
    """Replace every hostile character of `text` by one harmless character; tabs and newlines stay. Idempotent.

    The first character of "\\r\\n" becomes a space, so the number of lines stays the same and nothing moves the cursor.
    """
    if text.isascii() and text.isprintable():
        return text
    if "\r" in text:
        text = text.replace("\r\n", " \n")
    return _HOSTILE.sub(_picture_of, text)


def safe_line(text: str) -> str:
    """`safe_text` on one line, of the same length: tabs and newlines become spaces."""
    return safe_text(text).replace("\n", " ").replace("\t", " ")


def _picture_of(match: re.Match[str]) -> str:
    return _PICTURES.get(match[0], REPLACEMENT)
