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
        """Half a page down."""
        self.page(self.size.height // 2)

    def action_half_up(self) -> None:
        """Half a page up."""
        self.page(-(self.size.height // 2))

    def action_whole_down(self) -> None:
        """A page down, less one row to go on reading from."""
        self.page(self.size.height - 1)

    def action_whole_up(self) -> None:
        """A page up, less one row."""
        self.page(1 - self.size.height)
