"""Owns how much memory and how many threads a build may use, and what of it goes where."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from index.errors import UsageError

_MEGABYTE = 1 << 20
DEFAULT_MEMORY = 4096 * _MEGABYTE
_AT_REST = 320 * _MEGABYTE
"""Python, the default model, the libraries and SQLite's cache, before the first paragraph."""
_NEW_PARAGRAPH = 300
"""Bytes that a paragraph takes while it is published: its id, its hash and what is counted of it."""
_PARAGRAPH = 400
"""Bytes that any paragraph takes while the vectors are written anew: an 8-bit code and its share of the sample.
Together, 390 MB for 100,000 paragraphs and 1,020 for 1,000,000, where builds without the model took 302 and 863."""


def build_limits(megabytes: int | None, jobs: int | None) -> Limits:
    """With the defaults where None is given."""
    default = Limits()
    memory = default.memory if megabytes is None else megabytes * _MEGABYTE
    return Limits(memory, jobs or default.jobs)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a build may use."""

    memory: int = DEFAULT_MEMORY
    """Bytes, all together."""
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads."""

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise UsageError(f"{self.jobs} jobs cannot work; give at least 1.")

    @property
    def writer_heap(self) -> int:
        """Bytes of words that are gathered before they become a segment."""
        return max(16 * _MEGABYTE, min(64 * _MEGABYTE, self.memory // 16))

    @property
    def sample(self) -> int:
        """Bytes of vectors to train on."""
        return max(32 * _MEGABYTE, self.memory // 8)

    def check(self, before: int, new: int) -> None:
        """Raises UsageError where a build of `new` paragraphs beside `before` others needs more memory than it may
        use."""
        needed = _AT_REST + new * _NEW_PARAGRAPH + (before + new) * _PARAGRAPH
        if needed > self.memory:
            megabytes = -(-needed // _MEGABYTE)
            raise UsageError(
                f"{self.memory // _MEGABYTE} MB of memory are too little to index {before + new} paragraphs; "
                f"give at least {megabytes} MB with --memory."
            )
