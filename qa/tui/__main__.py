"""The app behind a browser window of `qa serve`, run as `python -m qa.tui --docs DIR`. People type `qa`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time

from index.errors import QaError
from qa.diagnostics import exit_code_for, tell_error

_SECONDS_BETWEEN_LOOKS = 0.5


def main() -> None:
    """Run the app with the options that `qa serve` passes on."""
    # Ctrl-C in the server's terminal is meant for all its windows, which end silently.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    from qa.settings import load_settings
    from qa.tui.app import run_app

    parser = argparse.ArgumentParser(prog="python -m qa.tui")
    for name in ("--docs", "--model", "--reranker", "--theme"):
        parser.add_argument(name)
    try:
        sys.exit(run_app(load_settings(vars(parser.parse_args())), in_browser=True))
    except QaError as error:
        tell_error(error)
        sys.exit(exit_code_for(error))


def _end_with(server: int) -> None:
    """End this process when the server is gone. A killed server tells its apps nothing, and nobody can reach them any
    more.
    """
    while os.getppid() == server:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGHUP)


if __name__ == "__main__":
    main()
