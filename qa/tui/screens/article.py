"""One article at a quote: the quote marked and in view, next and previous quote, search, editor, original."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from index.errors import QaError
from qa.output.safe_text import safe_line
from qa.tui.drawing.draw import MUTED, STRONG
from qa.tui.drawing.lines import join_parts
from qa.tui.keys import HELP, IN_ARTICLE, bindings, named
from qa.tui.ports import AppPort
from qa.tui.turns import Place
from qa.tui.widgets.article_text import ArticleText
from qa.tui.widgets.key_bar import KeyBar
from qa.types import ArticleView

_MOST_MATCHES = 10_000


class ArticleScreen(Screen[int | None]):
    """Shows an article; returns the place it was at when it was closed.

    :param places: the places that n and p step through, perhaps in several articles; empty if the article is just read.
    :param at: the place to start with, 0-based; ignored if there are none.
    """

    AUTO_FOCUS = "ArticleText"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(*IN_ARTICLE, *named("next", "previous", "copy-quote", "copy-citation", "edit", "original"), HELP),
        *bindings(*named("help-here")),
    ]

    def __init__(self, port: AppPort, article: ArticleView, places: Sequence[Place] = (), at: int = 0) -> None:
        super().__init__()
        self._port = port
        self._article = article
        self._places = tuple(places)
        self._at = at
        self._matches: list[tuple[int, int]] = []
        self._match: int | None = None
        self._find_from = 0
        """Offset from which the first match is searched: what was visible when the search began."""

    def compose(self) -> ComposeResult:
        """Title, text, search, keys."""
        yield Static(id="article-title", markup=False)
        yield ArticleText()
        yield Input(placeholder="Search in this article", id="find", compact=True)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the article at the quote."""
        self._show_article()

    @property
    def place(self) -> Place | None:
        """The citation or passage that is marked."""
        return self._places[self._at] if self._places else None

    @property
    def line(self) -> int:
        """1-based line to open in an editor: that of the quote, or the first visible one."""
        return self.place.line if self.place is not None else self.query_one(ArticleText).top_line

    def _show_article(self) -> None:
        self.query_one(ArticleText).set_text(self._article.text)
        self._matches, self._match = [], None
        self._show_place()

    def _show_place(self) -> None:
        if (place := self.place) is not None:
            span = None if place.answer_span is None else (place.answer_span.start, place.answer_span.end)
            self.query_one(ArticleText).mark_quote(place.start, place.end, span)
        self._show_title()

    def on_resize(self) -> None:
        """Break the line above the article for the new width."""
        self._show_title()

    def _show_title(self) -> None:
        """Show the title in two lines, or three on a narrow screen. A long title never hides which citation or match is
        shown.
        """
        width = max(self.size.width - 2, 8)
        title, date, *details = self._title_parts()
        lines = join_parts([title, *([date] if date else []), *details], width)
        if len(lines) > 2:
            lines = join_parts([title.truncate(width, ellipsis=True), *details], width)
        self.query_one("#article-title", Static).update(Content("\n").join(lines))
        self.refresh_bindings()

    def _title_parts(self) -> list[Content]:
        """Title, date (empty if there is none), and the current citation or match."""
        article = self._article
        parts = [Content.styled(safe_line(article.title), STRONG), Content.styled(safe_line(article.date or ""), MUTED)]
        parts.append(Content.styled(safe_line(self.place.label if self.place is not None else article.path), MUTED))
        if self._places:
            kind = "citation" if self._places[0].number is not None else "passage"
            parts.append(Content.styled(f"{kind} {self._at + 1} of {len(self._places)}", MUTED))
        if self._matches and self._match is not None:
            count = len(self._matches)
            more = "" if count < _MOST_MATCHES else " or more"
            parts.append(Content(f"match {self._match + 1:,} of {count:,}{more}"))
        return parts

    def action_next_place(self) -> None:
        """Go to the next citation, also in another article."""
        self._step(1)

    def action_previous_place(self) -> None:
        """Go to the previous citation."""
        self._step(-1)

    @work(exclusive=True, group="place")
    async def _step(self, by: int) -> None:
        if not self._places:
            return
        wanted = (self._at + by) % len(self._places)
        path = self._places[wanted].path
        if path != self._article.path:
            try:
                article = await self._port.load_article(path)
            except QaError as error:
                self._port.tell(str(error), wrong=True)
                return
            self._article, self._at = article, wanted
            self._show_article()
        else:
            self._at = wanted
            self._show_place()

    def action_find(self) -> None:
        """Open the search."""
        self._find_from = self._offset_in_sight()
        box = self.query_one("#find", Input)
        box.add_class("-open")
        box.focus()

    @on(Input.Changed, "#find")
    def _search(self, event: Input.Changed) -> None:
        text = self.query_one(ArticleText)
        self._matches = find_matches(text.plain, event.value)
        after = (number for number, (start, _) in enumerate(self._matches) if start >= self._find_from)
        self._match = next(after, 0) if self._matches else None
        text.mark_found(self._matches, self._match)
        self._show_title()

    def _offset_in_sight(self) -> int:
        text = self.query_one(ArticleText)
        seen = self.place is not None and text.is_in_sight(self.place.start)
        return self.place.start if self.place is not None and seen else text.top_offset

    @on(Input.Submitted, "#find")
    def _searched(self) -> None:
        self.query_one(ArticleText).focus()
        if not self._matches:
            self._port.tell("Not found in this article.")

    def action_next_match(self) -> None:
        """Go to the next match."""
        self._go_to_match(1)

    def action_previous_match(self) -> None:
        """Go to the previous match."""
        self._go_to_match(-1)

    def _go_to_match(self, by: int) -> None:
        if self._match is None:
            return
        self._match = (self._match + by) % len(self._matches)
        self.query_one(ArticleText).mark_found(self._matches, self._match)
        self._show_title()

    def action_close(self) -> None:
        """Close the search if it is open, otherwise the article."""
        box = self.query_one("#find", Input)
        if box.has_class("-open"):
            box.remove_class("-open")
            box.value = ""
            self.query_one(ArticleText).focus()
        else:
            self.dismiss(self._at if self._places else None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have something to act on: places to go to, matches of a search."""
        if action in {"next_place", "previous_place", "copy_quote", "copy_citation"}:
            return bool(self._places)
        if action in {"next_match", "previous_match"}:
            return self._match is not None
        return True

    def action_copy_quote(self) -> None:
        """Copy the marked quote."""
        if (place := self.place) is not None:
            self._port.copy(place.text, "quote")

    def action_copy_citation(self) -> None:
        """Copy the quote with its citation as Markdown."""
        if (place := self.place) is not None:
            self._port.copy_citation(place)

    def action_edit_article(self) -> None:
        """Open the original in the editor at the line."""
        words = self._article.text.split("\n")[self.line - 1] if self.place is None else self.place.text
        self._port.edit(Path(self._article.original), self.line, words)

    def action_open_original(self) -> None:
        """Open the original in its own program."""
        self._port.open_original(Path(self._article.original))


def find_matches(text: str, words: str) -> list[tuple[int, int]]:
    """The ranges of `words` in `text`, in any case and across line ends; at most 10,000."""
    if not words.strip():
        return []
    pattern = re.compile(r"\s+".join(map(re.escape, words.split())), re.IGNORECASE)
    return [match.span() for match in islice(pattern.finditer(text), _MOST_MATCHES)]
