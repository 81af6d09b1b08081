"""Owns how much memory and how many threads a build may use, and how they are divided."""

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
"""Bytes; the memory for files up to this size is part of what is needed at rest."""
_LEAST_ROOM = 16 * _MEGABYTE
_NEW_PARAGRAPH = 100
"""Bytes that a new paragraph takes: its hash while it is counted (93, in a set of 1,000,000), and later its id and its
share of its article's name and times."""
_PARAGRAPH = 40
"""Bytes that any paragraph takes while the engines' files are written: its id, in several lists of ids. Its vector is
never held. Together with what is needed at rest this makes 360 MB for 300,000 paragraphs and 454 for 1,000,000."""
_FILE = 16
"""Bytes for each byte of a file that is read, split and staged: 11 where a file of 16 MB was measured, 16 at 4 MB."""
_AHEAD = 16
"""Files that are read ahead may take this part of the memory; decoded, they take up to five times as much."""


def build_limits(megabytes: int | None, jobs: int | None) -> Limits:
    """None means the default."""
    default = Limits()
    memory = default.memory if megabytes is None else megabytes * _MEGABYTE
    return Limits(memory, jobs or default.jobs)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a build may use."""

    memory: int = DEFAULT_MEMORY
    """Bytes in total."""
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads."""

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise UsageError(f"There must be at least one job, not {self.jobs}.")

    @property
    def writer_heap(self) -> int:
        """Bytes of words that the lexical engine may hold before it writes them."""
        return max(16 * _MEGABYTE, min(64 * _MEGABYTE, self.memory // 16))

    @property
    def room(self) -> int:
        """Bytes of vectors or codes that may be held at once. A quarter, because training copies them twice."""
        return max(_LEAST_ROOM, (self.memory - _AT_REST) // 4)

    @property
    def ahead(self) -> int:
        """Bytes of files that may be read before they are needed."""
        return max(0, self.memory - _AT_REST) // (5 * _AHEAD)

    def check_files(self, files: Iterable[SourceFile]) -> None:
        """
        :raises UsageError: if one of the files to read needs more memory than the build may use.
        """
        largest = max(files, key=lambda file: file.size, default=None)
        if largest is None or largest.size < _SMALL_FILE:
            return
        self._require(_AT_REST + largest.size * _FILE, f"read {largest.path} of {largest.size / _MEGABYTE:.0f} MB")

    def check(self, before: int, new: int) -> None:
        """
        :param before: paragraphs that are indexed already.
        :param new: paragraphs that this build adds.
        :raises UsageError: if they need more memory than the build may use.
        """
        needed = _AT_REST + new * _NEW_PARAGRAPH + (before + new) * _PARAGRAPH
        self._require(needed, f"index {before + new} paragraphs")

    def _require(self, needed: int, purpose: str) -> None:
        if needed > self.memory:
            raise UsageError(
                f"{self.memory // _MEGABYTE} MB of memory is too little to {purpose}; "
                f"give at least {-(-needed // _MEGABYTE)} MB with --memory."
            )
