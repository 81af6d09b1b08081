"""A screen that asks for one line of text."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from qa.output.safe_text import safe_line
from qa.tui.widgets.key_bar import KeyBar


class PromptScreen(ModalScreen[str | None]):
    """Returns what was typed, or None."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "done", "Done", priority=True),
        Binding("escape", "dismiss(None)", "Back"),
    ]

    def __init__(self, asked: str, value: str) -> None:
        super().__init__()
        self._asked = asked
        self._value = safe_line(value)

    def compose(self) -> ComposeResult:
        """What is asked for, and the line."""
        with Vertical(id="prompt"):
            yield Static(self._asked, id="heading", markup=False)
            yield Input(self._value, compact=True)
            yield KeyBar()

    def action_done(self) -> None:
        """Return what was typed."""
        self.dismiss(self.query_one(Input).value.strip() or None)
