"""Keeps the question that is being typed between runs, for each window apart: two windows over one folder never share a
draft.

A window has a number for as long as it lives. The number is held by a lock, which the system releases however the
window ends. The draft belongs to the number, so the next window that takes it finds what was typed in one that was
killed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from index.errors import StorageError
from qa.sessions.store import SessionStore

_MOST_WINDOWS = 32
"""At once. One more window works too, but keeps no draft."""
_LONGEST_DRAFT = 100_000
"""Characters. Anything longer was pasted, and is still where it came from."""
_FOLDER = "windows"


class Drafts:
    """The draft of this window, in a store that the caller opens. Call it from one thread.

    :param documents: absolute path of the documents folder.
    """

    def __init__(self, documents: Path) -> None:
        self._documents = documents
        self._number: int | None = None
        self._descriptor: int | None = None

    def take_up(self, store: SessionStore) -> str:
        """Take over what was typed in a window that no longer exists; from now on it belongs to this window.

        :return: the draft; empty if there is none.
        :raises StorageError: if the folder of the store cannot be written.
        """
        # Numbers with a draft come first, so nothing is left behind if fewer windows are opened from now on.
        self._take(store, lambda draft: not draft)
        # Read again, because until a moment ago the draft may have belonged to another window.
        return "" if self._number is None else self._load(store, self._number)

    def save(self, store: SessionStore, text: str) -> None:
        """Save what is being typed in this window, up to 100,000 characters."""
        if self._number is not None and len(text) <= _LONGEST_DRAFT:
            store.save_preference(self._name(self._number), text)

    def leave(self, store: SessionStore, text: str) -> None:
        """Save what was typed in this window for the next one, even if this one ends before it took up a draft."""
        if self._number is None and text:
            self._take(store, bool)
        self.save(store, text)
        self.close()

    def close(self) -> None:
        """Leave the draft to the next window."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._number = self._descriptor = None

    def _take(self, store: SessionStore, order: Callable[[str], bool]) -> None:
        """Take the first free number, by `order` of their drafts; none if all are held."""
        drafts = {number: self._load(store, number) for number in range(1, _MOST_WINDOWS + 1)}
        for number in sorted(drafts, key=lambda number: order(drafts[number])):
            if (descriptor := _try_number(store.path.parent / _FOLDER, number)) is not None:
                self._number, self._descriptor = number, descriptor
                return

    def _load(self, store: SessionStore, number: int) -> str:
        return store.load_preference(self._name(number)) or ""

    def _name(self, number: int) -> str:
        return f"draft {self._documents}" if number == 1 else f"draft {number} {self._documents}"


def _try_number(folder: Path, number: int) -> int | None:
    """An open file that holds the number; None if another window has it."""
    path = folder / str(number)
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"{path} cannot be created ({error.strerror}); make its folder writable.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another window, or a file system without locks
        os.close(descriptor)
        return None
    return descriptor
