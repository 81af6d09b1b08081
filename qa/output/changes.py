"""Names the articles that differ from the index, the same in every message."""

from __future__ import annotations

from index.types import Changes

_MOST_NAMED = 3


def name_changed(changes: Changes) -> str:
    """'a.txt, b.txt, c.txt and 4 more': the paths of whatever was added, changed, deleted or renamed."""
    paths = [*changes.added, *changes.changed, *changes.deleted, *(old for old, _ in changes.renamed)]
    more = f" and {len(paths) - _MOST_NAMED:,} more" if len(paths) > _MOST_NAMED else ""
    return ", ".join(paths[:_MOST_NAMED]) + more
