"""Owns bytes to text: the one place that guesses an encoding, and that says what is no text at all."""

from __future__ import annotations

import codecs
import re

from index.errors import UnreadableFileError

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"{\\rtf", "an RTF document"),
    (b"OggS", "an Ogg recording"),
    (b"ID3", "an MP3 recording"),
)
"""How files begin that are not text."""

CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b"))
"""C0 characters that text does not hold. A Ctrl-Z ends old DOS files, an escape stands in terminal logs."""

MAX_CONTROLS = 0.02
"""Share of control characters above which bytes are no text."""

MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
WESTERN = frozenset("äöüßÄÖÜéèêëàâçîïôûùœŒÉÈÀÇáíóúñÁÍÓÚÑ¡¿åÅæÆøØãõ§°€£©®™·–—‘’“”„‚«»…•¼½¾²³µ±×\u00a0")
"""What letters and signs beyond ASCII a text in Windows' western encoding is made of."""


def decode(data: bytes) -> tuple[str, str]:
    """The text of `data`, without its BOM and with its line ends untouched, and the encoding it was read in.

    Raises UnreadableFileError for what is no text.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], encoding), encoding
    if wide := _wide_encoding(data):
        return data.decode(wide), wide
    _refuse_binary(data)
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _decode_legacy(data)


def _decode_marked(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" or error.end >= len(data):  # cut off in the middle of a character
            return data.decode(encoding, "replace")
        raise UnreadableFileError(f"not text (marked as {encoding.upper()} but is not)") from None


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: most text in them has zeros in every second byte or in three of
    four."""
    head = data[:4096]
    if b"\0" not in head:
        return None
    zeros = [head[offset::4].count(0) / max(1, len(head[offset::4])) for offset in range(4)]
    wide = {
        "utf-32-le": zeros[0] < 0.2 and min(zeros[2:]) > 0.9,
        "utf-32-be": zeros[3] < 0.2 and min(zeros[:2]) > 0.9,
        "utf-16-le": max(zeros[0], zeros[2]) < 0.2 and min(zeros[1], zeros[3]) > 0.3,
        "utf-16-be": max(zeros[1], zeros[3]) < 0.2 and min(zeros[0], zeros[2]) > 0.3,
    }
    return next((name for name, fits in wide.items() if fits and _is_plain_text(data, name)), None)


def _is_plain_text(data: bytes, encoding: str) -> bool:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return sum(character.isprintable() or character.isspace() for character in text[:4096]) > 0.97 * len(text[:4096])


def _refuse_binary(data: bytes) -> None:
    for signature, kind in SIGNATURES:
        if data.startswith(signature) and (len(signature) > 3 or b"\0" in data[:1024]):
            raise UnreadableFileError(f"not text ({kind})")
    if b"\0" in data:
        raise UnreadableFileError("not text (holds NUL bytes)")
    if len(data) - len(data.translate(None, CONTROLS)) > MAX_CONTROLS * len(data):
        raise UnreadableFileError("not text (holds control characters)")


def _decode_legacy(data: bytes) -> tuple[str, str]:
    """Damaged UTF-8, Windows' western encoding where it fits exactly, else what the detector thinks
    likeliest."""
    beyond_ascii = len(data) - len(data.translate(None, bytes(range(128, 256))))
    if sum(len(match) for match in MULTIBYTE.findall(data)) > 0.9 * beyond_ascii:
        return data.decode("utf-8", "replace"), "utf-8"
    if text := _decode_western(data):
        return text, "cp1252"
    # 40 ms to import, so only for files that are not UTF-8.
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise UnreadableFileError("not text in any known encoding")
    return _without_surrogates(str(best)), best.encoding


def _decode_western(data: bytes) -> str | None:
    """The detector takes short western texts for central European ones; this looks at the characters
    themselves."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    beyond = [character for character in text if character > "\x7f"]
    letters = sum(character.isascii() and character.isalpha() for character in text)
    known = sum(character in WESTERN for character in beyond)
    return text if known >= 0.95 * len(beyond) and letters > 2 * len(beyond) else None


def _without_surrogates(text: str) -> str:
    """A few encodings decode to lone surrogates, which can be stored nowhere."""
    return text.encode("utf-8", "replace").decode("utf-8")
