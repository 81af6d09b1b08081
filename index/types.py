"""The values and the protocols of `index`: a leaf that imports nothing of the project and nothing heavy.

Every offset counts characters (Unicode code points) of an article's canonical text; every range is half-open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """(n, d) float32, rows of unit length; or (d,) for one vector."""
    Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of an article and where its line stands in the canonical text."""

    start: int
    end: int
    level: int
    """1 is the highest."""
    text: str
    """The words of the heading without its marks."""


@dataclass(frozen=True, slots=True)
class Document:
    """What an extractor makes of one file."""

    text: str
    """Canonical text; of plain text and Markdown, the decoded file exactly, without the BOM."""
    title: str
    date: str | None = None
    """ISO 8601 (YYYY-MM-DD) if the article states one near its beginning; None if not."""
    encoding: str | None = None
    """The encoding the file was decoded from; None for formats that are not text."""
    headings: tuple[Heading, ...] = ()
    """In order of `start`."""
    pages: tuple[int, ...] = ()
    """Where page 1, 2, … start in `text`; empty for formats without pages."""
    title_in_text: bool = True
    """False if `title` is only the file's name made readable. It is not embedded then, so a rename embeds nothing."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """The unit that is embedded and searched: `canonical[start:end] == text`, always."""

    ordinal: int
    """0-based number in its article; paragraphs are in order and do not overlap."""
    block: int
    """0-based number of the blank-line-separated block it stands in; the title is a block too. Paragraphs cut from one
    block (list items, pieces of an over-long one) share it."""
    start: int
    end: int
    line: int
    """1-based line of `start`."""
    text: str
    page: int | None = None
    """1-based; None for formats without pages."""
    heading: str | None = None
    """The headings it stands under, outermost first, joined by ' › '; None if there is none."""
    context: str = ""
    """What is put in front of the text for embedding and searching: title, headings, the lead-in of a list."""
    boilerplate: bool = False
    """Text of the page that is not the article ("Leave a Reply"): kept in the text, never retrieved."""

    @property
    def embedded_text(self) -> str:
        """What the encoder sees."""
        return f"{self.context}\n{self.text}" if self.context else self.text

    @property
    def content_hash(self) -> bytes:
        """16 bytes that name `embedded_text`: the key under which its vector is kept."""
        return hashlib.blake2b(self.embedded_text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the documents folder as the file system describes it, not yet read."""

    path: str
    """Relative to the documents folder, with '/' between parts."""
    size: int
    mtime_ns: int
    """Limited to what 64 bits can hold: from 1677 to 2262."""
    identity: int
    """Inode and the time of the last change of any kind, as one number of 63 bits. It changes even if the time of
    writing is set back."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was found but is not part of the index, and why."""

    path: str
    reason: str
    """One clause without a full stop: 'not text (a PNG image)', 'permission denied'."""


@dataclass(frozen=True, slots=True)
class Article:
    """One indexed article, without its text."""

    article_id: int
    path: str
    title: str
    date: str | None
    characters: int
    paragraphs: int


@dataclass(frozen=True, slots=True)
class StoredParagraph:
    """A paragraph of one generation, with the article it belongs to."""

    paragraph_id: int
    path: str
    title: str
    date: str | None
    paragraph: Paragraph


@dataclass(frozen=True, slots=True)
class Span:
    """A range of a text with the score a model gave it."""

    start: int
    end: int
    score: float
    """Logit (start + end); higher is better; comparable within one question."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a cross-encoder finds about one (question, passage) pair."""

    relevance: float
    """Logit; higher is more relevant; no fixed range."""
    spans: tuple[Span, ...] = ()
    """The likeliest answers in the passage's text, best first; empty if the model finds no spans."""
    no_answer: float | None = None
    """Logit of 'the passage holds no answer', on the scale of `Span.score`; None if the model has none."""

    @property
    def margin(self) -> float | None:
        """Logit of the best answer minus that of 'no answer': above 0 if an answer is likelier. None if unknown."""
        if self.no_answer is None or not self.spans:
            return None
        return self.spans[0].score - self.no_answer


@dataclass(frozen=True, slots=True)
class Candidate:
    """A paragraph that a search proposes for a question."""

    paragraph_id: int
    dense: float | None
    """Cosine similarity in [-1, 1]; higher is closer; None if unknown."""
    lexical: float | None
    """BM25, 0 and up; None if unknown."""
    fused: float
    """The order of the candidates; higher is better."""
    coverage: float = 0.0
    """0..1: share of the question's terms that the paragraph holds, each weighted by its IDF."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build has come. All counts are of this build, not of the whole index."""

    stage: str
    """'reading', 'embedding' or 'writing'."""
    articles_done: int
    articles_total: int
    paragraphs_done: int
    paragraphs_total: int
    seconds: float
    """Since the stage began."""

    @property
    def rate(self) -> float:
        """Paragraphs a second in this stage; 0.0 before the first is done."""
        return self.paragraphs_done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None until there is a rate to estimate it from."""
        if self.rate <= 0:
            return None
        return (self.paragraphs_total - self.paragraphs_done) / self.rate


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Changes:
    """How the documents folder differs from a generation. Paths are relative to the folder."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    """(from, to)"""
    deleted: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """True if anything differs."""
        return bool(self.added or self.changed or self.renamed or self.deleted)


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did."""

    generation: int
    changes: Changes
    articles: int
    """In the index after the build."""
    paragraphs: int
    """Searchable, in the index after the build."""
    embedded: int
    """Paragraphs embedded by this build."""
    skipped: tuple[Skipped, ...]
    seconds: float


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into vectors: the expensive part of indexing."""

    @property
    def name(self) -> str:
        """The model as the user named it."""

    @property
    def dimension(self) -> int:
        """d of the vectors."""

    @property
    def fingerprint(self) -> str:
        """Hexadecimal; identifies weights, pooling, prefix, maximum length and dimension. Vectors of another belong to
        another space."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), d) float32, rows of unit length, in the order of `texts`."""

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """Like `encode_passages`, with the model's prefix for questions."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens."""

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads, without special tokens; anything beyond is not embedded."""


@runtime_checkable
class CrossEncoder(Protocol):
    """Reads a question and a passage together."""

    @property
    def name(self) -> str:
        """The model as the user named it."""

    @property
    def finds_spans(self) -> bool:
        """True if `Reading.spans` and `Reading.no_answer` are filled."""

    def read(
        self,
        question: str,
        texts: Sequence[str],
        contexts: Sequence[str] | None = None,
        *,
        wanted: Callable[[], bool] | None = None,
    ) -> list[Reading]:
        """One reading for each text, in order.

        :param contexts: title and headings of each text, read before it; the offsets of spans count in the text alone.
        :param wanted: called from any thread before each text, or every few texts.
        :raises NotWantedError: once `wanted` returns False.
        """
