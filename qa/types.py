"""The values that every face shows: Answer and what it is made of. A leaf: imports `index.types` and nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from index.types import Changes, Skipped

SCHEMA_VERSION = 1
"""Of the JSON form of an answer; raised when a program that reads it would have to change."""


def _build_label(path: str, line: int, page: int | None) -> str:
    return f"{path}:{line}" if page is None else f"{path}:{line} (page {page})"


@dataclass(frozen=True, slots=True)
class TextRange:
    """A half-open range of characters of an article's canonical text, with the text it holds."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Location:
    """Another place that says the same."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph found for a question."""

    path: str
    title: str
    date: str | None
    paragraph: int
    """0-based block of the canonical text."""
    start: int
    end: int
    line: int
    """1-based."""
    page: int | None
    heading: str | None
    text: str
    score: float
    """0..1; the chance that this passage holds the answer, on one scale for all questions; higher is better."""

    @property
    def label(self) -> str:
        """'path:line', with the page where there is one."""
        return _build_label(self.path, self.line, self.page)


@dataclass(frozen=True, slots=True)
class Citation:
    """A verbatim quote and where it stands: `canonical[start:end] == quote`, always."""

    number: int
    """1-based; [1] in the answer."""
    path: str
    title: str
    date: str | None
    paragraph: int
    start: int
    end: int
    line: int
    page: int | None
    heading: str | None
    quote: str
    score: float
    """0..1; higher is better."""
    answer_span: TextRange | None
    """The few words inside the quote that answer, where something found them."""
    passage: TextRange
    """The paragraph around the quote."""
    also_in: tuple[Location, ...] = ()
    """Where other articles say it in the same words."""

    @property
    def label(self) -> str:
        """'path:line', with the page where there is one."""
        return _build_label(self.path, self.line, self.page)


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """The generation an answer came from."""

    generation: int
    articles: int
    paragraphs: int
    model: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier question of a conversation with its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One to a few quotes, or 'not in the articles'."""

    question: str
    asked_as: str
    """The question with what it took over from the conversation; equal to `question` where it took nothing."""
    answered: bool
    confidence: float
    """0..1, calibrated: of answers given at 0.8, about 80% are right."""
    citations: tuple[Citation, ...]
    """Best first; empty where `answered` is false."""
    passages: tuple[Passage, ...]
    """The closest passages, best first, answered or not."""
    index: IndexInfo
    timings_ms: dict[str, float]
    """Milliseconds by stage, and their 'total'."""
    reason: str | None = None
    """Why there is no answer, in one sentence; None where there is one."""
    context: str | None = None
    """The earlier question whose subject the search leaned on; None where it leaned on none."""

    @property
    def text(self) -> str:
        """The quotes with their numbers, in one string; empty where there is no answer."""
        return " ".join(f"{citation.quote} [{citation.number}]" for citation in self.citations)


@dataclass(frozen=True, slots=True)
class IndexState:
    """What a face shows of the index."""

    info: IndexInfo
    changes: Changes
    """How the folder differs from the index now; empty where it is fresh."""
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class ArticleView:
    """An article as it is shown: its canonical text of the open generation."""

    path: str
    title: str
    date: str | None
    text: str
    original: str
    """Absolute path of the file it was read from."""


@dataclass(frozen=True, slots=True)
class ArticleSummary:
    """A line of the list of articles."""

    path: str
    title: str
    date: str | None
    paragraphs: int


class Asks(Protocol):
    """The one core under every face; all methods may be called from any thread, one at a time."""

    def ask(
        self,
        question: str,
        history: tuple[Turn, ...] = (),
        *,
        as_typed: bool = False,
        on_passages: Callable[[tuple[Passage, ...]], None] | None = None,
        wanted: Callable[[], bool] | None = None,
    ) -> Answer:
        """Answer or abstain. `as_typed` takes nothing over from `history`; `on_passages` gets the closest passages
        before the quotes are scored. `wanted` is asked between the steps and before each passage is read, from any
        thread; raises NotWantedError once it says no."""

    def load_state(self) -> IndexState:
        """The open generation and how the folder differs from it."""

    def load_article(self, path: str) -> ArticleView:
        """An article of the open generation; raises DocumentsError where it has none of that path."""

    def list_articles(self) -> Iterator[ArticleSummary]:
        """The articles of the open generation by path."""

    def close(self) -> None:
        """Lets go of files and models."""
