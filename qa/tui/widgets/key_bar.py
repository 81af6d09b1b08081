"""The last line: as many keys of the focused region as fit, and always the one that lists all actions."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from qa.tui.drawing.draw import ACCENT, MUTED
from qa.tui.keys import find_character


class KeyBar(Widget):
    """Draws the bindings that are meant to be shown; a click on one presses its key."""

    DEFAULT_CSS = "KeyBar { height: 1; width: 1fr; padding: 0 1; background: $panel; }"

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[tuple[int, int, str]] = []
        """Columns [start, end) of what is drawn, and the key it stands for."""

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Content:
        """The keys that fit."""
        room = self.content_size.width
        last, palette = self._draw("^p", "All", self.app.COMMAND_PALETTE_BINDING)
        self._keys = []
        drawn = Content("")
        for label, description, key in self._shown():
            part, pressed = self._draw(label, description, key)
            if drawn.cell_length + part.cell_length + last.cell_length + 2 > room:
                break
            self._keys.append((drawn.cell_length, drawn.cell_length + part.cell_length, pressed))
            drawn = drawn + part + Content("  ")
        gap = max(room - drawn.cell_length - last.cell_length, 0)
        self._keys.append((drawn.cell_length + gap, room, palette))
        return drawn.pad_right(gap) + last

    def _shown(self) -> list[tuple[str, str, str]]:
        """The label, description and key of each action, with its first key."""
        found: dict[str, tuple[str, str, str]] = {}
        for key, active in self.screen.active_bindings.items():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in found and not self._is_typed(key):
                found[binding.action] = (self.app.get_key_display(binding), binding.description, key)
        found.pop("app.command_palette", None)
        found.pop("command_palette", None)
        return list(found.values())

    def _is_typed(self, key: str) -> bool:
        """True if the key would be typed instead, because the focus is in a text box."""
        focused = self.screen.focused
        return focused is not None and focused.check_consume_key(key, find_character(key))

    def _draw(self, label: str, description: str, key: str) -> tuple[Content, str]:
        return Content.assemble((label, ACCENT), " ", (description, MUTED)), key

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        for start, end, key in self._keys:
            if start <= offset.x < end:
                self.app.simulate_key(key)
