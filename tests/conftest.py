"""What tests share: folders of their own for everything that is kept, and small articles with a real index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qa.engine import Engine, open_engine
from qa.settings import Settings

TRADE = """\
Beijing weighs its trade with Moscow

9 March 2022

China's trade with Russia grew to $146.9 billion in 2021. That is less than a tenth of its trade with the West.

The foreign ministry's spokesman, Zhao Lijian, announced aid worth 5 million yuan for Ukraine. It consists of daily
necessities.

China has not condemned the invasion. It has asked both sides to talk.

Leave a Reply
"""
HARBOUR = """\
# The harbour of Lindau

## Building

The lighthouse of Lindau was finished in 1856 and is 33 metres high. Its clock was added a year later.

## Use

Three things are forbidden in the harbour:

1. Swimming between the two piers, where the ferries turn.
2. Anchoring in front of the railway station for more than an hour.
"""


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person who runs the tests is read or written; checked models are shared by all tests."""
    kept = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("QA_CACHE_DIR", str(kept / "cache"))
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    for name in ("QA_DOCS", "QA_MODEL", "QA_RERANKER", "QA_PASSAGES", "QA_THRESHOLD", "QA_REFRESH", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def write_articles(folder: Path) -> Path:
    """Two small articles, one plain text, one Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trade.txt").write_text(TRADE, encoding="utf-8")
    (folder / "harbour.md").write_text(HARBOUR, encoding="utf-8")
    return folder


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of two articles, not indexed yet."""
    return write_articles(tmp_path / "docs")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine over two articles, with the models that come with the install; for tests that change nothing."""
    opened = open_engine(Settings(docs=write_articles(tmp_path_factory.mktemp("shared") / "docs")))
    yield opened
    opened.close()
