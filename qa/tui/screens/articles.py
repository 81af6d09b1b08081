"""All articles, filtered while typing, and below them the files that are not indexed, with reasons."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from index.types import Skipped
from qa.output.safe_text import safe_line
from qa.output.words import counted
from qa.tui.drawing.draw import MUTED, STRONG, WRONG
from qa.tui.screens.picking import Choice, PickingScreen, has_words
from qa.types import ArticleSummary, Asks

HELP = """\
Every article of the index, by path. Type any words of a path, title or date to narrow the list down; \
Enter opens the article. Files marked ! were found but are not in the index, for the reason given."""


Listed = tuple[str, ArticleSummary | Skipped]
"""The text that is searched, and what it belongs to."""


def list_articles(answerer: Asks, skipped: Sequence[Skipped]) -> list[Listed]:
    """Articles by path, then skipped files. For a thread: 10,000 articles take 50 ms."""
    listed: list[Listed] = [
        (f"{article.path}\n{article.title}\n{article.date or ''}".casefold(), article)
        for article in answerer.list_articles()
    ]
    return [*listed, *((f"{item.path}\n{item.reason}".casefold(), item) for item in skipped)]


class ArticlesScreen(PickingScreen[str, Listed]):
    """Returns the path of the article picked."""

    HELP = HELP
    heading = "Articles"
    placeholder = "Filter by path, title or date"
    nothing = "No article matches."

    def __init__(self, listed: Sequence[Listed]) -> None:
        super().__init__()
        self._listed = listed
        self._articles = sum(isinstance(item, ArticleSummary) for _, item in listed)

    async def find(self, words: str) -> Sequence[Listed]:
        """The articles with all words; then the skipped files."""
        return [one for one in self._listed if has_words(one[0], words)] if words.strip() else self._listed

    def draw(self, item: Listed) -> Choice[str]:
        """Title, path, date and size, or why the file was skipped."""
        return _article_line(item[1]) if isinstance(item[1], ArticleSummary) else _skipped_line(item[1])

    def describe(self) -> str:
        """The number of articles."""
        skipped = len(self._listed) - self._articles
        found = sum(isinstance(item, ArticleSummary) for _, item in self._found)
        summary = f"{found:,} of {self._articles:,} articles"
        if skipped:
            summary += f", {counted(skipped, 'file')} skipped (!)"
        more = super().describe()
        return f"{summary}; {more}" if more else summary


def _article_line(article: ArticleSummary) -> Choice[str]:
    details = " · ".join(part for part in (article.date, counted(article.paragraphs, "paragraph")) if part)
    shown = Content.assemble(
        (safe_line(article.title), STRONG), ("  " + safe_line(article.path), ""), (f"  {safe_line(details)}", MUTED)
    )
    return Choice(shown, article.path)


def _skipped_line(item: Skipped) -> Choice[str]:
    return Choice(Content.assemble(("! ", WRONG), safe_line(item.path), (f"  {safe_line(item.reason)}", MUTED)), None)
