"""Owns where the files of a generation stand, whether they are sound and which of them nobody needs any more.

What is in them is a matter of the engines.

A generation's files are complete and synced before the transaction that names them begins to be committed, and they
never change afterwards, so a snapshot has either all of them or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from index.durable import FileStamp, holds, remove_tree

FILES_NAME = "generations"
VECTORS = "vectors"
LEXICAL = "lexical"
_ALWAYS_READ = 16 << 20
"""Bytes of all files together up to which their sums are looked at every time (10 ms); beyond, sizes and times are,
and the bytes where one of these differs or a check is asked for."""


def vectors_folder(folder: Path, name: str) -> Path:
    """Of the generation whose files are called `name`."""
    return folder / FILES_NAME / name / VECTORS


def lexical_folder(folder: Path, name: str) -> Path:
    """Of the generation whose files are called `name`."""
    return folder / FILES_NAME / name / LEXICAL


def are_sound(folder: Path, stamps: Mapping[str, FileStamp], *, thorough: bool = False) -> bool:
    """True where every file is what was written. Raises OSError where one cannot be read."""
    if not stamps:
        return False
    thorough = thorough or sum(stamp.size for stamp in stamps.values()) <= _ALWAYS_READ
    return all(holds(stamp, folder, thorough=thorough) for stamp in stamps.values())


def find_moved(folder: Path, stamps: Mapping[str, FileStamp]) -> list[FileStamp]:
    """New stamps where sound files have other times than when they were written: a copied folder, whose large files
    would otherwise be read at every opening. Empty where all times are the same."""
    now = [replace(stamp, mtime_ns=(folder / stamp.path).stat().st_mtime_ns) for stamp in stamps.values()]
    return now if now != list(stamps.values()) else []


def remove_others(folder: Path, name: str | None) -> None:
    """Removes the files of every generation but the one called `name`, and of builds that were killed. Readers that
    have opened them keep them; a reader about to open them finds them gone and takes the newer generation."""
    for path in _list(folder / FILES_NAME):
        if path.name != name:
            remove_tree(path)


def _list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
