"""A screen with a text to read; Escape closes it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from qa.tui.widgets.key_bar import KeyBar


class TextScreen(ModalScreen[None]):
    """A text to read; Escape closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back"),
        Binding("j,down", "scroll('down')", "Down", show=False),
        Binding("k,up", "scroll('up')", "Up", show=False),
        Binding("ctrl+d,pagedown", "scroll('page_down')", "Page down", show=False),
        Binding("ctrl+u,pageup", "scroll('page_up')", "Page up", show=False),
        Binding("g,home", "scroll('home')", "Top", show=False),
        Binding("G,end", "scroll('end')", "Bottom", show=False),
    ]

    def __init__(self, heading: str, text: Content) -> None:
        super().__init__()
        self._heading = heading
        self._shown = text

    def compose(self) -> ComposeResult:
        """Heading, text, keys."""
        with Vertical(id="reading"):
            yield Static(self._heading, id="heading", markup=False)
            with VerticalScroll():
                yield Static(self._shown, markup=False)
            yield KeyBar()

    def action_scroll(self, how: str) -> None:
        """Scroll the text."""
        text = self.query_one(VerticalScroll)
        scrolls = {
            "down": text.scroll_down,
            "up": text.scroll_up,
            "page_down": text.scroll_page_down,
            "page_up": text.scroll_page_up,
            "home": text.scroll_home,
            "end": text.scroll_end,
        }
        scrolls[how](animate=False)
