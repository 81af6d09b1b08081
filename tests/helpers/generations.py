"""Material for the tests of engines: vectors and texts by id, and generations of them that follow each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from index.durable import FileStamp
from index.engines.protocols import Engine, LexicalSource, Place, VectorSource

if TYPE_CHECKING:
    from index.types import Ids, Vectors

DIMENSION = 32
Row = TypeVar("Row")
Source = TypeVar("Source")
Searcher = TypeVar("Searcher")
Text = tuple[int, str]
"""(article id, text)"""


def make_vectors(count: int, seed: int = 0) -> Vectors:
    """(count, 32) float32 of unit length in clusters, rounded as float16 holds them."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((20, DIMENSION))
    points = centres[random.integers(0, 20, count)] + 0.7 * random.standard_normal((count, DIMENSION))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float16).astype(np.float32)


def find_nearest(rows: Mapping[int, Vectors], query: Vectors, k: int, allowed: set[int] | None = None) -> list[int]:
    """The nearest vectors by brute force; equal ones are ordered by id."""
    ids = [number for number in rows if allowed is None or number in allowed]
    return sorted(ids, key=lambda number: (-float((rows[number] * query).sum()), number))[:k]


def as_ids(numbers: set[int] | list[int]) -> Ids:
    """The ids as an array, ascending."""
    return np.array(sorted(numbers), dtype=np.int64)


class History(Generic[Row, Source, Searcher]):
    """The generations of one engine in a folder, each following the one before."""

    def __init__(self, engine: Engine[Source, Searcher], top: Path) -> None:
        self.engine = engine
        self.top = top
        self.rows: dict[int, Row] = {}
        """The rows that the next generation will hold."""
        self.last: Place | None = None
        self._written: dict[int, Row] = {}
        self._number = 0

    def write(self, rows: Mapping[int, Row] | None = None) -> Place:
        """Writes one more generation, with `rows` if they are given."""
        self.rows = dict(self.rows if rows is None else rows)
        added, removed = set(self.rows) - set(self._written), set(self._written) - set(self.rows)
        self._number += 1
        target = Place(self.top, self.top / f"{self._number:03}" / "half")
        target.folder.mkdir(parents=True)
        stamps = self.engine.write(target, self.last, self.make_source(), as_ids(added), as_ids(removed))
        self._written = self.rows
        self.last = Place(self.top, target.folder, _by_name(stamps))
        return self.last

    def open(self, rows: Mapping[int, Row] | None = None) -> Searcher:
        """Writes one more generation and opens it."""
        return self.engine.open(self.write(rows))

    def make_source(self) -> Source:
        """The source that stands for the database."""
        raise NotImplementedError


class VectorHistory(History["Vectors", VectorSource, Searcher]):
    """A history of vectors."""

    room_bytes = 256 << 20
    most_loaded = 0
    """Largest number of vectors that were loaded at once."""

    def make_source(self) -> VectorSource:
        """A source in blocks of a hundred."""
        rows = self.rows

        def load_some(ids: Ids) -> tuple[Ids, Vectors]:
            ids = np.sort(ids)
            self.most_loaded = max(self.most_loaded, len(ids))
            found = [rows[number] for number in ids.tolist()]
            return ids, np.stack(found) if found else np.empty((0, DIMENSION), dtype=np.float32)

        def load_all() -> Iterator[tuple[Ids, Vectors]]:
            ids = as_ids(set(rows))
            for first in range(0, len(ids), 100):
                yield load_some(ids[first : first + 100])

        return VectorSource(DIMENSION, len(rows), load_all, load_some, self.room_bytes)


class TextHistory(History[Text, LexicalSource, Searcher]):
    """A history of texts."""

    def make_source(self) -> LexicalSource:
        """A source of one text after the other."""
        rows = self.rows

        def load_some(ids: list[int]) -> Iterator[tuple[int, int, str]]:
            for number in ids:
                yield number, *rows[number]

        return LexicalSource(len(rows), lambda: load_some(sorted(rows)), lambda ids: load_some(ids.tolist()))


def _by_name(stamps: list[FileStamp]) -> dict[str, FileStamp]:
    return {Path(stamp.path).name: stamp for stamp in stamps}
