"""Every engine keeps the contract, and an engine that does not is noticed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.durable import FileStamp
from index.engines import faiss_vectors, tantivy_words
from index.engines.faiss_vectors import FaissEngine
from index.engines.protocols import Place
from index.engines.tantivy_words import TantivyEngine
from tests.engines.contract import Half, find_broken
from tests.engines.lexical_contract import LEXICAL_CHECKS, make_lexical_half
from tests.engines.vector_contract import VECTOR_CHECKS, make_vector_half
from tests.helpers.memory_engines import MemoryLexicalEngine, MemoryVectorEngine, MemoryVectors, MemoryWords

Check = Callable[[Half], None]


def _use_small_limits(patch: pytest.MonkeyPatch) -> None:
    """IVF from a hundred vectors on, in parts as small as they get, with a delta of ten."""
    patch.setattr(faiss_vectors, "EXACT_LIMIT", 100)
    patch.setattr(faiss_vectors, "_DELTA_LIMIT", 10)


def _use_small_parts(patch: pytest.MonkeyPatch) -> None:
    """Vectors compared one by one, in several parts."""
    patch.setattr(faiss_vectors, "_DELTA_LIMIT", 10)
    patch.setattr(faiss_vectors, "_most_entries", lambda *_: 40)


def _use_small_lists(patch: pytest.MonkeyPatch) -> None:
    """IVF in several parts."""
    _use_small_limits(patch)
    _use_small_parts(patch)


def _never_purge(patch: pytest.MonkeyPatch) -> None:
    """Deleted paragraphs stay in the files, as in a large index."""
    patch.setattr(tantivy_words, "_PURGE_LIMIT", 0)
    patch.setattr(tantivy_words, "_DEAD_SHARE", 10.0)


def _change_nothing(patch: pytest.MonkeyPatch) -> None:
    """Leaves the engine as it is."""


VECTOR_ENGINES = {
    "faiss": (FaissEngine, _change_nothing),
    "faiss, small parts": (FaissEngine, _use_small_parts),
    "faiss, IVF": (FaissEngine, _use_small_limits),
    "faiss, IVF in small parts": (FaissEngine, _use_small_lists),
    "memory": (MemoryVectorEngine, _change_nothing),
}
LEXICAL_ENGINES = {
    "tantivy": (TantivyEngine, _change_nothing),
    "tantivy, never purged": (TantivyEngine, _never_purge),
    "memory": (MemoryLexicalEngine, _change_nothing),
}


def sharing(kind: type[Any]) -> Callable[[], Any]:
    """A function that makes engines of one kind which share what they keep, as connections to one server do."""
    kept: dict[Path, Any] = {}

    def make() -> Any:
        engine = kind()
        if hasattr(engine, "generations"):
            engine.generations = kept
        return engine

    return make


@pytest.mark.parametrize("check", VECTOR_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", VECTOR_ENGINES)
def test_vector_engines(name: str, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every engine that searches vectors keeps each promise."""
    kind, prepare = VECTOR_ENGINES[name]
    prepare(monkeypatch)
    check(make_vector_half(sharing(kind), tmp_path))


