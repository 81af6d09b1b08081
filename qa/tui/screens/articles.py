"""All articles, filtered as one types, and below them the files that are not indexed, each with the reason."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from index.types import Skipped
from qa.safe_text import safe_line
from qa.tui.drawing import MUTED, STRONG, WRONG
from qa.tui.screens.picking import Line, PickingScreen
from qa.types import ArticleSummary

HELP = """\
Every article of the index, by its path. Type any words of a path, title or date to narrow the list down; \
Enter opens the article. Files marked ! were found but are not in the index; the reason stands beside them."""


class ArticlesScreen(PickingScreen[str]):
    """Gives back the path of the article picked."""

    HELP = HELP
    heading = "Articles"
    placeholder = "Filter by path, title or date"
    nothing = "No article has these words."

    def __init__(self, articles: Sequence[ArticleSummary], skipped: Sequence[Skipped]) -> None:
        super().__init__()
        self._articles = [
            (f"{article.path}\n{article.title}\n{article.date or ''}".casefold(), article) for article in articles
        ]
        self._skipped = [(f"{item.path}\n{item.reason}".casefold(), item) for item in skipped]

    async def find(self, words: str) -> Sequence[Line[str]]:
        """Those with all words; indexed ones first."""
        wanted = words.casefold().split()
        found = [_article_line(article) for text, article in self._articles if all(word in text for word in wanted)]
        return found + [_skipped_line(item) for text, item in self._skipped if all(word in text for word in wanted)]

    def describe(self) -> str:
        """How many there are."""
        count = sum(line.value is not None for line in self._lines)
        told = f"{count:,} of {len(self._articles):,} articles"
        if self._skipped:
            told += f", {len(self._skipped):,} files skipped (!)"
        more = super().describe()
        return f"{told}; {more}" if more else told


def _article_line(article: ArticleSummary) -> Line[str]:
    noun = "paragraph" if article.paragraphs == 1 else "paragraphs"
    details = " · ".join(part for part in (article.date, f"{article.paragraphs:,} {noun}") if part)
    shown = Content.assemble(
        (safe_line(article.title), STRONG), ("  " + safe_line(article.path), ""), (f"  {safe_line(details)}", MUTED)
    )
    return Line(shown, article.path)


def _skipped_line(item: Skipped) -> Line[str]:
    return Line(Content.assemble(("! ", WRONG), safe_line(item.path), (f"  {safe_line(item.reason)}", MUTED)), None)
