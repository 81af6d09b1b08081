"""The `qa` command and `python -m qa`: handles Ctrl-C before it imports anything slow.

Importing the commands takes 40 ms, during which an interruption would print a traceback.
"""

import os
import signal
from types import FrameType

_STDERR = 2
_INTERRUPTED = 130
"""As in qa.diagnostics.ExitCode, which is not imported yet."""


def main() -> None:
    """Run the command that was typed."""
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _interrupt)
        from qa.cli import main as run

        run()
    except KeyboardInterrupt:
        _leave()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt as Python does, except inside an import, which could lose it or keep a lock for ever."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            _leave()
        frame = frame.f_back
    raise KeyboardInterrupt


def _leave() -> None:
    os.write(_STDERR, b"interrupted\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
