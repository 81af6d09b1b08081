"""What tests share: folders of their own for everything that is kept, and small articles with a real index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qa.answerer import Answerer, open_answerer
from qa.settings import Settings
from tests.helpers.articles import write_articles


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person who runs the tests is read or written; checked models are shared by all tests."""
    kept = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("QA_CACHE_DIR", str(kept / "cache"))
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    for name in ("QA_DOCS", "QA_MODEL", "QA_RERANKER", "QA_PASSAGES", "QA_THRESHOLD", "QA_REFRESH", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of two articles, not indexed yet."""
    return write_articles(tmp_path / "docs")


@pytest.fixture(scope="session")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answerer]:
    """The answerer over two articles, with the models that come with the install; for tests that change nothing."""
    opened = open_answerer(Settings(docs=write_articles(tmp_path_factory.mktemp("shared") / "docs")))
    yield opened
    opened.close()
