"""A warm process that runs each build in a child of its own, so that a test can kill a build or take away its disk at
any instant without waiting for imports.

It reads one job per line, as JSON, from stdin, and answers each with the result. Jobs with a "fault" or a "log" need
`preload.so` in LD_PRELOAD.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import faiss  # noqa: F401
import numpy  # noqa: F401
import tantivy  # noqa: F401

from index.engines import faiss_vectors as vectors
from index.errors import QaError
from index.updating import build
from tests.helpers.hash_encoder import HashEncoder


def main() -> None:
    """Serves until stdin ends."""
    for line in sys.stdin:
        job = json.loads(line)
        receiver, sender = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receiver)
            _run(job, sender)
        os.close(sender)
        if job.get("kill_after") is not None:
            select.select([receiver], [], [], job["kill_after"])
            os.kill(child, signal.SIGKILL)  # nobody has waited for it, so the number belongs to it even if it has ended
        with os.fdopen(receiver, "rb") as pipe:
            result = pipe.read()
        os.waitpid(child, 0)
        print((result or b'{"killed": true}').decode(), flush=True)


def make_large(module: ModuleType) -> None:
    """Makes every index count as large: lists instead of comparing every vector, all of them probed, and a full
    delta."""
    module._lists_for = lambda _: 8  # type: ignore[attr-defined]
    module.EXACT_LIMIT = 20  # type: ignore[attr-defined]
    module._DELTA_LIMIT = 4  # type: ignore[attr-defined]
    module._RECALL_WANTED = 2.0  # type: ignore[attr-defined]


def _run(job: dict[str, Any], sender: int) -> None:
    """Runs a job in the child, and never returns."""
    result: dict[str, Any] = {}
    build._BATCH = build._LARGEST_BATCH = job.get("batch", 4)
    if job.get("large"):
        make_large(vectors)
    encoder = HashEncoder(job.get("model", "a"))
    preloaded = ctypes.CDLL(os.environ["LD_PRELOAD"]) if os.environ.get("LD_PRELOAD") else None
    folder = Path(job["folder"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if preloaded is not None:
            number, code, forever = job.get("fault", (0, 0, 0))
            preloaded.watch(os.fsencode(folder), ctypes.c_long(number), code, forever, os.fsencode(job.get("log", "")))
        report = build.refresh(
            Path(job["docs"]),
            folder,
            lambda: encoder,
            fingerprint=encoder.fingerprint,
            rebuild=job.get("rebuild", False),
        )
        result = {"generation": report.generation, "embedded": report.embedded}
    except QaError as error:
        result = {"error": type(error).__name__, "message": str(error)}
    except BaseException:  # noqa: BLE001 - the test that gave the job raises it
        result = {"crash": traceback.format_exc()}
    finally:
        if preloaded is not None:
            result["calls"] = preloaded.count_calls()
            preloaded.watch(b"/nowhere", ctypes.c_long(0), 0, 0, b"")
        os.write(sender, json.dumps(result).encode())
        os._exit(0)


if __name__ == "__main__":
    main()
