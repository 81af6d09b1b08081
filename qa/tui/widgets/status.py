"""The lines around the conversation: the header with the state of the index, the progress, the tabs of a narrow
screen.
"""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from index.types import Progress
from qa.output.safe_text import safe_line
from qa.output.words import counted
from qa.tui.background.upkeep import IndexStatus
from qa.tui.drawing.draw import MUTED, STRONG, WRONG, draw_progress


class Header(Widget):
    """One line: the session, and the state of the index."""

    DEFAULT_CSS = "Header { height: 1; width: 1fr; padding: 0 1; }"
    session: reactive[str] = reactive("new session")
    status: reactive[IndexStatus] = reactive(IndexStatus())

    def render(self) -> Content:
        """As much as fits, the state of the index first."""
        width = self.content_size.width
        right = Content("")
        for part in self._parts():
            joined = right.append_text(" · " if right else "", MUTED).append(part)
            if joined.cell_length > max(width - 8, 10):
                break
            right = joined
        room = width - right.cell_length - 2
        left = Content.assemble(("qa ", STRONG), (safe_line(self.session), MUTED)).truncate(max(room, 2), ellipsis=True)
        return left.pad_right(max(width - left.cell_length - right.cell_length, 0)).append(right)

    def _parts(self) -> list[Content]:
        status = self.status
        mark = {"fresh": "●", "stale": "◐", "indexing": "◐", "no index": "○"}.get(status.state, "…")
        parts = [Content(f"{mark} {status.state}")]
        if status.problems:
            parts.append(Content.styled(f"! {status.problems} skipped", WRONG))
        if status.articles is not None:
            parts.append(Content.styled(counted(status.articles, "article"), MUTED))
        if status.paragraphs is not None:
            parts.append(Content.styled(counted(status.paragraphs, "paragraph"), MUTED))
        if status.model:
            parts.append(Content.styled(safe_line(status.model), MUTED))
        return parts


class IndexingBar(Widget):
    """One line of progress, shown while the index is built. Takes no focus."""

    DEFAULT_CSS = (
        "IndexingBar { height: 1; width: 1fr; padding: 0 1; display: none; } IndexingBar.-on { display: block; }"
    )
    progress: reactive[Progress | None] = reactive(None)

    def render(self) -> Content:
        """The progress, in the width available."""
        return draw_progress(self.progress, self.content_size.width)


class PaneTabs(Widget):
    """The names of the two panes, on a screen too narrow to show both."""

    DEFAULT_CSS = "PaneTabs { height: 1; width: 1fr; padding: 0 1; display: none; }"
    sources: reactive[bool] = reactive(False)
    """True while the sources are shown."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, sources: bool) -> None:
            super().__init__()
            self.sources = sources

    def render(self) -> Content:
        """The visible pane is in brackets and bold, not only coloured."""
        names = ("Conversation", "Sources")
        parts = [
            Content.styled(f"[{name}]", STRONG) if shown else Content.styled(f" {name} ", MUTED)
            for name, shown in zip(names, (not self.sources, self.sources), strict=True)
        ]
        return Content(" ").join(parts)

    def on_click(self, event: events.Click) -> None:
        """Report which tab was clicked."""
        self.post_message(self.Chosen(event.x > len("[Conversation]") + 1))
