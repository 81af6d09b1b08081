"""Whether a copy by OSC 52 can arrive. Terminals do not answer, so this goes by what they are known to do."""

from __future__ import annotations

import os
from collections.abc import Mapping

MOST_CHARACTERS = 74_994
"""Of the base64 form. Several terminals silently drop a longer copy."""


def explain_refusal(text: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Why this terminal does not, or may not, accept `text`, as a clause; None if nothing speaks against it."""
    environment = os.environ if environment is None else environment
    if environment.get("TERM_PROGRAM") == "Apple_Terminal":
        return "Apple Terminal does not accept copies from programs"
    if environment.get("TERM") in {"linux", "dumb"}:
        return f"a '{environment['TERM']}' terminal does not accept copies from programs"
    if environment.get("VTE_VERSION"):
        return "terminals built on VTE often do not accept copies from programs"
    if len(text.encode("utf-8", "replace")) * 4 // 3 > MOST_CHARACTERS:
        return "it is too long for most terminals"
    return None
