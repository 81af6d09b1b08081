"""Owns the way from bytes to text: the one place that guesses an encoding or refuses what is not text."""

from __future__ import annotations

import codecs
import re
from collections import Counter

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
"""How files that are not text begin."""

CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b"))
"""C0 characters that do not occur in text. Ctrl-Z is allowed because it ends old DOS files, escape because terminal
logs hold it."""

MAX_CONTROLS = 0.02
"""Share of control characters above which bytes are not text."""

MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
ASCII_LETTERS = re.compile(rb"[A-Za-z]+")
JAPANESE_MAIL = re.compile(rb"\x1b\$[@B].*?\x1b\([BJ]", re.DOTALL)
LIVING = re.compile(
    r"[\t\n\r\f -~\u00a0-\u024f\u0370-\u05ff\u0600-\u06ff\u0900-\u0dff\u0e00-\u0eff\u10a0-\u11ff\u1e00-\u20cf"
    r"\u2100-\u22ff\u2500-\u27bf\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef\U0001f300-\U0001faff]+"
)
"""Characters of scripts in use, punctuation and emoji."""

LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254", "iso8859_15", "mac_roman", "cp850", "cp852", "cp1257")
"""Encodings of mostly ASCII text. If several fit equally well, the first is taken."""

_WESTERN = ("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúüªº", "áâãàçéêíóôõúü", "àèéìòù", "åäöé", "åæøé", "áðéíóúýþæö")
_OTHERS = (
    *("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž", "çğıiöşüâîû"),
    *("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
)
ALPHABETS = tuple(frozenset(letters) for letters in (*_WESTERN, *_OTHERS))
"""The letters beyond ASCII of one language each, in lower case."""
WESTERN = frozenset("".join(_WESTERN))
"""The letters of all western languages together, for texts with foreign names."""

SIGNS = frozenset("–—‘’‚“”„‹›«»…•·§°€£¢¥©®™†‡¡¿¼½¾²³µ±×÷\u00a0\u00ad")
SIGN_IN_WORD = re.compile("[A-Za-z][¡¿¼½¾²³µ±×÷§°€£¢¥©®™†‡„‚“«»•\u00a0](?=[a-z])")
MIN_KNOWN = 0.95
JAPANESE = ("cp932", "shift_jis", "shift_jis_2004", "shift_jisx0213")
HALF_WIDTH = re.compile("[\uff61-\uff9f]")
MAX_HALF_WIDTH = 0.2


def decode(data: bytes) -> tuple[str, str]:
    """The text, without its BOM and with its line ends untouched, and the encoding it was read in.

    :raises UnreadableFileError: if the bytes are not text.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], encoding), encoding
    try:
        text, encoding = data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = "", ""
    if (b"\0" in data or not encoding) and (wide := _wide_encoding(data)):
        return data.decode(wide), wide
    _refuse_binary(data)
    if not encoding:
        return _decode_legacy(data)
    if JAPANESE_MAIL.search(data) and _decodes(data, "iso2022_jp_2"):
        return data.decode("iso2022_jp_2"), "iso2022_jp_2"
    return text, encoding


def _decode_marked(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" or error.end >= len(data):  # cut off in the middle of a character
            return data.decode(encoding, "replace")
        raise UnreadableFileError(f"not text (marked as {encoding.upper()} but is not)") from None


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a BOM, recognised by what the first characters would be; None if it is neither."""
    for encoding, width in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        if len(data) % width == 0 and _is_writing(data[:4096], encoding) and _decodes(data, encoding):
            return encoding
    return None


def _is_writing(head: bytes, encoding: str) -> bool:
    """True if nearly all characters are of scripts in use, with spaces or ideographic stops among them. Bytes of
    another encoding, read in pairs, are scattered over all scripts, and none of the pairs is a space."""
    text = head.decode(encoding, "ignore")
    spaces = sum(text.count(character) for character in " \n\t、。，　")
    return spaces >= max(1, 0.005 * len(text)) and len(LIVING.sub("", text)) <= 0.02 * len(text)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _refuse_binary(data: bytes) -> None:
    for signature, kind in SIGNATURES:
        if data.startswith(signature) and (len(signature) > 3 or b"\0" in data[:1024]):
            raise UnreadableFileError(f"not text ({kind})")
    if b"\0" in data:
        raise UnreadableFileError("not text (holds NUL bytes)")
    if len(data) - len(data.translate(None, CONTROLS)) > MAX_CONTROLS * len(data):
        raise UnreadableFileError("not text (holds control characters)")


def _decode_legacy(data: bytes) -> tuple[str, str]:
    """Reads damaged UTF-8, then a Latin encoding whose letters are those of one language, then what the detector thinks
    likeliest.

    :raises UnreadableFileError: if no encoding fits.
    """
    beyond_ascii = len(data) - len(data.translate(None, bytes(range(128, 256))))
    if sum(len(match) for match in MULTIBYTE.findall(data)) > 0.9 * beyond_ascii:
        return data.decode("utf-8", "replace"), "utf-8"
    if encoding := _latin_encoding(data, beyond_ascii):
        return data.decode(encoding), encoding
    # Takes 40 ms to import, so it is used only for files that are neither UTF-8 nor in the letters of a known language.
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is not None and _is_half_width(str(best)):
        best = from_bytes(data, cp_exclusion=[*JAPANESE]).best() or best
    if best is None:
        raise UnreadableFileError("not text in any known encoding")
    return _without_surrogates(str(best)), best.encoding


def _latin_encoding(data: bytes, beyond_ascii: int) -> str | None:
    """The Latin encoding that its letters show; None if there is no such encoding. The detector takes short Latin texts
    for rare relatives (Polish in ISO 8859-2 for 8859-10)."""
    if sum(map(len, ASCII_LETTERS.findall(data))) < 2 * beyond_ascii:
        return None
    fits = [(encoding, _share_known(data, encoding)) for encoding in LATIN if _decodes(data, encoding)]
    best = max(fits, key=lambda fit: fit[1], default=("", 0.0))  # the first of equals
    return best[0] if best[1] >= MIN_KNOWN else None


def _share_known(data: bytes, encoding: str) -> float:
    """Share of the characters beyond ASCII that are letters of one language, or signs outside of words."""
    text = data.decode(encoding)
    beyond = Counter(character.lower()[0] for character in text if character > "\x7f")
    signs = sum(number for character, number in beyond.items() if character in SIGNS) - len(SIGN_IN_WORD.findall(text))
    own = max(sum(number for character, number in beyond.items() if character in letters) for letters in ALPHABETS)
    mixed = sum(number for character, number in beyond.items() if character in WESTERN) * 0.99
    return (signs + max(own, mixed)) / max(1, beyond.total())


def _is_half_width(text: str) -> bool:
    """True if the text is mostly half-width katakana. Cyrillic and Hebrew bytes look like that if they are read as
    Japanese, which is not written so."""
    return len(HALF_WIDTH.findall(text)) > MAX_HALF_WIDTH * len(text)


def _without_surrogates(text: str) -> str:
    """Replaces the lone surrogates that a few encodings produce, because nothing can store them."""
    return text.encode("utf-8", "replace").decode("utf-8")
