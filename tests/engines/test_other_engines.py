"""Other engines build, follow and search an index: nothing outside of `index.engines` knows which ones there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from index.engines import registry
from index.errors import IndexDamagedError
from index.storage.folder import locate_index_folder
from index.updating.build import refresh
from qa.commands.indexing import render_status
from qa.settings import load_settings
from tests.helpers.hash_encoder import HashEncoder
from tests.helpers.index_views import open_existing, view_answers, view_articles
from tests.helpers.memory_engines import MemoryLexicalEngine, MemoryVectorEngine

_QUESTIONS = ("lighthouse ferries", "word3 word4", "changed words", "the of")


def _write(docs: Path, count: int) -> None:
    docs.mkdir(exist_ok=True)
    for number in range(count):
        (docs / f"{number}.txt").write_text(f"Lighthouse {number} of word{number}.\n\nFerries leave at {number}.")


def _view(folder: Path) -> object:
    with open_existing(folder) as snapshot:
        return view_articles(snapshot), view_answers(snapshot, HashEncoder(), _QUESTIONS)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> tuple[MemoryVectorEngine, MemoryLexicalEngine]:
    """Engines without files, in place of FAISS and tantivy."""
    vectors, lexical = MemoryVectorEngine(), MemoryLexicalEngine()
    monkeypatch.setattr(registry, "load_vector_engine", lambda: vectors)
    monkeypatch.setattr(registry, "load_lexical_engine", lambda: lexical)
    return vectors, lexical


def test_other_engines_give_the_same_answers(
    tmp_path: Path, engines: tuple[MemoryVectorEngine, MemoryLexicalEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers are the same after additions, changes and deletions. One generation is kept, and no file is
    written."""
    docs, folder = tmp_path / "docs", tmp_path / "memory"
    _write(docs, 8)
    refresh(docs, folder, HashEncoder)
    (docs / "3.txt").write_text("Some changed words about ferries.")
    (docs / "4.txt").unlink()
    _write(docs, 2)
    refresh(docs, folder, HashEncoder)
    found = _view(folder)
    assert [len(engine.generations) for engine in engines] == [1, 1]
    assert not [path for path in (folder / "generations").rglob("*") if path.is_file()]
    monkeypatch.undo()
    refresh(docs, tmp_path / "files", HashEncoder)
    assert _view(tmp_path / "files") == found


def test_the_status_shows_any_engine(tmp_path: Path, engines: tuple[MemoryVectorEngine, MemoryLexicalEngine]) -> None:
    """The status shows the name and the figures of the engine."""
    docs = tmp_path / "docs"
    _write(docs, 3)
    refresh(docs, locate_index_folder(docs), HashEncoder)
    settings = load_settings({"docs": str(docs)})
    assert "\nvectors: memory, 6 compared one by one\nwords: memory, 6 scored one by one\n" in render_status(
        settings, as_json=False
    )
    assert json.loads(render_status(settings, as_json=True))["vectors"] == {
        "engine": "memory",
        "exact": True,
        "summary": "6 compared one by one",
        "vectors": 6,
    }
    assert all(engine.generations for engine in engines)


def test_an_index_of_other_engines_is_made_again_without_embedding(
    tmp_path: Path, engines: tuple[MemoryVectorEngine, MemoryLexicalEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index of other engines is not opened. The next build writes it for the present ones, and says so."""
    docs, folder = tmp_path / "docs", tmp_path / "index"
    _write(docs, 5)
    refresh(docs, folder, HashEncoder)
    expected = _view(folder)
    monkeypatch.undo()
    with pytest.raises(IndexDamagedError, match=r"written by memory 1, memory 1 .*; run `qa index`"):
        open_existing(folder)
    notices: list[str] = []
    report = refresh(docs, folder, HashEncoder, notice=notices.append)
    assert (report.embedded, bool(report.changes)) == (0, False)
    assert [notice for notice in notices if "older form" in notice]
    assert _view(folder) == expected
    assert all(engine.generations for engine in engines)
