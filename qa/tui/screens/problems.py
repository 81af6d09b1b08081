"""What is not in the index and why, and what else went wrong; text to read, without a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from index.types import Skipped
from qa.safe_text import safe_line, safe_text
from qa.tui.drawing import MUTED, STRONG, WRONG
from qa.tui.widgets.key_bar import KeyBar


class TextScreen(ModalScreen[None]):
    """A text to read; goes away with Escape."""

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
        with VerticalScroll(id="reading"):
            yield Static(self._heading, id="heading", markup=False)
            yield Static(self._shown, markup=False)
        yield KeyBar()

    def action_scroll(self, how: str) -> None:
        """Scrolls the text."""
        text = self.query_one("#reading", VerticalScroll)
        scrolls = {
            "down": text.scroll_down,
            "up": text.scroll_up,
            "page_down": text.scroll_page_down,
            "page_up": text.scroll_page_up,
            "home": text.scroll_home,
            "end": text.scroll_end,
        }
        scrolls[how](animate=False)


def build_problems_screen(skipped: Sequence[Skipped], errors: Sequence[str]) -> TextScreen:
    """Errors first, then each skipped file with the reason."""
    parts = [Content.assemble(("! ", WRONG), safe_text(error)) for error in errors]
    if skipped:
        parts.append(Content.styled(f"{len(skipped):,} files are not in the index:", STRONG))
        parts += [
            Content.assemble(("  ! ", WRONG), safe_line(item.path), (f": {safe_line(item.reason)}", MUTED))
            for item in skipped
        ]
    if not parts:
        parts.append(Content("No problems: every file of the folder is in the index."))
    return TextScreen("Problems", Content("\n").join(parts))
