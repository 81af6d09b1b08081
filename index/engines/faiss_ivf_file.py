"""Owns the entries of an inverted file while one is made: in pieces on the disk, put together list by list, so that
the memory it takes is that of one piece, however many vectors there are.

A piece has the layout of the end of FAISS's own file: for each list in order, the codes of its entries and then their
positions. So the file that is made is an ordinary one, which FAISS maps; FAISS itself writes lists only from memory.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from index.durable import FileStamp, write_file
from index.errors import IndexFolderError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.types import Ids

    Codes = NDArray[np.uint8]

_POSITION = 8
"""Bytes of a position."""
_WORKING = 24
"""Bytes that an entry of a piece takes besides its code: its list, its position, its place in the order of lists."""
_EMPTY = 32
"""Bytes at the end of FAISS's file that say that no list has an entry: 'ilar', lists, bytes of a code, 'sprs', 0. Where
lists have entries, 'full' and the number of lists stand for the latter two, and then the size of each list."""
_COUNT = slice(8, 16)
"""Where FAISS's file tells how many vectors there are."""


class Piece:
    """Some entries of every list, read from a file one list at a time."""

    def __init__(self, path: Path, code_size: int, sizes: Ids, moved: Ids | None = None) -> None:
        """`path` ends with the entries of all lists, `sizes` (lists,) of them.

        :param moved: (positions,) the new position of every old one, -1 where its entry is to be left out.
        """
        import numpy as np

        self._file = path.open("rb")
        self._code_size = code_size
        self._sizes = sizes
        self._moved = moved
        ends = np.cumsum(sizes) * (code_size + _POSITION)
        self._first = path.stat().st_size - int(ends[-1])
        self._begins = self._first + ends - sizes * (code_size + _POSITION)
        self.sizes = sizes if moved is None else self._count_kept()
        """(lists,) entries that `read` gives."""

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def read_head(self) -> bytes:
        """Of FAISS's file, what stands before the lists."""
        return self._read(0, self._first - _EMPTY - 8 * len(self._sizes))

    def read(self, number: int) -> tuple[Codes, Ids]:
        """The codes (n, c) and positions (n,) of a list. Raises OSError."""
        import numpy as np

        size, begin = int(self._sizes[number]), int(self._begins[number])
        data = self._read(begin, size * self._code_size)
        codes = np.frombuffer(data, dtype=np.uint8).reshape(size, self._code_size)
        positions = self._read_positions(number)
        if self._moved is None:
            return codes, positions
        positions = self._moved[positions]
        kept = positions >= 0
        return codes[kept], positions[kept]

    def _read_positions(self, number: int) -> Ids:
        import numpy as np

        size = int(self._sizes[number])
        data = self._read(int(self._begins[number]) + size * self._code_size, size * _POSITION)
        return np.frombuffer(data, dtype="<i8")

    def _count_kept(self) -> Ids:
        import numpy as np

        assert self._moved is not None
        kept = (np.count_nonzero(self._moved[self._read_positions(number)] >= 0) for number in range(len(self._sizes)))
        return np.fromiter(kept, dtype=np.int64, count=len(self._sizes))

    def _read(self, begin: int, count: int) -> bytes:
        """Read, not mapped: pages of a mapped file count as memory of this process."""
        data = os.pread(self._file.fileno(), count, begin)
        while len(data) < count:
            more = os.pread(self._file.fileno(), count - len(data), begin + len(data))
            if not more:
                raise ValueError(f"{self._file.name}: ends too early")
            data += more
        return data


class PieceWriter:
    """Gathers entries and writes a piece whenever so many are together as may be held at once."""

    def __init__(self, folder: Path, code_size: int, lists: int, room_bytes: int) -> None:
        import numpy as np

        self._folder = folder
        self._lists = lists
        most = max(1024, room_bytes // (code_size + _WORKING))
        # Reserved, not used: the system gives pages as they are written to.
        self._codes = np.empty((most, code_size), dtype=np.uint8)
        self._numbers = np.empty(most, dtype=np.int32)
        self._positions = np.empty(most, dtype=np.int64)
        self._held = 0
        self._written: list[tuple[Path, Ids]] = []

    def add(self, numbers: Ids, codes: Codes, positions: Ids) -> None:
        """The list (n,), the code (n, c) and the position (n,) of each entry. Raises OSError."""
        done = 0
        while done < len(numbers):
            count = min(len(numbers) - done, len(self._numbers) - self._held)
            place = slice(self._held, self._held + count)
            taken = slice(done, done + count)
            self._numbers[place] = numbers[taken]
            self._codes[place] = codes[taken]
            self._positions[place] = positions[taken]
            self._held += count
            done += count
            if self._held == len(self._numbers):
                self._write()

    def _write(self) -> None:
        import numpy as np

        numbers = self._numbers[: self._held]
        order = np.argsort(numbers, kind="stable")
        sizes = np.bincount(numbers, minlength=self._lists).astype(np.int64)
        path = self._folder / f"piece{len(self._written)}"
        with path.open("wb") as file:
            end = 0
            for size in sizes.tolist():
                chosen = order[end : end + size]
                file.write(self._codes[chosen].tobytes())
                file.write(self._positions[chosen].astype("<i8").tobytes())
                end += size
        self._written.append((path, sizes))
        self._held = 0

    def join(self, path: Path, head: bytes, folder: Path, before: Piece | None = None) -> FileStamp:
        """Makes the file `path` of all entries, synced, and removes the pieces.

        :param head: what stands before the lists in FAISS's file, whatever number of vectors it tells.
        :param folder: the index folder, to which the stamp's path is relative.
        :param before: entries that come first in their lists.
        """
        self._write()
        code_size = self._codes.shape[1]
        self._codes = self._codes[:0].copy()  # gives the memory back before the pieces are read
        with ExitStack() as stack:
            pieces = [] if before is None else [before]
            for written, sizes in self._written:
                pieces.append(Piece(written, code_size, sizes))
                stack.callback(pieces[-1].close)
            stamp = write_file(path, lambda write: _join(write, head, code_size, pieces), folder)
        for written, _ in self._written:
            written.unlink()
        return stamp


def head_of(empty: bytes) -> bytes:
    """What stands before the lists, of what FAISS writes where they have no entries.

    :raises IndexFolderError: it is not written in the way that is known here, so no file is made that FAISS would
        read otherwise.
    """
    if empty[-_EMPTY:][:4] != b"ilar" or empty[-12:] != b"sprs" + bytes(8):
        raise IndexFolderError(
            "the version of faiss-cpu that is installed writes inverted files in a way that is not known here; "
            "install faiss-cpu 1.15, with which this was tested."
        )
    return empty[:-_EMPTY]


def _join(write: Callable[[bytes], None], head: bytes, code_size: int, pieces: Sequence[Piece]) -> None:
    import numpy as np

    sizes = np.sum([piece.sizes for piece in pieces], axis=0)
    write(head[: _COUNT.start] + struct.pack("<Q", int(sizes.sum())) + head[_COUNT.stop :])
    write(b"ilar" + struct.pack("<QQ", len(sizes), code_size) + b"full" + struct.pack("<Q", len(sizes)))
    write(sizes.astype("<u8").tobytes())
    for number in range(len(sizes)):
        entries = [piece.read(number) for piece in pieces]
        for codes, _ in entries:
            write(codes.tobytes())
        for _, positions in entries:
            write(positions.astype("<i8").tobytes())
