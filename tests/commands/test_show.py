"""`qa show` finds an article by any name a person would use, and shows nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import UnreadableFileError, UsageError
from qa.commands.show import render_article
from qa.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    docs = tmp_path / "docs"
    (docs / "sub").mkdir(parents=True)
    (docs / "sub" / "tides.txt").write_text("High water at noon.\n\x1b[2J", encoding="utf-8")
    (docs / "empty.txt").touch()
    (docs / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "secret.txt").write_text("not an article", encoding="utf-8")
    return Settings(docs=docs)


def show(settings: Settings, path: str, span: str | None = None, *, on_terminal: bool = False) -> str:
    return render_article(settings, path, span, on_terminal=on_terminal)


def test_an_article_is_found_as_cited_and_as_the_shell_completes_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An article is found by its path in the folder, its absolute path, and its path from the working directory."""
    text = "High water at noon.\n\x1b[2J"
    monkeypatch.chdir(settings.docs.parent)
    for path in ("sub/tides.txt", str(settings.docs / "sub" / "tides.txt"), "docs/sub/tides.txt"):
        assert show(settings, path) == text


def test_a_terminal_gets_no_control_characters(settings: Settings) -> None:
    """A pipe gets the canonical text unchanged, because offsets count in it."""
    assert "\x1b" not in show(settings, "sub/tides.txt", on_terminal=True)


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", "sub", "nul\0", "~nobody-of-that-name/x"])
def test_nothing_outside_the_articles_is_shown(settings: Settings, path: str) -> None:
    """A path that leads out of the folder is not an article, whatever is there."""
    with pytest.raises(UsageError, match="there is no article"):
        show(settings, path)


def test_a_slip_of_the_pen_gets_the_nearest_name(settings: Settings) -> None:
    """The error for a mistyped name suggests the nearest one."""
    with pytest.raises(UsageError, match=r"did you mean 'sub/tides\.txt'"):
        show(settings, "sub/tide.txt")


def test_a_file_that_was_left_out_is_named_with_its_reason(settings: Settings) -> None:
    """The error names why a file is not an article: it is empty, or its format is not read."""
    with pytest.raises(UnreadableFileError, match=r"empty\.txt cannot be shown: empty"):
        show(settings, "empty.txt")
    with pytest.raises(UnreadableFileError, match=r"picture\.png is not an article: not a format that is read"):
        show(settings, "picture.png")


@pytest.mark.parametrize("span", ["5:1", "0:900", "a:b", "3", "-1:4", "²:³"])
def test_a_range_without_meaning_is_refused(settings: Settings, span: str) -> None:
    """The error names the range that the article has."""
    with pytest.raises(UsageError, match="write START:END within 0:24"):
        show(settings, "sub/tides.txt", span)
