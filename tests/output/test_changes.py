"""How changed articles are named."""

import pytest

from index.types import Changes
from qa.output.changes import name_changed


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (Changes(added=("a",)), "a"),
        (Changes(("a",), ("b",), (("c", "d"),)), "a, b, c"),
        (Changes(("a",), ("b",), (("c", "d"),), ("e", "f")), "a, b, e and 2 more"),
    ],
)
def test_three_are_named_and_the_others_counted(changes: Changes, named: str) -> None:
    """Three articles are named, whatever happened to them. A renamed one has its old name, which the index knows."""
    assert name_changed(changes) == named
