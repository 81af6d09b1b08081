"""Owns where the engines keep a generation, whether its files are sound, and which generations are no longer needed.
What is in the files is up to the engines.

A generation's files are complete and synced before the transaction that names them is committed, and they never change
afterwards. So a snapshot has either all of them or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from index.durable import FileStamp, holds, remove_tree
from index.engines import registry
from index.engines.protocols import Place

FILES_NAME = "generations"
_ALWAYS_READ = 16 << 20
"""Bytes of all files together up to which their sums are checked every time (10 ms). Of larger ones, sizes and times
are, and the bytes only if one of these differs or `thorough`."""


class Places(NamedTuple):
    """Where both halves of a generation are kept."""

    vectors: Place
    lexical: Place


def find_places(folder: Path, name: str, stamps: Mapping[str, FileStamp] | None = None) -> Places:
    """The places of the generation whose files are called `name`.

    :param stamps: of the generation's files, by path; none for one that is not written yet.
    """
    return Places(*(_find_place(folder, folder / FILES_NAME / name / half, stamps or {}) for half in Places._fields))


def _find_place(index: Path, folder: Path, stamps: Mapping[str, FileStamp]) -> Place:
    own = {Path(path).name: stamp for path, stamp in stamps.items() if (index / path).parent == folder}
    return Place(index, folder, own)


def are_sound(folder: Path, stamps: Mapping[str, FileStamp], *, thorough: bool = False) -> bool:
    """True if every file is what was written.

    :raises OSError: if one cannot be read.
    """
    thorough = thorough or sum(stamp.size for stamp in stamps.values()) <= _ALWAYS_READ
    return all(holds(stamp, folder, thorough=thorough) for stamp in stamps.values())


def find_moved(folder: Path, stamps: Mapping[str, FileStamp]) -> list[FileStamp]:
    """New stamps if sound files have other times than when they were written, as in a copied folder: otherwise large
    files would be read whenever they are opened. Empty if all times are the same."""
    now = [replace(stamp, mtime_ns=(folder / stamp.path).stat().st_mtime_ns) for stamp in stamps.values()]
    return now if now != list(stamps.values()) else []


def remove_others(folder: Path, name: str | None) -> None:
    """Removes every generation but the one called `name`, and what killed builds left. A process that has opened one
    keeps it; a process about to open one finds it gone and takes the newer one."""
    for path in _list(folder / FILES_NAME):
        if path.name != name:
            places = find_places(folder, path.name)
            registry.load_vector_engine().discard(places.vectors)
            registry.load_lexical_engine().discard(places.lexical)
            remove_tree(path)


def _list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
