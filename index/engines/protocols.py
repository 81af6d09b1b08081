"""What the rest of the program knows about a search engine: how it writes a generation, and how that is searched.

An engine may keep a generation in files or on a server. Nothing it keeps is the only copy: the database can always
write it again. `tests/engines/` holds the contract as tests, which every engine has to pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from index.durable import FileStamp, link_or_copy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.types import Ids, Vectors

    Scores = NDArray[np.float32]

SearcherT = TypeVar("SearcherT", covariant=True)
SourceT = TypeVar("SourceT", contravariant=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an engine keeps its half of one generation."""

    index: Path
    """The index folder. Paths of stamps are relative to it."""
    folder: Path
    """A folder that belongs to this half alone and is empty before the engine writes. An engine that keeps nothing in
    files leaves it empty and can use its path as a key: no two halves have the same."""
    stamps: Mapping[str, FileStamp] = field(default_factory=dict)
    """The files that were written there, by name. Empty before writing, and for an engine that writes no files."""

    def share(self, name: str, target: Place) -> FileStamp:
        """Puts the file `name` into `target` too, without reading its bytes.

        :raises OSError: if the system refuses.
        """
        path = target.folder / name
        link_or_copy(self.folder / name, path)
        return replace(self.stamps[name], path=path.relative_to(target.index).as_posix())


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """How one half of a generation is searched."""

    engine: str
    """Name of the engine: 'faiss'."""
    exact: bool
    """True if a search compares the question with everything, so that only rounding can change the order."""
    summary: str
    """One line for `qa index --status`."""
    figures: Mapping[str, str | int | float] = field(default_factory=dict)
    """The same as values for `qa index --status --json`; which ones there are is up to the engine."""


@dataclass(frozen=True, slots=True)
class VectorSource:
    """The vectors of a generation: the database in blocks, never all at once."""

    dimension: int
    count: int
    """Vectors that the generation holds."""
    load_all: Callable[[], Iterator[tuple[Ids, Vectors]]]
    """All of them in blocks, ids ascending."""
    load_some: Callable[[Ids], tuple[Ids, Vectors]]
    """Those of the given ids, ids ascending."""
    room_bytes: int = 256 << 20
    """Vectors or codes that may be held in memory at once."""
    threads: int = 1


@dataclass(frozen=True, slots=True)
class LexicalSource:
    """The texts of a generation, streamed from the database."""

    count: int
    """Paragraphs that the generation holds."""
    load_all: Callable[[], Iterator[tuple[int, int, str]]]
    """(paragraph id, article id, text with its context) of all of them."""
    load_some: Callable[[Ids], Iterator[tuple[int, int, str]]]
    """Those of the given ids."""
    heap_bytes: int = 64 << 20
    """Memory for words that are not written yet."""


class Searcher(Protocol):
    """One half of one generation, open for searching. All methods may be called from several threads at once, and what
    they return never changes, whatever is written later."""

    @property
    def info(self) -> EngineInfo:
        """How it is searched."""

    def count(self) -> int:
        """Paragraphs that a search can find."""

    def close(self) -> None:
        """Releases files or connections. Nothing may be called afterwards but `close`."""


class VectorSearcher(Searcher, Protocol):
    """Finds paragraphs by their vectors."""

    def search(self, vector: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """The `k` paragraphs nearest to `vector` (d,), best first; fewer if there are fewer. Equal scores are ordered
        by id; which of them a cut at `k` leaves out is up to the engine.

        :param allowed: ids (ascending) that may be found. The filter is part of the search: `k` are found if as many
            are allowed. Ids that the generation does not have are ignored.
        :return: ids (n,) int64 and inner products (n,) float32, higher is closer. Unless `info.exact` they are
            approximate: good for choosing candidates, not for scoring them.
        """


class LexicalSearcher(Searcher, Protocol):
    """Finds paragraphs by the terms that `bm25.analyze` finds in their texts."""

    def search(self, terms: Sequence[str], k: int, articles: Iterable[int] | None = None) -> Ids:
        """Ids of up to `k` paragraphs that hold any of the terms, in about the order of BM25.

        :param articles: ids of the articles that may be found; the filter is part of the search.
        """

    def count_paragraphs(self, terms: Iterable[str]) -> dict[str, int]:
        """Of each term, the number of paragraphs that hold it. Removed paragraphs do not count."""


class Engine(Protocol[SourceT, SearcherT]):
    """Writes and opens one half of generations."""

    @property
    def form(self) -> str:
        """Names the engine and the form of what it writes, as in 'faiss 2'. A generation of another form is written
        again."""

    def write(
        self, target: Place, previous: Place | None, source: SourceT, added: Ids, removed: Ids
    ) -> list[FileStamp]:
        """Writes a generation that never changes. When this returns, it outlasts a loss of power.

        :param previous: the generation before, which may be shared or copied and stays as it is; None to start anew.
            If it cannot be read, the engine starts anew.
        :param added: ids (ascending) that `previous` lacks; ignored when starting anew.
        :param removed: ids (ascending) that only `previous` has; ignored when starting anew.
        :return: the files written, which are checked for damage from then on.
        :raises OSError: if the system refuses.
        """

    def open(self, place: Place) -> SearcherT:
        """Opens what was written.

        :raises OSError: if something is missing.
        :raises ValueError: if something is damaged.
        :raises RuntimeError: if something is damaged.
        """

    def discard(self, place: Place) -> None:
        """Removes what is kept outside of the place's folder, if anything; the caller removes the folder. May be called
        again, and for a generation that was never finished."""


VectorEngine = Engine[VectorSource, VectorSearcher]
LexicalEngine = Engine[LexicalSource, LexicalSearcher]
