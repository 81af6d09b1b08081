"""Engines without files, like a server: each keeps its generations in a dictionary. They are the smallest correct
engines, and the wrong engines that test the contract are made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.durable import FileStamp
from index.engines.bm25 import CorpusFigures, analyze, score_bm25
from index.engines.protocols import EngineInfo, LexicalSource, Place, VectorSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from index.types import Ids, Vectors

Texts = dict[int, tuple[int, str]]
"""(article id, text) by paragraph id."""


class MemoryVectors:
    """The vectors of one generation."""

    def __init__(self, rows: dict[int, Vectors]) -> None:
        self.rows = rows

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("memory", True, f"{self.count()} compared one by one", {"vectors": self.count()})

    def count(self) -> int:
        return len(self.rows)

    def close(self) -> None:
        self.rows = {}

    def search(self, vector: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, NDArray[np.float32]]:
        wanted = self.rows if allowed is None else set(allowed.tolist()) & self.rows.keys()
        scores = {number: float(np.dot(self.rows[number], vector)) for number in wanted}
        ids = self.order(scores)[:k]
        return np.array(ids, dtype=np.int64), np.array([scores[number] for number in ids], dtype=np.float32)

    def order(self, scores: dict[int, float]) -> list[int]:
        """The ids, best first, equal ones by id."""
        return sorted(scores, key=lambda number: (-scores[number], number))


class MemoryVectorEngine:
    """Keeps vectors."""

    form = "memory 1"
    searcher = MemoryVectors

    def __init__(self) -> None:
        self.generations: dict[Path, dict[int, Vectors]] = {}

    def write(
        self, target: Place, previous: Place | None, source: VectorSource, added: Ids, removed: Ids
    ) -> list[FileStamp]:
        before = self.generations.get(previous.folder) if previous is not None else None
        if before is None:
            rows = {number: row for block in source.load_all() for number, row in zip(*_listed(block), strict=True)}
        else:
            gone = set(removed.tolist())
            rows = {number: row for number, row in before.items() if number not in gone}
            rows |= zip(*_listed(source.load_some(added)), strict=True)
        self.generations[target.folder] = rows
        return []

    def open(self, place: Place) -> MemoryVectors:
        if place.folder not in self.generations:
            raise FileNotFoundError(place.folder)
        return self.searcher(self.generations[place.folder])

    def discard(self, place: Place) -> None:
        self.generations.pop(place.folder, None)


def _listed(block: tuple[Ids, Vectors]) -> tuple[list[int], list[Vectors]]:
    return block[0].tolist(), list(block[1])


class MemoryWords:
    """The texts of one generation."""

    def __init__(self, rows: Texts) -> None:
        self.rows = rows
        self.terms = {number: Counter(self.analyze(text)) for number, (_, text) in rows.items()}

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("memory", True, f"{self.count()} scored one by one")

    def analyze(self, text: str) -> list[str]:
        """The terms of a text."""
        return analyze(text)

    def count(self) -> int:
        return len(self.rows)

    def close(self) -> None:
        self.rows = {}

    def search(self, terms: Sequence[str], k: int, articles: Iterable[int] | None = None) -> Ids:
        within = None if articles is None else set(articles)
        found = [number for number, (article, _) in self.rows.items() if within is None or article in within]
        found = [number for number in found if self.terms[number].keys() & set(terms)]
        return np.array(self.order(terms, found)[:k], dtype=np.int64)

    def order(self, terms: Sequence[str], found: list[int]) -> list[int]:
        """The ids, best first."""
        figures = CorpusFigures(len(self.rows), sum(counts.total() for counts in self.terms.values()))
        texts = [self.rows[number][1] for number in found]
        scores = score_bm25(dict.fromkeys(terms, 1.0), texts, self.count_paragraphs(terms), figures)
        ranked = sorted(zip(found, scores, strict=True), key=lambda pair: -pair[1].bm25)
        return [number for number, _ in ranked]

    def count_paragraphs(self, terms: Iterable[str]) -> dict[str, int]:
        return {term: sum(term in counts for counts in self.terms.values()) for term in terms}


class MemoryLexicalEngine:
    """Keeps texts."""

    form = "memory 1"
    searcher = MemoryWords

    def __init__(self) -> None:
        self.generations: dict[Path, Texts] = {}

    def write(
        self, target: Place, previous: Place | None, source: LexicalSource, added: Ids, removed: Ids
    ) -> list[FileStamp]:
        before = self.generations.get(previous.folder) if previous is not None else None
        if before is None:
            rows = {number: (article, text) for number, article, text in source.load_all()}
        else:
            gone = set(removed.tolist())
            rows = {number: row for number, row in before.items() if number not in gone}
            rows |= {number: (article, text) for number, article, text in source.load_some(added)}
        self.generations[target.folder] = rows
        return []

    def open(self, place: Place) -> MemoryWords:
        if place.folder not in self.generations:
            raise FileNotFoundError(place.folder)
        return self.searcher(self.generations[place.folder])

    def discard(self, place: Place) -> None:
        self.generations.pop(place.folder, None)
