"""Owns the date that an article states near its beginning. A date that its prose merely mentions does not count."""

from __future__ import annotations

import re
from datetime import date

HEAD = 1500
"""Characters that are searched for a date."""

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier enero",
            "feb february februar février febrero",
            "mar march märz mars marzo",
            "apr april avril abril",
            "may mai mayo",
            "jun june juni juin junio",
            "jul july juli juillet julio",
            "aug august août agosto",
            "sep sept september septembre septiembre",
            "oct october okt oktober octobre octubre",
            "nov november novembre noviembre",
            "dec december dez dezember décembre diciembre",
        ),
        start=1,
    )
    for name in names.split()
}

_MONTH = r"(?P<{0}>" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b\.?"
DATE = re.compile(
    r"\b(?:(?P<y1>(?:19|20)\d\d)[-/.](?P<m1>\d{1,2})[-/.](?P<d1>\d{1,2})(?!\d)"
    r"|(?P<d2>\d{1,2})(?:st|nd|rd|th|\.|er)?\s(?:de\s)?" + _MONTH.format("m2") + r",?\s(?:de\s)?(?P<y2>(?:19|20)\d\d)\b"
    r"|" + _MONTH.format("m3") + r"\s(?P<d3>\d{1,2})(?:st|nd|rd|th)?,?\s(?P<y3>(?:19|20)\d\d)\b"
    r"|(?P<d4>\d{1,2})\.(?P<m4>\d{1,2})\.(?P<y4>(?:19|20)\d\d)\b)",
    re.IGNORECASE,
)

LABEL = re.compile(
    r"(?:dated?|updated|published|posted|modified|issued|created|revised|stand|datum|aktualisiert|veröffentlicht|publié|"
    r"mis à jour|publicado|actualizado|fecha|pubdate|lastmod)(?:\s+(?:on|at|am|le|el))?\s*[:=]?\s*[\"']?"
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?\Z",
    re.IGNORECASE,
)
"""Words before a date which show that it is the date of the article."""

AFTER_STAMP = re.compile(
    r"(?:T[\d:.+-]+Z?|,?\s*(?:at|um|à|-|–|\|)?\s*\d{1,2}[:.h]\d{2}(?::\d{2})?\s*(?:[ap]\.?m\.?)?\s*\(?[A-Z]{0,5}\)?)?[\s.)\"'|·•-]*\Z",
    re.IGNORECASE,
)
"""What may follow a date at the end of its line: a time and its zone."""

DATELINE = re.compile(r"\s*(?:\([^()\n]{1,30}\)\s*)?[—–:|-]")
LINE_END = re.compile(r"[\r\n]")
MAX_LINE = 120
"""Longest line, in characters, whose end may be a stamp without a label."""


def find_date(text: str, end: int = HEAD) -> str | None:
    """The date that the beginning of a text states, as 'YYYY-MM-DD'. A date with a label is preferred.

    :param end: number of characters that are searched.
    :return: None if the text states no date.
    """
    head = text[:end]
    stamped = None
    for match in DATE.finditer(head):
        found = _iso(match)
        if found is None:
            continue
        if LABEL.search(head, max(0, match.start() - 40), match.start()):
            return found
        if stamped is None and _is_stamp(text, match):
            stamped = found
    return stamped


def _iso(match: re.Match[str]) -> str | None:
    part = {name[0]: value for name, value in match.groupdict().items() if value is not None}
    month = part["m"]
    try:
        return date(
            int(part["y"]), int(month) if month.isdigit() else MONTHS[month.lower()], int(part["d"])
        ).isoformat()
    except ValueError:
        return None


def _is_stamp(text: str, match: re.Match[str]) -> bool:
    """True if a date without a label is a stamp: alone, at the end of a short line, or in a dateline."""
    before = LINE_END.split(text[max(0, match.start() - 2 * MAX_LINE) : match.start()])[-1]
    after = LINE_END.split(text[match.end() : match.end() + 2 * MAX_LINE], maxsplit=1)[0]
    if len(before) <= 40 and DATELINE.match(after) and before[-1:] != "(":
        return True
    if len(before) + len(after) > MAX_LINE or not AFTER_STAMP.match(after):
        return False
    return not before.strip() or before.rstrip()[-1] in ",|·•–—-:(" or before.strip().istitle()
