"""Pictures of the screen that are the same in every run: no blinking cursor, no time, no changing names."""

from __future__ import annotations

import os
import re
from importlib.metadata import version

import pytest
from textual.widgets import Input, TextArea

from tests.helpers.app import Face, settle
from tests.helpers.places import ROOT

FOLDER = ROOT / "tests" / "tui" / "snapshots"
_DRAWN_WITH = FOLDER / "textual-version.txt"


async def draw(face: Face) -> str:
    """The screen as SVG, once nothing moves."""
    for box in face.app.screen.query(TextArea):
        box.cursor_blink = False
    for line in face.app.screen.query(Input):
        line.cursor_blink = False
    await settle(face)
    svg = face.app.export_screenshot(title="qa")
    # Textual names the classes of a picture after a hash of its content.
    return re.sub(r"terminal-\d+", "terminal", svg)


async def check(face: Face, name: str) -> None:
    """Compares the screen with the picture that was looked at and kept. With QA_UPDATE_PICTURES=1, keeps what is drawn
    now."""
    drawn = await draw(face)
    kept = FOLDER / f"{name}.svg"
    if os.environ.get("QA_UPDATE_PICTURES"):
        FOLDER.mkdir(exist_ok=True)
        kept.write_text(drawn, encoding="utf-8")
        _DRAWN_WITH.write_text(version("textual") + "\n", encoding="utf-8")
        return
    if _DRAWN_WITH.read_text(encoding="utf-8").strip() != version("textual"):
        pytest.skip("the pictures were drawn with another version of Textual")
    if drawn != kept.read_text(encoding="utf-8"):
        differing = kept.with_suffix(".new.svg")
        differing.write_text(drawn, encoding="utf-8")
        pytest.fail(f"{name} is drawn otherwise: look at {differing}; QA_UPDATE_PICTURES=1 keeps it.\n{face.text}")
