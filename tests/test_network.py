"""Nothing goes out: no command opens a socket, as seen by the interpreter and, if it may watch, by the kernel."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import time
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest

from tests.helpers.places import ROOT

QUESTION = "Did China condemn the invasion?"
SECONDS_TO_ANSWER = 120
SECONDS_TO_STAY = 30
"""Seconds. Unless it is switched off, the telemetry of onnxruntime looks for its host after nine."""

# The interpreter itself reports, in this process and in every child, however it ends (`os._exit` runs no atexit).
NOTE_SOCKETS = """
import os, sys
from tests.helpers.places import ROOT

def note(event, arguments, file=os.open(os.environ["QA_TEST_SOCKETS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)):
    if event.startswith("socket."):
        os.write(file, f"{event} {arguments!r}\\n".encode(errors="backslashreplace"))

sys.addaudithook(note)
"""
INET = re.compile(r"AF_INET|socket\.(?:connect|bind|getaddrinfo|gethostby\w+|sendto)")


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    return shutil.copytree(ROOT / "docs_src", tmp_path / "articles")


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """An environment in which every socket is noted in the file QA_TEST_SOCKETS."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(NOTE_SOCKETS, encoding="utf-8")
    noted = tmp_path / "sockets.txt"
    noted.touch()
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(hooks), str(ROOT)]),
        "QA_TEST_SOCKETS": str(noted),
        "TERM": "xterm-256color",
    }


def run_qa(articles: Path, environment: dict[str, str], *arguments: str, before: tuple[str, ...] = ()) -> str:
    """What `qa` prints.

    :param before: a command that runs it.
    """
    command = [*before, sys.executable, "-m", "qa", "--docs", str(articles), *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_app(articles: Path, environment: dict[str, str], *, before: tuple[str, ...] = ()) -> str:
    """Types a question into the app in a terminal of its own.

    :return: what was drawn until the quote appeared, or everything if it did not.
    """
    command = [*before, sys.executable, "-m", "qa", "--docs", str(articles)]
    terminal, inside = pty.openpty()
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdin=inside, stdout=inside, stderr=inside, start_new_session=True
    )
    os.close(inside)
    try:
        return converse(terminal)
    finally:
        # The whole group, because a tracer that is killed alone leaves what it traced running.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(terminal)


def converse(terminal: int) -> str:
    drawn = ""
    asked = False
    end = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < end and "has not" not in drawn:
        drawn += read_terminal(terminal)
        # Wait for the first screen, because what is typed earlier goes to the terminal and not to the app.
        if not asked and len(drawn) > 1000:
            os.write(terminal, QUESTION.encode())
            drawn += read_terminal(terminal)
            os.write(terminal, b"\r")
            asked = True
    return drawn


def read_terminal(terminal: int) -> str:
    ready, _, _ = select.select([terminal], [], [], 0.5)
    if not ready:
        return ""
    with contextlib.suppress(OSError):  # the end of the app is an error for the reader of its terminal
        return os.read(terminal, 65_536).decode(errors="replace")
    return ""


def test_index_and_ask_open_no_socket(articles: Path, watched: dict[str, str]) -> None:
    """From nothing to an answer, no process makes a socket of any kind."""
    run_qa(articles, watched, "index")
    assert "not condemned the invasion" in " ".join(run_qa(articles, watched, "ask", QUESTION).split())
    assert Path(watched["QA_TEST_SOCKETS"]).read_text(encoding="utf-8") == ""


def test_nothing_is_noted_about_the_user(articles: Path, watched: dict[str, str], tmp_path: Path) -> None:
    """Indexing and asking leave nothing in the home folder but the cache of the program. The telemetry of a library
    would keep a number for this machine there."""
    home = tmp_path / "home"
    home.mkdir()
    owned = {name: value for name, value in watched.items() if not name.startswith(("XDG_", "QA_CACHE", "ORT_"))}
    run_qa(articles, owned | {"HOME": str(home)}, "ask", QUESTION)
    left = {path.relative_to(home).parts[:2] for path in home.rglob("*") if path.is_file()}
    assert left <= {(".cache", "qa")}


def test_the_watch_sees_a_socket(watched: dict[str, str]) -> None:
    """A socket that is made is noted, so the checks here can fail."""
    code = "import socket; socket.socket().close()"
    subprocess.run([sys.executable, "-c", code], env=watched, check=True)
    assert "socket.__new__" in Path(watched["QA_TEST_SOCKETS"]).read_text(encoding="utf-8")


def test_the_app_opens_no_connection(articles: Path, watched: dict[str, str]) -> None:
    """From the first paint to an answer, the app makes no socket but the pair of the event loop, which leads
    nowhere."""
    drawn = run_app(articles, watched)
    assert "has not" in drawn
    noted = Path(watched["QA_TEST_SOCKETS"]).read_text(encoding="utf-8").splitlines()
    assert not [line for line in noted if INET.search(line)]


def find_tracer(tmp_path: Path) -> tuple[str, ...]:
    """The command that makes the kernel note every network call in `calls.txt`. Skips the test if there is none."""
    tracer = shutil.which("strace")
    command = (tracer or "", "-f", "-qq", "-e", "trace=%network", "-o", str(tmp_path / "calls.txt"))
    if tracer is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("strace is not installed or may not trace here")
    return command


def test_the_kernel_sees_no_connection(articles: Path, watched: dict[str, str], tmp_path: Path) -> None:
    """Neither Python nor native code opens a connection while building, asking or in the app."""
    tracer = find_tracer(tmp_path)
    calls = tmp_path / "calls.txt"
    run_qa(articles, watched, "index", before=tracer)
    assert "AF_INET" not in calls.read_text(encoding="utf-8")
    run_qa(articles, watched, "ask", QUESTION, before=tracer)
    assert "AF_INET" not in calls.read_text(encoding="utf-8")
    assert "has not" in run_app(articles, watched, before=tracer)
    assert "AF_INET" not in calls.read_text(encoding="utf-8")
    code = "import socket; socket.socket().close()"
    subprocess.run([*tracer, sys.executable, "-c", code], check=True)
    assert "AF_INET" in calls.read_text(encoding="utf-8")


@pytest.mark.long
def test_the_kernel_sees_no_connection_of_a_program_that_stays(
    articles: Path, watched: dict[str, str], tmp_path: Path
) -> None:
    """None is opened in half a minute either, because a library may send something later than an answer takes."""
    command = [*find_tracer(tmp_path), sys.executable, "-m", "qa", "--docs", str(articles), "ask", "-"]
    process = subprocess.Popen(command, env=watched, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(f"{QUESTION}\n")
    process.stdin.flush()
    time.sleep(SECONDS_TO_STAY)
    said, _ = process.communicate(timeout=SECONDS_TO_ANSWER)
    assert "has not" in said
    assert "AF_INET" not in (tmp_path / "calls.txt").read_text(encoding="utf-8")


def test_all_works_without_a_network(articles: Path, watched: dict[str, str]) -> None:
    """The first question is answered as usual on a system without any network device."""
    alone = ("unshare", "--map-root-user", "--net")
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("no network of one's own can be made here")
    assert "[1]" in run_qa(articles, watched, "ask", QUESTION, before=alone)
