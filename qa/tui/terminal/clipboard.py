"""Whether a copy by OSC 52 can arrive: terminals do not answer, so this is told from what they are known to do."""

from __future__ import annotations

import os
from collections.abc import Mapping

MOST_CHARACTERS = 74_994
"""Of the base64 form, beyond which several terminals drop a copy silently."""


def explain_refusal(text: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Why this terminal will not, or may not, take `text`, as a clause; None where nothing speaks against it."""
    environment = os.environ if environment is None else environment
    if environment.get("TERM_PROGRAM") == "Apple_Terminal":
        return "Apple Terminal takes no copies from programs"
    if environment.get("TERM") in {"linux", "dumb"}:
        return f"a terminal of the kind '{environment['TERM']}' takes no copies from programs"
    if environment.get("VTE_VERSION"):
        return "terminals built on VTE often take no copies from programs"
    if len(text.encode("utf-8", "replace")) * 4 // 3 > MOST_CHARACTERS:
        return "it is longer than terminals take"
    return None