@pytest.mark.parametrize("check", LEXICAL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", LEXICAL_ENGINES)
def test_lexical_engines(name: str, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every engine that searches words keeps each promise."""
    kind, prepare = LEXICAL_ENGINES[name]
    prepare(monkeypatch)
    check(make_lexical_half(sharing(kind), tmp_path))


def _search_without_filter(searcher: Any, question: Any, k: int, _: Any = None) -> Any:
    return type(searcher).__mro__[1].search(searcher, question, k)


def _search_then_filter_vectors(searcher: Any, vector: Any, k: int, allowed: Any = None) -> Any:
    ids, scores = MemoryVectors.search(searcher, vector, k)
    kept = np.ones(len(ids), bool) if allowed is None else np.isin(ids, allowed)
    return ids[kept], scores[kept]


def _search_then_filter_words(searcher: Any, terms: Any, k: int, articles: Any = None) -> Any:
    ids = MemoryWords.search(searcher, terms, k)
    if articles is None:
        return ids
    return np.array([number for number in ids.tolist() if searcher.rows[number][0] in articles], dtype=np.int64)


def _count_slowly(searcher: Any) -> int:
    """Right only if one thread counts at a time."""
    searcher.counted = 0
    for _ in range(3):
        time.sleep(0.0005)
        searcher.counted += len(searcher.rows)
    return int(searcher.counted // 3)


def _write_without(which: str) -> Callable[..., list[FileStamp]]:
    def write(engine: Any, target: Place, previous: Any, source: Any, added: Any, removed: Any) -> list[FileStamp]:
        none = np.empty(0, dtype=np.int64)
        changes = {"added": added, "removed": removed} | {which: none}
        written: list[FileStamp] = type(engine).__mro__[1].write(engine, target, previous, source, **changes)
        return written

    return write


def _write_over(engine: Any, target: Place, previous: Any, source: Any, added: Any, removed: Any) -> list[FileStamp]:
    """Changes the generation before instead of a copy of it."""
    type(engine).__mro__[1].write(engine, target, previous, source, added, removed)
    if previous is not None and previous.folder in engine.generations:
        rows = engine.generations.pop(target.folder)
        before = engine.generations[previous.folder]
        before.clear()
        before.update(rows)
        engine.generations[target.folder] = before
    return []


def _write_only_after(
    engine: Any, target: Place, previous: Any, source: Any, added: Any, removed: Any
) -> list[FileStamp]:
    """Fails if the generation before is gone."""
    if previous is not None:
        assert previous.folder in engine.generations
    written: list[FileStamp] = type(engine).__mro__[1].write(engine, target, previous, source, added, removed)
    return written


def _open_anything(engine: Any, place: Place) -> Any:
    return engine.searcher(engine.generations.get(place.folder, {}))


def _engine(base: type[Any], searcher: dict[str, Any] | None = None, **methods: Any) -> type[Any]:
    """A wrong engine: `base` with other methods, of its own and of its searchers."""
    members = dict(methods)
    if searcher:
        members["searcher"] = type("Wrong", (base.searcher,), searcher)
    return type("WrongEngine", (base,), members)


class _Lonely:
    """An engine whose objects know nothing of each other."""

    def __init__(self) -> None:
        self.__dict__["own"] = {}

    @property
    def generations(self) -> Any:
        return self.__dict__["own"]

    @generations.setter
    def generations(self, _: Any) -> None:
        """Shares nothing."""


class _Unstamped(FaissEngine):
    """Forgets to name one of its files."""

    def write(self, *arguments: Any) -> list[FileStamp]:
        return super().write(*arguments)[1:]


class _UnstampedWords(TantivyEngine):
    """Forgets to name one of its files."""

    def write(self, *arguments: Any) -> list[FileStamp]:
        return super().write(*arguments)[1:]


def _common(base: type[Any]) -> dict[str, tuple[type[Any], str]]:
    """Mistakes that any engine can make, each with the check that notices it."""
    return {
        "ignores the filter": (
            _engine(base, {"search": _search_without_filter}),
            "check_the_filter_is_part_of_the_search",
        ),
        "forgets removals": (_engine(base, write=_write_without("removed")), "check_changes_are_found"),
        "loses additions": (_engine(base, write=_write_without("added")), "check_changes_are_found"),
        "changes the generation before": (_engine(base, write=_write_over), "check_a_generation_never_changes"),
        "needs the generation before": (
            _engine(base, write=_write_only_after),
            "check_an_unreadable_predecessor_is_no_obstacle",
        ),
        "opens what is not there": (_engine(base, open=_open_anything), "check_what_is_missing_is_not_opened"),
        "counts in the open": (_engine(base, {"count": _count_slowly}), "check_readers_do_not_notice_a_writer"),
        "counts one too many": (
            _engine(base, {"count": lambda searcher: len(searcher.rows) + 1}),
            "check_count_follows_changes",
        ),
        "keeps everything in its object": (
            type("Lonely", (_Lonely, base), {}),
            "check_another_object_opens_what_was_written",
        ),
    }


WRONG_VECTORS = _common(MemoryVectorEngine) | {
    "filters what it has found": (
        _engine(MemoryVectorEngine, {"search": _search_then_filter_vectors}),
        "check_the_filter_is_part_of_the_search",
    ),
    "worst first": (
        _engine(MemoryVectorEngine, {"order": lambda _, scores: sorted(scores, key=scores.__getitem__)}),
        "check_the_best_come_first",
    ),
    "equal ones in any order": (
        _engine(
            MemoryVectorEngine,
            {"order": lambda _, scores: sorted(scores, key=lambda number: (-scores[number], -number))},
        ),
        "check_equal_scores_are_ordered_by_id",
    ),
    "forgets a stamp": (_Unstamped, "check_stamps_name_every_file"),
}
WRONG_WORDS = _common(MemoryLexicalEngine) | {
    "filters what it has found": (
        _engine(MemoryLexicalEngine, {"search": _search_then_filter_words}),
        "check_the_filter_is_part_of_the_search",
    ),
    "worst first": (
        _engine(MemoryLexicalEngine, {"order": lambda self, terms, found: MemoryWords.order(self, terms, found)[::-1]}),
        "check_the_best_come_first",
    ),
    "any order": (_engine(MemoryLexicalEngine, {"order": lambda _, __, found: found}), "check_the_best_come_first"),
    "splits words otherwise": (
        _engine(MemoryLexicalEngine, {"analyze": lambda _, text: text.lower().split()}),
        "check_words_are_found_however_they_are_written",
    ),
    "counts any word once": (
        _engine(MemoryLexicalEngine, {"count_paragraphs": lambda _, terms: dict.fromkeys(terms, 1)}),
        "check_changes_are_found",
    ),
    "forgets a stamp": (_UnstampedWords, "check_stamps_name_every_file"),
}


@pytest.mark.parametrize("name", WRONG_VECTORS)
def test_wrong_vector_engines_are_noticed(name: str, tmp_path: Path) -> None:
    """A wrong engine fails the check that is about its mistake."""
    kind, check = WRONG_VECTORS[name]
    make = sharing(kind)
    assert check in find_broken(VECTOR_CHECKS, lambda top: make_vector_half(make, top), tmp_path)


@pytest.mark.parametrize("name", WRONG_WORDS)
def test_wrong_lexical_engines_are_noticed(name: str, tmp_path: Path) -> None:
    """A wrong engine fails the check that is about its mistake."""
    kind, check = WRONG_WORDS[name]
    make = sharing(kind)
    assert check in find_broken(LEXICAL_CHECKS, lambda top: make_lexical_half(make, top), tmp_path)


def test_correct_engines_break_nothing(tmp_path: Path) -> None:
    """The correct engines that the wrong ones are made of pass all checks."""
    vectors, words = sharing(MemoryVectorEngine), sharing(MemoryLexicalEngine)
    assert not find_broken(VECTOR_CHECKS, lambda top: make_vector_half(vectors, top), tmp_path / "v")
    assert not find_broken(LEXICAL_CHECKS, lambda top: make_lexical_half(words, top), tmp_path / "w")
