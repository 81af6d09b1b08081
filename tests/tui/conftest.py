"""An app for each test: with recorded answers, or with the real answerer over a few small articles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qa.settings import Settings
from qa.types import Asks
from tests.helpers.recorded import TEXTS


@pytest.fixture(autouse=True)
def _same_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps tests independent of the terminal and the editor of the person who runs them."""
    for name in ("TERM_PROGRAM", "VTE_VERSION", "EDITOR", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


class _Unclosed:
    """The real answerer that all tests share, so no test closes it."""

    def __init__(self, answerer: Any) -> None:
        self._answerer = answerer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answerer, name)

    def close(self) -> None:
        """Stays open."""


@pytest.fixture(scope="session")
def real_documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two articles and a file that is not an article."""
    folder = tmp_path_factory.mktemp("articles") / "docs"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    return folder


@pytest.fixture(scope="session")
def real_answerer(real_documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asks]:
    """The real answerer with the real models, opened once. Its threshold answers everything."""
    from qa.answerer import open_answerer

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QA_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
        answerer = open_answerer(Settings(docs=real_documents, threshold=0.0))
        yield _Unclosed(answerer)  # type: ignore[misc]
        answerer.close()
