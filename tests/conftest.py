"""What all tests share: separate folders for everything that is kept, and small articles with a real index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qa.answerer import Answerer, open_answerer
from qa.settings import Settings
from tests.helpers.articles import write_articles


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps tests away from the folders of the person who runs them. All tests share the stamps of checked models."""
    kept = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("QA_CACHE_DIR", str(kept / "cache"))
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    for name in ("QA_DOCS", "QA_MODEL", "QA_RERANKER", "QA_PASSAGES", "QA_THRESHOLD", "QA_REFRESH", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with two articles and no index."""
    return write_articles(tmp_path / "docs")


@pytest.fixture(scope="session")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answerer]:
    """An answerer over two articles, with the models that come with the install. For tests that change nothing."""
    opened = open_answerer(Settings(docs=write_articles(tmp_path_factory.mktemp("shared") / "docs")))
    yield opened
    opened.close()
