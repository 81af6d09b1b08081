"""A list that is filtered while typing: the common part of articles, sessions, problems and earlier questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from qa.tui.drawing.draw import MUTED
from qa.tui.keys import HELP, bindings
from qa.tui.widgets.key_bar import KeyBar

T = TypeVar("T")
Item = TypeVar("Item")
MOST_SHOWN = 200
"""Lines of a list. With more, typing is faster than scrolling, and drawing 500 took 40 ms."""


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """One line of the list."""

    shown: Content
    value: T | None
    """What picking it returns; None for a line that can only be read."""


def has_words(folded: str, words: str) -> bool:
    """True if a case-folded text has all `words`, whole or in part; always true if there are none."""
    return all(word in folded for word in words.casefold().split())


class PickingScreen(ModalScreen[T | None], Generic[T, Item]):
    """Shows items as lines, filters them, and returns what one of them stands for, or None."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(HELP),
        Binding("escape", "dismiss(None)", "Back"),
        Binding("down", "move('cursor_down')", "Down", show=False),
        Binding("up", "move('cursor_up')", "Up", show=False),
        Binding("pagedown", "move('page_down')", "Page down", show=False),
        Binding("pageup", "move('page_up')", "Page up", show=False),
        # Before the input line's own Enter, so that the key bar below the list shows it.
        Binding("enter", "pick", "Open", priority=True),
    ]
    heading = ""
    placeholder = "Type to filter"
    nothing = "Nothing found."
    can_pick = True
    """False for a list that is only read."""

    def __init__(self) -> None:
        super().__init__()
        self._found: Sequence[Item] = ()
        self._lines: Sequence[Choice[T]] = ()

    def compose(self) -> ComposeResult:
        """Heading, filter, list, summary, keys."""
        with Vertical(id="picking"):
            yield Static(self.heading, id="heading", markup=False)
            yield Input(placeholder=self.placeholder, compact=True)
            yield OptionList(markup=False, compact=True)
            yield Static("", id="summary", markup=False)
            yield KeyBar()

    async def find(self, words: str) -> Sequence[Item]:
        """The items for what was typed; each list has its own."""
        return ()

    def draw(self, item: Item) -> Choice[T]:
        """The line of an item; called only for those that are shown."""
        return Choice(Content(str(item)), None)

    def describe(self) -> str:
        """The summary below the list."""
        if len(self._lines) == len(self._found):
            return ""
        return f"{len(self._lines):,} of {len(self._found):,} shown; type to narrow down"

    def on_mount(self) -> None:
        """Show all items."""
        # The filter keeps the focus and moves the list.
        self.query_one(OptionList).can_focus = False
        self.fill()

    @on(Input.Changed)
    def _filter(self) -> None:
        self.fill()

    @work(exclusive=True, group="fill")
    async def fill(self, highlighted: int = 0) -> None:
        """Show the lines for what was typed."""
        self._found = await self.find(self.query_one(Input).value)
        lines = self._lines = [self.draw(item) for item in self._found[:MOST_SHOWN]]
        options = self.query_one(OptionList)
        options.set_options(Option(line.shown, disabled=line.value is None) for line in lines)
        if not lines:
            options.add_option(Option(Content.styled(self.nothing, MUTED), disabled=True))
        options.highlighted = min(highlighted, len(lines) - 1) if lines and lines[0].value is not None else None
        self.query_one("#summary", Static).update(Content(self.describe()))

    @property
    def highlighted(self) -> T | None:
        """The value under the cursor."""
        number = self.query_one(OptionList).highlighted
        return None if number is None or number >= len(self._lines) else self._lines[number].value

    def action_move(self, how: str) -> None:
        """Move the cursor of the list."""
        options = self.query_one(OptionList)
        moves: dict[str, Callable[[], object]] = {
            "cursor_down": options.action_cursor_down,
            "cursor_up": options.action_cursor_up,
            "page_down": options.action_page_down,
            "page_up": options.action_page_up,
        }
        moves[how]()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to pick only if that returns something."""
        return self.can_pick if action == "pick" else super().check_action(action, parameters)

    def action_pick(self) -> None:
        """Return the value under the cursor."""
        if self.highlighted is not None:
            self.dismiss(self.highlighted)

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        if event.option_index < len(self._lines):
            self.dismiss(self._lines[event.option_index].value)
