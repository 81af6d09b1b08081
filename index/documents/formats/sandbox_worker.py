"""The child process in which complex formats are read, with limits on memory, time and files; see `isolation.py`.

Run as a module, with the number of the process that it reads for. Takes (name of the extractor, file's path, number of
bytes) as a line of JSON and then the bytes, answers with a line of JSON, until its input ends. JSON and nothing else
crosses, so a file that takes this process over can only make it say something wrong about that file.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from importlib import import_module
from typing import Any, BinaryIO

from index.errors import UnreadableFileError

MAX_MEMORY = 2 * 2**30
"""Bytes of address space; the readers' libraries alone need some 0.3 GB of it."""
MAX_FILES = 64
"""Open files: libraries and fonts."""
CPU_SECONDS = 60
"""For one file; the parent ends what merely waits."""
_LOOK_SECONDS = 1.0
"""Between looks at whether the parent is still there."""


def main() -> None:
    """Serves until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand among the answers
    _limit_process()
    threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    while line := sys.stdin.buffer.readline():
        extractor, name, size = json.loads(line)
        data = _read_exactly(sys.stdin.buffer, size)
        _limit_time()
        answers.write(json.dumps(_answer(extractor, name, data)).encode("ascii") + b"\n")
        answers.flush()


def _end_with(parent: int) -> None:
    """A parent that was killed closes our input, which is noticed only when the file in hand has been read."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def _answer(extractor: str, name: str, data: bytes) -> dict[str, Any]:
    try:
        return asdict(import_module(f"index.documents.formats.{extractor}").extract(name, data))
    except UnreadableFileError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"needs more than {MAX_MEMORY >> 30} GB of memory to be read"}
    except Exception as error:  # noqa: BLE001 - any library error on a hostile file; the file is told, others go on
        return {"error": f"cannot be read ({type(error).__name__})"}


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise SystemExit(0)  # the parent is gone
    return data


def _limit_process() -> None:
    try:
        import resource
    except ImportError:
        return  # Windows; the parent's time limit holds there as well
    for kind, limit in (
        (resource.RLIMIT_AS, MAX_MEMORY),
        (resource.RLIMIT_NOFILE, MAX_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (most, most))


def _limit_time() -> None:
    """Allows the next file its seconds on top of what this process has used."""
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(usage.ru_utime + usage.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


if __name__ == "__main__":
    main()
