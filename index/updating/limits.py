"""Owns how much memory and how many threads a build may use, and what of it goes where."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from index.errors import UsageError
from index.types import SourceFile

_MEGABYTE = 1 << 20
DEFAULT_MEMORY = 4096 * _MEGABYTE
_AT_REST = 320 * _MEGABYTE
"""Python, the default model, the libraries and SQLite's cache, before the first paragraph."""
_SMALL_FILE = 2 * _MEGABYTE
"""Bytes of a file that are part of what is needed at rest."""
_LEAST_ROOM = 16 * _MEGABYTE
_NEW_PARAGRAPH = 100
"""Bytes that a paragraph takes while it is published: its id, its hash, its share of its article's name and times."""
_PARAGRAPH = 40
"""Bytes that any paragraph takes while the lists of a large index are extended: its id and its place, old and new. Its
vector is never held. Together with what is needed at rest, 360 MB for 300,000 paragraphs and 454 for 1,000,000; a build
of 300,000 without the model took 329 MB where it was allowed 450, and 433 while codes were held in memory."""
_FILE = 16
"""Bytes for each byte of a file that is read, split and staged: 11 where a file of 16 MB was measured, 16 at 4 MB."""
_AHEAD = 16
"""Part of the memory that files may take which are read ahead; decoded, they take up to five times as much."""


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
    def room(self) -> int:
        """Bytes of vectors or codes that are held at once. Training copies them twice, so a quarter."""
        return max(_LEAST_ROOM, (self.memory - _AT_REST) // 4)

    @property
    def ahead(self) -> int:
        """Bytes of files that are read before they are needed."""
        return max(0, self.memory - _AT_REST) // (5 * _AHEAD)

    def check_files(self, files: Iterable[SourceFile]) -> None:
        """Raises UsageError where one of the files to read needs more memory than the build may use."""
        largest = max(files, key=lambda file: file.size, default=None)
        if largest is None or largest.size < _SMALL_FILE:
            return
        self._require(_AT_REST + largest.size * _FILE, f"read {largest.path} of {largest.size / _MEGABYTE:.0f} MB")

    def check(self, before: int, new: int) -> None:
        """Raises UsageError where a build of `new` paragraphs beside `before` others needs more memory than it may
        use."""
        needed = _AT_REST + new * _NEW_PARAGRAPH + (before + new) * _PARAGRAPH
        self._require(needed, f"index {before + new} paragraphs")

    def _require(self, needed: int, purpose: str) -> None:
        if needed > self.memory:
            raise UsageError(
                f"{self.memory // _MEGABYTE} MB of memory are too little to {purpose}; "
                f"give at least {-(-needed // _MEGABYTE)} MB with --memory."
            )
