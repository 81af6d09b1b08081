"""How quickly the app answers a person: `python -m tests.benchmarks.app` runs it in a pseudo-terminal and prints times.

First paint and ready count from the start of the process. A key press counts until the terminal gets the drawn
character, while `qa index` embeds 10,000 paragraphs in its own process on the same machine.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIZE = (30, 100)  # rows, columns
_SECONDS = 300.0
_SEQUENCE = re.compile(rb"\x1b\[[0-9;?<>=]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[=>78]")
_FIRST_CHARACTER = 0x4E00
"""Each key press types one of these characters, which stand nowhere else on the screen."""


class Screen:
    """The app in a pseudo-terminal. Reads what it draws."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.drawn = b""

    def press(self, text: str) -> None:
        """Types the keys."""
        os.write(self._descriptor, text.encode())

    def read(self, seconds: float) -> bytes:
        """What is drawn next, within `seconds`; empty if nothing is."""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return b""
        piece = os.read(self._descriptor, 65536)
        self.drawn += piece
        return piece

    def wait_for(self, text: str) -> float:
        """Seconds until `text` is drawn, in any colour."""
        began = time.perf_counter()
        while text.encode() not in _SEQUENCE.sub(b"", self.drawn):
            if time.perf_counter() - began > _SECONDS:
                raise TimeoutError(f"{text!r} was not drawn")
            self.read(0.05)
        return time.perf_counter() - began


@contextmanager
def running(documents: Path, data: Path, *more: str) -> Iterator[tuple[Screen, float]]:
    """The app over a folder, and the time of `time.perf_counter` at which it was started."""
    environment = {**os.environ, "TERM": "xterm-256color", "QA_DATA_DIR": str(data), "COLORTERM": "truecolor"}
    command = [sys.executable, "-m", "qa", "--docs", str(documents), *more]
    began = time.perf_counter()
    process, descriptor = pty.fork()
    if process == 0:
        os.execvpe(command[0], command, environment)
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))
    try:
        yield Screen(descriptor), began
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
        os.close(descriptor)
        os.waitpid(process, 0)


def write_articles(folder: Path, paragraphs: int) -> Path:
    """Articles of 20 paragraphs each, with other words in every paragraph."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(0, paragraphs, 20):
        blocks = [f"Article {number}"]
        blocks += [
            f"Observation {one} was made at station {one % 97} and gave {one * 7919 % 1000} units of the quantity "
            f"that the committee had asked for in its letter of {1900 + one % 120}, as the keeper of records noted."
            for one in range(number, number + 20)
        ]
        (folder / f"{number:06}.txt").write_text("\n\n".join(blocks), encoding="utf-8")
    return folder


def measure_start(documents: Path, data: Path) -> tuple[float, float]:
    """Seconds from the start of the process until it is drawn, and until the index is open and fresh."""
    with running(documents, data) as (screen, began):
        screen.wait_for("Ask a question")
        painted = time.perf_counter() - began
        screen.wait_for("fresh")
        return painted, time.perf_counter() - began


def measure_keys(documents: Path, data: Path, count: int) -> list[float]:
    """Milliseconds until each of `count` key presses is drawn, while the index is being built."""
    taken = []
    with running(documents, data) as (screen, _):
        screen.wait_for("embedding")
        for number in range(count):
            letter = chr(_FIRST_CHARACTER + number)
            while screen.read(0.02):
                pass
            screen.drawn = b""
            began = time.perf_counter()
            screen.press(letter)
            while letter.encode() not in _SEQUENCE.sub(b"", screen.drawn):
                screen.read(0.5)
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(0.05)
    return taken


def _median_start(documents: Path, data: Path, runs: int) -> tuple[float, float]:
    starts = [measure_start(documents, data) for _ in range(runs)]
    return statistics.median(one for one, _ in starts), statistics.median(two for _, two in starts)


def main() -> None:
    """Measures all and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="starts to take the median of")
    parser.add_argument("--keys", type=int, default=200, help="key presses while the index is built")
    parser.add_argument("--paragraphs", type=int, default=10_000, help="to be embedded meanwhile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = write_articles(folder / "small", 40)
        measure_start(small, folder / "data")
        painted, ready = _median_start(small, folder / "data", options.runs)
        large = write_articles(folder / "large", options.paragraphs)
        keys = sorted(measure_keys(large, folder / "data", options.keys))
    record = {
        "first_paint_s": round(painted, 3),
        "ready_s": round(ready, 3),
        "key_ms_median": round(statistics.median(keys), 1),
        "key_ms_95": round(keys[int(len(keys) * 0.95)], 1),
        "load_1min": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
