"""The `qa` command and `python -m qa`. Starts with what costs nothing, so that Ctrl-C prints one line from the start.

Importing the commands takes 40 ms; an interruption during that time would be a traceback.
"""

import os
import signal
from types import FrameType

_STDERR = 2
_INTERRUPTED = 130
"""As in qa.diagnostics.ExitCode, which is not imported yet."""


def main() -> None:
    """Run the command."""
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _interrupt)
        from qa.cli import main as run

        run()
    except KeyboardInterrupt:
        _leave()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt as Python does, except inside an import: there the exception may be lost, or leave behind
    a lock that the next import waits for forever.
    """
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
