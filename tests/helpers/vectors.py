"""Clustered vectors by id, and generations of them on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.durable import Previous
from index.engines.faiss_vectors import VectorSource, write_vectors

if TYPE_CHECKING:
    from index.types import Ids, Vectors

DIMENSION = 32


def make_vectors(count: int, seed: int = 0) -> Vectors:
    """(count, 32) float32 of unit length in clusters, as float16 holds them."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((20, DIMENSION))
    points = centres[random.integers(0, 20, count)] + 0.7 * random.standard_normal((count, DIMENSION))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float16).astype(np.float32)


class Corpus:
    """Vectors by id, what a database is to `vectors`."""

    def __init__(self, rows: dict[int, Vectors]) -> None:
        self.rows = rows

    @property
    def ids(self) -> Ids:
        return np.array(sorted(self.rows), dtype=np.int64)

    def source(self) -> VectorSource:
        return VectorSource(DIMENSION, len(self.rows), self._all, self._some)

    def _all(self) -> Iterator[tuple[Ids, Vectors]]:
        for block in np.array_split(self.ids, max(1, len(self.rows) // 100)):
            if len(block):
                yield self._some(block)

    def _some(self, ids: Ids) -> tuple[Ids, Vectors]:
        ids = np.sort(ids)
        found = [self.rows[number] for number in ids.tolist()]
        return ids, np.stack(found) if found else np.empty((0, DIMENSION), dtype=np.float32)

    def nearest(self, query: Vectors, k: int, allowed: set[int] | None = None) -> list[int]:
        """By brute force."""
        ids = [number for number in self.rows if allowed is None or number in allowed]
        return sorted(ids, key=lambda number: (-float((self.rows[number] * query).sum()), number))[:k]


def write_generation(
    folder: Path, name: str, corpus: Corpus, before: Previous | None, added: set[int], removed: set[int]
) -> Previous:
    """One more generation in `folder`."""
    target = folder / name
    target.mkdir()
    stamps = write_vectors(target, before, corpus.source(), as_ids(added), as_ids(removed), folder)
    return Previous(target, {Path(stamp.path).name: stamp for stamp in stamps})


def as_ids(numbers: set[int]) -> Ids:
    return np.array(sorted(numbers), dtype=np.int64)
