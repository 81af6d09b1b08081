"""The keys that scroll by pages, for every region that scrolls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.widget import Widget as _Base
else:
    # Textual takes the styles of the first base class alone, so this one must not be a widget.
    _Base = object


class Paging(_Base):
    """Makes a widget scroll by pages and half pages."""

    def page(self, by: int) -> None:
        """Scroll by rows; negative is up. A widget with a cursor takes it along."""
        self.scroll_relative(y=by, animate=False, force=True)

    def action_half_down(self) -> None:
        """Scroll down half a page."""
        self.page(self.size.height // 2)

    def action_half_up(self) -> None:
        """Scroll up half a page."""
        self.page(-(self.size.height // 2))

    def action_whole_down(self) -> None:
        """Scroll down a page, less one row to read on from."""
        self.page(self.size.height - 1)

    def action_whole_up(self) -> None:
        """Scroll up a page, less one row."""
        self.page(1 - self.size.height)
