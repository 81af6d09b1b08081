"""Owns the child processes that read complex formats: a bad file ends such a process and never this one.

The first such file starts a process, and the next ones use it again. Threads that read at the same time get one each.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from index.errors import UnreadableFileError
from index.types import Document, Heading

MAX_SECONDS = 120.0
"""Time limit for one file, by the clock."""


def extract_in_sandbox(extractor: str, name: str, data: bytes) -> Document:
    """What an extractor makes of the bytes of a file, in a child process.

    :param extractor: name of a module in `index.documents.formats`.
    :param name: the path of the file, relative to the documents folder.
    :raises UnreadableFileError: if the extractor refuses the file, or its process dies, runs out of memory or takes too
        long.
    """
    worker = _POOL.take()
    answer = None
    try:
        answer = worker.ask(extractor, name, data)
    finally:
        if answer is None:
            worker.stop()  # it died, or was interrupted at work
        else:
            _POOL.give_back(worker)
    if "error" in answer:
        raise UnreadableFileError(str(answer["error"]))
    return _document(answer)


def stop_workers() -> None:
    """Ends the processes that wait for work. The next file starts a new one."""
    _POOL.stop()


def _document(answer: dict[str, Any]) -> Document:
    """Trusts nothing: an answer that does not have the form of a Document counts as an unreadable file."""
    try:
        headings = tuple(Heading(**heading) for heading in answer.pop("headings"))
        pages = tuple(answer.pop("pages"))
        document = Document(**answer, headings=headings, pages=pages)
        for text in (document.text, document.title, document.date or "", *(heading.text for heading in headings)):
            text.encode("utf-8")  # fails for lone surrogates, which nothing can store
        places = [0, *pages, *(place for heading in headings for place in (heading.start, heading.end))]
        is_sound = all(0 <= place <= len(document.text) for place in places)
    except (TypeError, KeyError, ValueError, AttributeError):
        is_sound = False
    if not is_sound:
        raise UnreadableFileError("its extractor gave a wrong answer")
    return document


class _Worker:
    """One child process."""

    def __init__(self) -> None:
        # -P, because the working directory may hold a file called index.py.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "index.documents.formats.sandbox_worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name in _KEPT},
        )

    def ask(self, extractor: str, name: str, data: bytes) -> dict[str, Any]:
        """The answer of the process.

        :raises UnreadableFileError: if there is none.
        """
        timer = threading.Timer(MAX_SECONDS, self._process.kill)
        timer.start()
        try:
            line = self._exchange(json.dumps([extractor, name, len(data)]).encode("ascii") + b"\n" + data)
        finally:
            timed_out = not timer.is_alive()
            timer.cancel()
        if not line.endswith(b"\n"):
            raise UnreadableFileError("takes too long to read" if timed_out else self._cause_of_death())
        answer = json.loads(line)
        return answer if isinstance(answer, dict) else {}

    def _exchange(self, request: bytes) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
            return self._process.stdout.readline()
        except OSError:
            return b""  # it died before it read everything

    def _cause_of_death(self) -> str:
        """The kernel sends SIGXCPU when the processor time is used up."""
        out_of_time = self._process.wait() == -signal.SIGXCPU
        return "takes too long to read" if out_of_time else "damaged, its extractor crashed"

    def stop(self) -> None:
        """Ends the process and closes its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # the bytes left were for the process that is gone


_KEPT = frozenset({"PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR"})
"""Environment variables that the child process gets: no tokens and no proxies."""


class _Pool:
    """The processes that wait for work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        atexit.register(self.stop)

    def take(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Worker()

    def give_back(self, worker: _Worker) -> None:
        with self._lock:
            self._idle.append(worker)

    def stop(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.stop()


_POOL = _Pool()
