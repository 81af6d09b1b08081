"""Counts, times and warnings in words."""

from __future__ import annotations

import pytest

from index.types import Skipped
from qa.output.words import counted, render_seconds, render_skipped


def test_a_count_has_the_right_number() -> None:
    """It is 'one article', 'no articles', 'two thousand articles'."""
    assert [counted(number, "article") for number in (0, 1, 2_000)] == ["0 articles", "1 article", "2,000 articles"]


@pytest.mark.parametrize(("seconds", "shown"), [(7, "0:07"), (750, "12:30"), (3_723.4, "1:02:03")])
def test_a_duration_has_hours_only_if_it_has_any(seconds: float, shown: str) -> None:
    """A duration looks as on a clock."""
    assert render_seconds(seconds) == shown


@pytest.mark.parametrize(("count", "lines"), [(0, 0), (1, 1), (20, 20), (21, 21), (60, 21)])
def test_skipped_files_are_named_up_to_twenty(count: int, lines: int) -> None:
    """All further files share one line."""
    warnings = render_skipped([Skipped(f"{number}.png", "not text (a PNG image)") for number in range(count)])
    assert len(warnings) == lines
    assert all(line.startswith("warning: skipped ") for line in warnings)
    if count == 21:
        assert warnings[-1].startswith("warning: skipped 1 more file;")
