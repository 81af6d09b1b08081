"""Counts, times and places in words, the same in every command and in the app."""

from __future__ import annotations

import time
from collections.abc import Sequence

from index.types import Skipped

NOT_IN_ARTICLES = "Not in the articles."
_MOST_WARNINGS = 20
"""Lines. A folder of pictures would otherwise push the answer off the screen."""


def counted(count: int, noun: str) -> str:
    """'1 article', '2,000 articles'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def render_moment(seconds: float) -> str:
    """A moment in local time: '2024-03-01 14:05'.

    :param seconds: since 1970-01-01 UTC.
    """
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def render_seconds(seconds: float) -> str:
    """'0:07', '12:30', '1:02:03'."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def render_range(start: int, end: int) -> str:
    """'characters 120–180', half-open."""
    return f"characters {start}–{end}"


def render_skipped(skipped: Sequence[Skipped]) -> list[str]:
    """One warning for each file that is not in the index; beyond twenty, one for all the others."""
    lines = [f"warning: skipped {item.path}: {item.reason}" for item in skipped[:_MOST_WARNINGS]]
    if (others := len(skipped) - _MOST_WARNINGS) > 0:
        lines.append(f"warning: skipped {counted(others, 'more file')}; `qa index --status` lists them all")
    return lines
