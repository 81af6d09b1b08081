"""Owns how files of an index folder are written so that they outlast a crash, and what the system's refusals are
called. Nothing else in `index` syncs, links or removes files of an index.

A file counts as written only after its bytes and then the folder that names it have been synced, in this order.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from index.errors import IndexDamagedError, IndexLockedError, QaError, StorageError

_REASONS = {
    errno.ENOSPC: "no space left on the disk; free some",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EFBIG: "the file would be larger than the system allows; raise the limit",
    errno.EACCES: "permission denied; make it writable",
    errno.EPERM: "permission denied; make it writable",
    errno.EROFS: "the disk is read-only; make it writable",
    errno.EIO: "the disk reported an input/output error; check it",
}


@dataclass(frozen=True, slots=True)
class FileStamp:
    """A finished file of a generation."""

    path: str
    """Relative to the index folder, with '/' between parts."""
    size: int
    mtime_ns: int
    sha256: bytes
    """32 bytes, of what was meant to be written."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns refusals of the system, of SQLite and of libraries that write into errors that name `path`.

    :raises StorageError: if the system refused.
    :raises IndexLockedError: if another process holds the database.
    :raises IndexDamagedError: if the database is damaged.
    """
    try:
        yield
    except QaError:
        raise
    except sqlite3.Error as error:
        translated = translate_sqlite_error(error, path)
        if translated is None:
            raise
        raise translated from error
    except OSError as error:
        raise storage_error(path, error) from error


def storage_error(path: Path, error: OSError) -> StorageError:
    """One sentence for a refusal of the system."""
    clause = _REASONS.get(error.errno or 0) or f"{(error.strerror or str(error)).lower()}; check the disk"
    return StorageError(f"{path}: {clause} and run `qa index` again.")


def translate_sqlite_error(error: sqlite3.Error, path: Path) -> QaError | None:
    """What an error of SQLite means to the user; None if it is a bug in this program."""
    primary = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return IndexLockedError(f"{path}: another process keeps the index locked; wait for it and try again.")
    if primary == sqlite3.SQLITE_FULL:
        return StorageError(f"{path}: no space left on the disk; free some and run `qa index` again.")
    if primary == sqlite3.SQLITE_IOERR:
        return StorageError(
            f"{path}: the disk refused to read or write (an error, or no space left); "
            "check it and run `qa index` again."
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StorageError(f"{path}: permission denied or disk read-only; make it writable and run `qa index` again.")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT) or "no such" in str(error):
        return IndexDamagedError(f"{path}: the index is damaged ({error}); run `qa index --rebuild`.")
    return None


def write_file(path: Path, produce: Callable[[Callable[[bytes], None]], None], folder: Path) -> FileStamp:
    """Makes the new file `path` of the bytes that `produce` hands to its argument, and syncs it. The stamp is of those
    bytes, whatever the disk makes of them.

    :param folder: the index folder.
    :raises OSError: if the system refuses, or the file is not as long as what was written.
    """
    digest = hashlib.sha256()
    size = 0

    def write(data: bytes) -> None:
        nonlocal size
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        digest.update(data)
        size += len(data)

    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        produce(write)
        os.fsync(descriptor)
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if status.st_size != size:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
    return FileStamp(path.relative_to(folder).as_posix(), size, status.st_mtime_ns, digest.digest())


def sync(path: Path) -> None:
    """Makes the bytes of a file, or the names in a folder, outlast a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp_file(path: Path, folder: Path) -> FileStamp:
    """Syncs a file that a library wrote, and reads it back for its sum. `folder` is the index folder."""
    sync(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        status = os.fstat(file.fileno())
    return FileStamp(path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns, digest)


def link_or_copy(source: Path, target: Path) -> None:
    """The same bytes under a second name; a copy if the file system has no hard links. Times are kept."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        shutil.copy2(source, target)
        sync(target)


def holds(stamp: FileStamp, folder: Path, *, thorough: bool) -> bool:
    """True if the file is what was written. Its size and time are compared; its bytes only if the time differs, as it
    does in a copy of a folder, or if `thorough`."""
    path = folder / stamp.path
    try:
        status = path.stat()
        if status.st_size != stamp.size:
            return False
        if status.st_mtime_ns == stamp.mtime_ns and not thorough:
            return True
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest() == stamp.sha256
    except FileNotFoundError:
        return False


def remove_tree(path: Path) -> bool:
    """Removes the folder of a generation that nothing refers to any more. Files that a process has open live on without
    a name.

    :return: False if the system refuses; the folder then stays for the next writer to remove.
    """
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
