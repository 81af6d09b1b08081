"""An answerer whose answers are written down, so that pictures of the screen never change by themselves.

Offsets, lines and quotes are those of the real texts below; only scores and times are fixed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from index.errors import DocumentsError, NotWantedError, UsageError
from index.types import Changes, Skipped
from qa.types import (
    Answer,
    ArticleSummary,
    ArticleView,
    Citation,
    IndexInfo,
    IndexState,
    Passage,
    TextRange,
    Turn,
)

TIDES = """\
# Why the sea rises twice a day

2021-06-04

The Moon pulls the water nearest to it more strongly than the Earth beneath, so a bulge forms on
that side. On the far side a second bulge forms, because there the Earth is pulled away from the
water. As the Earth turns, a place passes through both bulges, and the sea rises twice a day.

## Springs and neaps

When Sun and Moon stand in one line, at new and full moon, their pulls add up and the tide is
highest: a spring tide. Spring tides in the Bay of Fundy reach 16.3 metres, the highest on Earth.

At half moon the two pulls stand at right angles, and the neap tide is about 20 percent lower.
"""

MILLS = """\
Mills that the sea drives

A tide mill keeps the water of the flood behind a dam and lets it out over a wheel at ebb.
The oldest known stood at Nendrum in Northern Ireland; its timber was felled in the year 619.

The mill at Woodbridge in Suffolk has ground grain since 1170 and does so again today.
"""

TEXTS = {"mills.txt": MILLS, "tides.md": TIDES}
TITLES = {"mills.txt": "Mills that the sea drives", "tides.md": "Why the sea rises twice a day"}
DATES = {"mills.txt": None, "tides.md": "2021-06-04"}
INFO = IndexInfo(generation=3, articles=2, paragraphs=6, model="bge-small-en-v1.5")

SPRING = "Spring tides in the Bay of Fundy reach 16.3 metres, the highest on Earth."
FELLED = "its timber was felled in the year 619"
TWICE = "As the Earth turns, a place passes through both bulges, and the sea rises twice a day."

ANSWERS: dict[str, tuple[tuple[str, str, str | None], ...]] = {
    "How high is the highest tide?": (("tides.md", SPRING, "16.3 metres"),),
    "What do tides do?": (
        ("tides.md", TWICE, None),
        ("mills.txt", "lets it out over a wheel at ebb", None),
        ("tides.md", SPRING, "16.3 metres"),
    ),
    "How old is the oldest mill?": (("mills.txt", FELLED, "619"),),
    "And the oldest mill?": (("mills.txt", FELLED, "619"),),
}


def build_citation(number: int, path: str, quote: str, span: str | None) -> Citation:
    """The citation of a quote that stands in one of the texts."""
    text = TEXTS[path]
    start = text.index(quote)
    first = text.rfind("\n\n", 0, start) + 2
    last = text.find("\n\n", start)
    last = len(text.rstrip()) if last < 0 else last
    found = None
    if span is not None:
        at = text.index(span, start)
        found = TextRange(at, at + len(span), span)
    return Citation(
        number=number,
        path=path,
        title=TITLES[path],
        date=DATES[path],
        paragraph=text.count("\n\n", 0, start),
        start=start,
        end=start + len(quote),
        line=text.count("\n", 0, start) + 1,
        page=None,
        heading="Springs and neaps" if quote == SPRING else None,
        quote=quote,
        score=0.94 - 0.1 * number,
        answer_span=found,
        passage=TextRange(first, last, text[first:last]),
    )


def build_passages() -> tuple[Passage, ...]:
    """The closest passages for any question."""
    found = [("tides.md", SPRING), ("mills.txt", FELLED), ("tides.md", TWICE)]
    citations = [build_citation(number, path, quote, None) for number, (path, quote) in enumerate(found, start=1)]
    return tuple(
        Passage(
            one.path, one.title, one.date, one.paragraph, one.passage.start, one.passage.end,
            TEXTS[one.path].count("\n", 0, one.passage.start) + 1, None, one.heading,
            one.passage.text, 0.41 - 0.1 * one.number,
        )
        for one in citations
    )  # fmt: skip


def build_answer(question: str, *, as_typed: bool = False) -> Answer:
    """The recorded answer to a question, or that it is not in the articles."""
    found = ANSWERS.get(question, ())
    follows = question.startswith("And ") and not as_typed
    return Answer(
        question=question,
        asked_as="How old is the oldest mill that the tide drives?" if follows else question,
        answered=bool(found),
        confidence=0.86 if found else 0.07,
        citations=tuple(build_citation(number, *one) for number, one in enumerate(found, start=1)),
        passages=build_passages(),
        index=INFO,
        timings_ms={"total": 143.0},
        reason=None if found else "The closest passage is about spring tides.",
    )


@dataclass
class RecordedAnswerer:
    """Answers from ANSWERS. `gate` holds every answer back until it is set."""

    changes: Changes = field(default_factory=Changes)
    skipped: tuple[Skipped, ...] = ()
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, int, bool]] = field(default_factory=list)
    """(question, number of turns in the history, as typed)"""
    before_passages: bool = False
    """True if the gate holds back the passages too, and not only the answer."""
    threads: set[str] = field(default_factory=set)
    """Names of the threads that asked."""
    closed: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    def ask(
        self,
        question: str,
        history: tuple[Turn, ...] = (),
        *,
        as_typed: bool = False,
        on_passages: Callable[[tuple[Passage, ...]], None] | None = None,
        wanted: Callable[[], bool] | None = None,
    ) -> Answer:
        """See `qa.types.Asks`."""
        self.threads.add(threading.current_thread().name)
        if question == "Break":
            raise UsageError("the question cannot be meant; ask another.")
        self.asked.append((question, len(history), as_typed))
        if self.before_passages:
            self.gate.wait(10)
        if on_passages is not None:
            on_passages(build_passages())
        self.gate.wait(10)
        if wanted is not None and not wanted():
            raise NotWantedError
        return build_answer(question, as_typed=as_typed)

    def load_state(self) -> IndexState:
        """See `qa.types.Asks`."""
        return IndexState(INFO, self.changes, self.skipped)

    def load_article(self, path: str) -> ArticleView:
        """See `qa.types.Asks`."""
        if path not in TEXTS:
            raise DocumentsError(f"{path}: there is no such article; run `qa index`.")
        return ArticleView(path, TITLES[path], DATES[path], TEXTS[path], f"/articles/{path}")

    def list_articles(self) -> Iterator[ArticleSummary]:
        """See `qa.types.Asks`."""
        for path in TEXTS:
            yield ArticleSummary(path, TITLES[path], DATES[path], 3)

    def close(self) -> None:
        """See `qa.types.Asks`."""
        self.closed = True
