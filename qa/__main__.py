"""The `qa` command and `python -m qa`: begins with what costs nothing, so that Ctrl-C is one line from the start on.

Importing the commands takes 40 ms, in which an interruption would be a traceback.
"""

import os

_STDERR = 2
_INTERRUPTED = 130
"""As qa.diagnostics.ExitCode, which is not imported yet."""


def main() -> None:
    """Runs the command that was typed."""
    try:
        from qa.cli import main as run

        run()
    except KeyboardInterrupt:
        os.write(_STDERR, b"interrupted\n")
        os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
