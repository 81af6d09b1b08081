"""Owns the rule that there is one writer at a time: a lock that the system releases when its holder ends, even if it is
killed."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from index.durable import storage_errors
from index.errors import IndexLockedError

_LOCK_NAME = "lock"
_POLL_SECONDS = 0.05


@contextmanager
def hold_writer_lock(folder: Path, *, wait: bool, notice: Callable[[str], None] | None = None) -> Iterator[None]:
    """Keeps every other writer out of the index `folder`.

    :param wait: wait for another writer to end.
    :param notice: called once, with one sentence, if there is another writer to wait for.
    :raises IndexLockedError: if there is another writer and `wait` is False.
    :raises StorageError: if the system refuses.
    """
    with storage_errors(folder):
        descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _take(descriptor, folder, wait, notice)
        # The holder's number is for the message to others only; the lock does not depend on it.
        with storage_errors(folder):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path, wait: bool, notice: Callable[[str], None] | None) -> None:
    if _try_lock(descriptor):
        return
    holder = _find_holder(descriptor)
    if not wait:
        raise IndexLockedError(
            f"{folder}: another process{holder} is writing the index; run this again when it has ended."
        )
    if notice is not None:
        notice(f"{folder}: another process{holder} is writing the index; waiting for it to end.")
    while not _try_lock(descriptor):
        time.sleep(_POLL_SECONDS)


def _find_holder(descriptor: int) -> str:
    text = os.pread(descriptor, 20, 0).decode("ascii", "replace")
    return f" (number {text})" if text.isdigit() else ""


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
