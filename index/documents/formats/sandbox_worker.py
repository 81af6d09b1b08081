"""The child process that reads complex formats, with limits on memory, time and files; see `sandbox.py`.

It runs as a module, with the number of its parent process as the argument. Until its input ends, it takes a line of
JSON (name of the extractor, path of the file, number of bytes) followed by the bytes, and answers with a line of JSON.
Only JSON crosses, so a file that takes over this process can do no more than give a wrong answer about that file.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from dataclasses import asdict
from importlib import import_module
from typing import Any, BinaryIO

from index.errors import UnreadableFileError

MAX_MEMORY = 2 * 2**30
"""Bytes of address space. The libraries of the extractors alone need about 0.3 GB of it. macOS cannot set this
limit."""
MAX_FILES = 64
"""Open files, for libraries and fonts."""
CPU_SECONDS = 60
"""Processor time for one file. The parent ends a process that only waits."""
_LOOK_SECONDS = 1.0
"""Time between two checks that the parent is still there."""


def main() -> None:
    """Serves until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get among the answers
    _limit_process()
    threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    while line := sys.stdin.buffer.readline():
        extractor, name, size = json.loads(line)
        data = _read_exactly(sys.stdin.buffer, size)
        _limit_time()
        answers.write(json.dumps(_answer(extractor, name, data)).encode("ascii") + b"\n")
        answers.flush()


def _end_with(parent: int) -> None:
    """Ends this process if its parent was killed. The end of the input would be noticed only after the current file."""
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
    except Exception as error:  # noqa: BLE001 - a library may raise anything for a hostile file, which is reported
        return {"error": f"cannot be read ({type(error).__name__})"}


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise SystemExit(0)  # the parent is gone
    return data


def _limit_process() -> None:
    limits = {resource.RLIMIT_NOFILE: MAX_FILES, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    if sys.platform != "darwin":
        limits[resource.RLIMIT_AS] = MAX_MEMORY
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (most, most))


def _limit_time() -> None:
    """Allows the next file its processor time on top of what this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(usage.ru_utime + usage.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


if __name__ == "__main__":
    main()
