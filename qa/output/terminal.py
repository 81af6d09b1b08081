"""What a terminal can show."""

from __future__ import annotations

from collections.abc import Mapping


def is_dumb(environment: Mapping[str, str]) -> bool:
    """True for a terminal that cannot be drawn on, such as a shell inside an editor."""
    return environment.get("TERM") == "dumb"


def wants_colour(environment: Mapping[str, str], is_terminal: bool) -> bool:
    """True on a terminal, unless NO_COLOR is set (no-color.org) or the terminal is dumb."""
    return is_terminal and not environment.get("NO_COLOR") and not is_dumb(environment)
