"""What a key press costs in a long session: moves through sessions of different lengths and prints the processor time
of a key press with everything drawn for it, in milliseconds.

    python -m tests.benchmarks.turns [--turns 50 500 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from qa.sessions.store import open_sessions
from tests.helpers.app import Face, open_app
from tests.helpers.recorded import build_answer

_QUESTION = "What do tides do?"
_KEYS = {"k": "citation before", "ctrl+u": "half a page up", "j": "citation after"}
_PRESSES = 30


def main() -> None:
    """Prints a line for each number of turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, nargs="+", default=[50, 500, 2000])
    for turns in parser.parse_args().turns:
        spent = asyncio.run(measure_keys(turns))
        print(f"{turns:>6,} turns  " + "  ".join(f"{_KEYS[key]} {spent[key]:5.1f} ms" for key in _KEYS))


async def measure_keys(turns: int) -> dict[str, float]:
    """The milliseconds of processor time for one press of each key."""
    with tempfile.TemporaryDirectory() as folder:
        session_id = _make_session(Path(folder), turns)
        async with open_app(data=Path(folder), session_id=session_id) as face:
            await face.until(lambda: len(face.turns) == turns and "[3]" in face.text, 60)
            face.app.main.conversation.focus()
            return {key: await _press(face, key) for key in _KEYS}


def _make_session(folder: Path, turns: int) -> int:
    store = open_sessions(folder)
    session_id = store.create_session("Long", "/articles")
    for _ in range(turns):
        store.save_answer(store.add_question(session_id, _QUESTION), build_answer(_QUESTION))
    store.close()
    return session_id


async def _press(face: Face, key: str) -> float:
    began = time.process_time()
    for _ in range(_PRESSES):
        await face.press(key)
    return (time.process_time() - began) / _PRESSES * 1000


if __name__ == "__main__":
    main()
