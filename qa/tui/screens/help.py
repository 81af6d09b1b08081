"""Help for what has the focus: what it is for, and its keys as they are set now."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import App
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from qa.tui.drawing.draw import ACCENT, MUTED, STRONG
from qa.tui.screens.text import TextScreen

_KEY_COLUMN = 22


def build_help_screen(screen: Screen[object]) -> TextScreen:
    """Help for the focused widget of `screen`."""
    parts = []
    if purpose := _find_purpose(screen):
        parts += [Content(purpose), Content("")]
    rows = _key_rows(screen.app, (active.binding for active in screen.active_bindings.values()))
    parts += [Content.styled("Keys", STRONG), *rows]
    parts += [Content(""), Content.styled("ctrl+p lists every action by name. To change a key, add to qa.toml:", MUTED)]
    parts.append(Content.styled('[keys] and below it, for example, articles = "f4"', MUTED))
    return TextScreen("Help", Content("\n").join(parts))


def _find_purpose(screen: Screen[object]) -> str | None:
    focused = screen.focused
    nodes = focused.ancestors_with_self if focused is not None else [screen]
    return next((node.HELP for node in nodes if isinstance(node, Widget) and node.HELP), None)


def _key_rows(app: App[object], found: Iterable[Binding]) -> list[Content]:
    """One row for each action, with all its keys. Textual's own editing keys are left out."""
    keys: dict[str, list[str]] = {}
    descriptions: dict[str, str] = {}
    for binding in found:
        if binding.system or not (binding.id or binding.show) or not binding.description:
            continue
        name = binding.id or binding.description
        keys.setdefault(name, []).append(app.get_key_display(binding))
        descriptions.setdefault(name, binding.tooltip or binding.description)
    return [_key_row(", ".join(keys[name]), descriptions[name], name) for name in keys]


def _key_row(keys: str, description: str, name: str) -> Content:
    return Content.assemble((f"{keys:<{_KEY_COLUMN}} ", ACCENT), description, (f"  ({name})", MUTED))
