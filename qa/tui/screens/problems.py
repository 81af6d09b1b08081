"""Errors, and files that are not in the index, with reasons; filtered while typing."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from index.types import Skipped
from qa.output.safe_text import safe_line
from qa.output.words import counted
from qa.tui.drawing.draw import MUTED, WRONG
from qa.tui.screens.picking import Choice, PickingScreen, has_words

HELP = """\
Errors first, then every file of the folder that is not in the index, with the reason. \
Once a file is repaired or made readable, it is indexed automatically; F5 in the conversation looks at once."""


class ProblemsScreen(PickingScreen[None, Skipped]):
    """Shows errors and skipped files; there is nothing to pick."""

    HELP = HELP
    heading = "Problems"
    placeholder = "Filter by path or reason"
    can_pick = False
    nothing = "No problems: every file of the folder is in the index."

    def __init__(self, skipped: Sequence[Skipped], errors: Sequence[str]) -> None:
        super().__init__()
        # An error is a reason without a path.
        self._problems = [*(Skipped("", error) for error in errors), *skipped]

    async def find(self, words: str) -> Sequence[Skipped]:
        """The problems with all words."""
        return [one for one in self._problems if has_words(f"{one.path}\n{one.reason}".casefold(), words)]

    def draw(self, item: Skipped) -> Choice[None]:
        """The file and the reason."""
        if not item.path:
            return Choice(Content.assemble(("! ", WRONG), safe_line(item.reason)), None)
        reason = (f": {safe_line(item.reason)}", MUTED)
        return Choice(Content.assemble(("! ", WRONG), safe_line(item.path), reason), None)

    def describe(self) -> str:
        """The number of problems."""
        if not self._problems:
            return ""
        count = counted(len(self._found), "problem")
        return "; ".join(part for part in (count, super().describe()) if part)
