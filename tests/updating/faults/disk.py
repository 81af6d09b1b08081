"""What may be left of a folder after a power failure: a model of a disk that keeps only what was synced.

Bytes are certain after a sync of their file, and names after a sync of their folder. Of everything else any part may be
there. A random generator decides which, so the worst case and everything between can be tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random


@dataclass(frozen=True, slots=True)
class Call:
    """One change of the folder, as `preload.c` wrote it down."""

    kind: str
    inode: int
    offset: int
    path: str
    other: str
    data: bytes


def load_calls(log: Path) -> list[Call]:
    """The calls in the order in which the system carried them out."""
    return list(_calls_in(log.read_bytes()))


def _calls_in(data: bytes) -> Iterator[Call]:
    place = 0
    while place < len(data):
        end = data.index(b"\n", place)
        kind, *numbers = data[place:end].decode().split()
        inode, offset, size, path_length, other_length = map(int, numbers)
        path_end = end + 1 + path_length
        other_end = path_end + other_length
        place = other_end + size
        yield Call(
            kind,
            inode,
            offset,
            data[end + 1 : path_end].decode(),
            data[path_end:other_end].decode(),
            data[other_end:place],
        )


@dataclass(slots=True)
class _File:
    """A file's bytes, certain and as they are, and the writes between."""

    certain: bytearray = field(default_factory=bytearray)
    now: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, data); data is None if the file was cut to `offset`."""

    def change(self, offset: int, data: bytes | None) -> None:
        _apply(self.now, offset, data)
        self.pending.append((offset, data))

    def sync(self) -> None:
        self.certain = bytearray(self.now)
        self.pending.clear()

    def left(self, rng: Random, share: float) -> bytes:
        """The certain bytes with some of the pending writes.

        :param share: probability that a pending write is there, 0..1.
        """
        content = bytearray(self.certain)
        for offset, data in self.pending:
            if rng.random() < share:
                _apply(content, offset, data)
        return bytes(content)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is not None:
        content[offset : offset + len(data)] = data


class Disk:
    """The folder `top` as the calls make it. What stands there at the beginning is certain."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._names: dict[str, _File | None] = {}
        """Files and folders by path; None is a folder."""
        self._pending: list[tuple[str, str, str, _File | None]] = []
        """(kind, folder to be synced, path, file) of names that are not certain yet."""
        self._certain: dict[str, _File | None] = {}
        self._inodes: dict[int, _File] = {}
        for path in sorted(top.rglob("*")):
            if path.name.endswith("-shm"):
                continue
            if path.is_dir():
                self._names[str(path)] = None
                continue
            content = path.read_bytes()
            self._names[str(path)] = self._inodes.setdefault(
                path.stat().st_ino, _File(bytearray(content), bytearray(content))
            )
        self._certain = dict(self._names)

    def carry_out(self, call: Call) -> None:
        """One call of the log."""
        if call.kind in "WTS":
            self._change_file(call)
        elif call.kind == "D":
            self._sync_folder(call.path)
        else:
            self._change_names(call)

    def _change_file(self, call: Call) -> None:
        file = self._inodes[call.inode]
        self._note_rename(file, call.path)
        if call.kind == "S":
            file.sync()
        else:
            file.change(call.offset, call.data if call.kind == "W" else None)

    def _note_rename(self, file: _File, path: str) -> None:
        """tantivy renames its temporary files by calls that cannot be watched; they show when the file is next met."""
        if self._names.get(path) is not file:
            old = next((name for name, known in self._names.items() if known is file), None)
            if old is not None:
                self._put(path, file)
                self._drop(old)

    def _change_names(self, call: Call) -> None:
        if call.kind in "CM":
            if call.kind == "C":
                self._inodes[call.inode] = _File()
            self._put(call.path, self._inodes[call.inode] if call.kind == "C" else None)
        elif call.kind == "L":
            self._put(call.other, self._names[call.path])
        elif call.kind == "R":
            self._put(call.other, self._names[call.path])
            self._drop(call.path)
        else:
            self._drop(call.path)

    def _put(self, path: str, file: _File | None) -> None:
        self._names[path] = file
        self._pending.append(("put", str(Path(path).parent), path, file))

    def _drop(self, path: str) -> None:
        self._names.pop(path, None)
        self._pending.append(("drop", str(Path(path).parent), path, None))

    def _sync_folder(self, folder: str) -> None:
        for kind, _, path, file in (change for change in self._pending if change[1] == folder):
            self._settle(self._certain, kind, path, file)
        self._pending = [change for change in self._pending if change[1] != folder]

    @staticmethod
    def _settle(names: dict[str, _File | None], kind: str, path: str, file: _File | None) -> None:
        if kind == "put":
            names[path] = file
        else:
            names.pop(path, None)

    def fail(self, target: Path, rng: Random, share: float) -> None:
        """Makes `target` what is left of the folder if the power fails now.

        :param share: probability that a write or a name that was not synced is there all the same, 0..1.
        """
        names = dict(self._certain)
        for kind, _, path, file in self._pending:
            if rng.random() < share:
                self._settle(names, kind, path, file)
        target.mkdir(parents=True)
        for path, file in sorted(names.items()):
            place = target / Path(path).relative_to(self._top)
            if not self._has_parents(names, path):
                continue  # its folder is not there
            if file is None:
                place.mkdir()
            else:
                place.write_bytes(file.left(rng, share))

    def _has_parents(self, names: dict[str, _File | None], path: str) -> bool:
        parent = Path(path).parent
        return parent == self._top or (str(parent) in names and self._has_parents(names, str(parent)))
