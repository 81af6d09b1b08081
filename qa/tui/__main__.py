"""The app behind a browser window (`qa serve`): run as `python -m qa.tui --docs DIR`. People type `qa`."""

from __future__ import annotations

import argparse
import signal
import sys


def main() -> None:
    """Runs the app with the options that `qa serve` was given."""
    # Ctrl-C in the server's terminal is meant for all its windows: they end without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from qa.settings import load_settings
    from qa.tui.app import run_app

    parser = argparse.ArgumentParser(prog="python -m qa.tui")
    for name in ("--docs", "--model", "--reranker", "--theme"):
        parser.add_argument(name)
    sys.exit(run_app(load_settings(vars(parser.parse_args())), in_browser=True))


if __name__ == "__main__":
    main()
