"""The values that every face shows: Answer and what it is made of. Imports only `index.types`, so it loads quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from index.types import Changes, Skipped

SCHEMA_VERSION = 1
"""Of the JSON form of an answer; raised if a program that reads it has to change."""


def _build_label(path: str, line: int, page: int | None) -> str:
    return f"{path}:{line}" if page is None else f"{path}:{line} (page {page})"


@dataclass(frozen=True, slots=True)
class TextRange:
    """A half-open range of characters of an article's canonical text, and the text in it."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Location:
    """A place in an article's canonical text that says the same as a quote."""

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
    """0-based number of its block; blank lines separate blocks."""
    start: int
    end: int
    line: int
    """1-based."""
    page: int | None
    heading: str | None
    text: str
    score: float
    """0..1, on one scale for all questions: the probability that the passage holds the answer; its cosine if no
    cross-encoder is used."""

    @property
    def label(self) -> str:
        """'path:line', and the page if the format has pages."""
        return _build_label(self.path, self.line, self.page)


@dataclass(frozen=True, slots=True)
class Citation:
    """A verbatim quote and where it stands: `canonical[start:end] == quote`, always."""

    number: int
    """1-based; shown as [1]."""
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
    """That of its passage."""
    answer_span: TextRange | None
    """The few words inside the quote that answer; None if no model found them."""
    passage: TextRange
    """The paragraph that the quote is cut from."""
    also_in: tuple[Location, ...] = ()
    """Where else the articles say it in the same words."""

    @property
    def label(self) -> str:
        """'path:line', and the page if the format has pages."""
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
    """An earlier question of a conversation with its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One to a few quotes, or 'not in the articles'."""

    question: str
    asked_as: str
    """The question with what it took over from the conversation; equal to `question` if it took nothing."""
    answered: bool
    confidence: float
    """0..1, calibrated: of answers given at .8, about 80% are right."""
    citations: tuple[Citation, ...]
    """Best first; empty if `answered` is false."""
    passages: tuple[Passage, ...]
    """The closest passages, best first, answered or not."""
    index: IndexInfo
    timings_ms: dict[str, float]
    """Milliseconds by stage, and their 'total'."""
    reason: str | None = None
    """Why there is no answer, in one sentence; None if there is one."""
    context: str | None = None
    """The earlier question whose subject the search leaned on; None if it leaned on none."""

    @property
    def text(self) -> str:
        """The quotes with their numbers, in one string; empty if there is no answer."""
        return " ".join(f"{citation.quote} [{citation.number}]" for citation in self.citations)


@dataclass(frozen=True, slots=True)
class IndexState:
    """What a face shows of the index."""

    info: IndexInfo
    changes: Changes
    """How the folder differs from the index now; empty if the index is fresh."""
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class ArticleView:
    """An article with its canonical text, as the open generation has it."""

    path: str
    title: str
    date: str | None
    text: str
    original: str
    """Absolute path of its source file."""


@dataclass(frozen=True, slots=True)
class ArticleSummary:
    """An article without its text, for a list."""

    path: str
    title: str
    date: str | None
    paragraphs: int


class Asks(Protocol):
    """The one core under every face. Any thread may call its methods, but only one thread at a time."""

    def ask(
        self,
        question: str,
        history: tuple[Turn, ...] = (),
        *,
        as_typed: bool = False,
        on_passages: Callable[[tuple[Passage, ...]], None] | None = None,
        wanted: Callable[[], bool] | None = None,
    ) -> Answer:
        """Answer or abstain.

        :param history: the conversation so far, oldest turn first.
        :param as_typed: takes nothing over from `history`.
        :param on_passages: gets the closest passages before the cross-encoder reads them.
        :param wanted: called between the steps and before each passage is read, from any thread.
        :raises UsageError: if the question is empty or far too long.
        :raises UnusableError: if documents, models or index cannot be used.
        :raises NotWantedError: if `wanted` returned False.
        """

    def load_state(self) -> IndexState:
        """The open generation and how the folder differs from it.

        :raises UnusableError: if documents or index cannot be used.
        """

    def load_article(self, path: str) -> ArticleView:
        """An article of the open generation.

        :raises DocumentsError: if there is none of that path.
        """

    def list_articles(self) -> Iterator[ArticleSummary]:
        """The articles of the open generation, by path."""

    def close(self) -> None:
        """Release files and models."""
