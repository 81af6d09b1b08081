"""Runs `qa`, or some code, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.places import ROOT


def run_qa(
    *arguments: str, stdin: str = "", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `qa` with these arguments."""
    return _run(["-m", "qa", *arguments], stdin, cwd, environment)


def run_python(code: str, cwd: Path | None = None, **environment: str) -> str:
    """What `code` prints in a clean interpreter, without white space at the end."""
    done = _run(["-c", code], "", cwd, environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip()


def _run(
    arguments: list[str], stdin: str, cwd: Path | None, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        timeout=120,
        check=False,
    )
