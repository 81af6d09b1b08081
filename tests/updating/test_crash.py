"""Nothing that happens to a build harms an index. If a build is killed at any instant, refused by the disk at any call,
or without power at any call, the index has the earlier generation or the next one, and no finished embedding is made
again."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from index.engines import faiss_vectors as vectors
from index.storage.schema import DATABASE_NAME
from index.storage.snapshot import has_index, open_snapshot
from index.updating.build import refresh
from tests.helpers.hash_encoder import HashEncoder
from tests.helpers.index_views import view_answers, view_articles
from tests.helpers.places import ROOT
from tests.updating.faults.disk import Disk, load_calls
from tests.updating.faults.server import make_large

_FAULTS = ROOT / "tests" / "updating" / "faults"
_QUESTIONS = ("lighthouse ferries", "word3 word4", "changed words")
_MEMORY = Path("/dev/shm")
Choose = Callable[[int], list[int]]
_CODES = (errno.ENOSPC, errno.EIO, errno.EACCES)


class Server:
    """The warm process of `faults/server.py`."""

    def __init__(self, preload: Path | None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        if preload is not None:
            environment["LD_PRELOAD"] = str(preload)
        command = [sys.executable, str(_FAULTS / "server.py")]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, **job: Any) -> dict[str, Any]:
        """The result of a build; `{"killed": True}` if it was killed after `kill_after` seconds."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(job, default=str) + "\n")
        stdin.flush()
        result: dict[str, Any] = json.loads(stdout.readline())
        assert "crash" not in result, result["crash"]
        return result

    def close(self) -> None:
        """Waits for the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process for all builds of this file, with its disk under control if there is a C compiler."""
    preload = None
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler and sys.platform == "linux":
        preload = tmp_path_factory.mktemp("preload") / "preload.so"
        source = _FAULTS / "preload.c"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", preload, source, "-ldl", "-lpthread"], check=True)
    started = Server(preload)
    yield started
    started.close()


@pytest.fixture
def faulty(server: Server) -> Server:
    """The process, if its disk can be made to fail."""
    if not (sys.platform == "linux" and (shutil.which("cc") or shutil.which("gcc"))):
        pytest.skip("faults are injected by a library that needs Linux and a C compiler")
    return server


class Scenario:
    """Documents that have changed since their index was made, and what an index says before and after."""

    def __init__(self, top: Path, first_build: bool, large: bool) -> None:
        self.large = large
        self.docs = top / "docs"
        self.index = top / "index"
        self.top = top
        _write_before(self.docs)
        self.before: object = None
        if not first_build:
            refresh(self.docs, self.index, HashEncoder)
            self.before = view(self.index)
            if large:  # extended lists hold other codes than lists made anew
                shutil.copytree(self.index, top / "scratch")
        _write_after(self.docs)
        refresh(self.docs, top / "scratch", HashEncoder)
        self.after = view(top / "scratch")
        self._trials = 0

    def make_trial(self) -> Path:
        """A copy of the index folder as it was before."""
        self._trials += 1
        folder = self.top / f"trial{self._trials}"
        if self.before is not None:
            shutil.copytree(self.index, folder)
        return folder

    def check(self, folder: Path) -> None:
        """Checks that the index has one of the two generations, and that the next build ends with the newer one and
        embeds nothing again."""
        assert view(folder) in (self.before, self.after)
        finished = load_finished(folder)
        encoder = HashEncoder()
        refresh(self.docs, folder, lambda: encoder, fingerprint=encoder.fingerprint)
        again = [text for text in encoder.embedded if hash_of(text) in finished]
        assert not again
        assert view(folder) == self.after
        assert len(list((folder / "generations").iterdir())) == 1
        with closing(sqlite3.connect(folder / DATABASE_NAME)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not list(folder.glob("staged.db*"))
        _remove(folder)


def _remove(folder: Path) -> None:
    """Removes a folder. On a busy machine, a thread of tantivy may make its lock file once more meanwhile."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def _write_before(docs: Path) -> None:
    docs.mkdir()
    for number in range(12):
        lines = [f"The lighthouse number {number} of word{number} and its ferries, part {part}." for part in range(4)]
        (docs / f"{number}.txt").write_text("\n\n".join(lines))


def _write_after(docs: Path) -> None:
    (docs / "3.txt").unlink()
    (docs / "4.txt").rename(docs / "renamed.txt")
    for number in (5, 6):
        path = docs / f"{number}.txt"
        path.write_text(path.read_text() + f"\n\nSome changed words {number} at the end.")
    for number in range(20, 26):
        lines = [f"New words {number} about ferries in word{part}, nothing else." for part in range(4)]
        (docs / f"{number}.txt").write_text("\n\n".join(lines))


def view(folder: Path) -> object:
    """What an index says; None if it has no generation."""
    snapshot = open_snapshot(folder)
    if snapshot is None:
        return None
    with snapshot:
        return view_articles(snapshot), view_answers(snapshot, HashEncoder(), _QUESTIONS)


def load_finished(folder: Path) -> set[bytes]:
    """The content hashes of all embeddings that were committed."""
    if not has_index(folder):
        return set()
    with closing(sqlite3.connect(folder / DATABASE_NAME)) as database:
        if not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'vectors'").fetchone():
            return set()
        return {row[0] for row in database.execute("SELECT content_hash FROM vectors")}


def hash_of(text: str) -> bytes:
    """The same as `Paragraph.content_hash`."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


@pytest.fixture(
    params=[(True, False), (False, False), (False, True)], ids=["first build", "refresh", "refresh of a large index"]
)
def scenario(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scenario]:
    """The scenario in memory, if there is a place for it, because these tests copy folders all the time."""
    first_build, large = request.param
    for name in ("_lists_for", "EXACT_LIMIT", "_DELTA_LIMIT", "_RECALL_WANTED") if large else ():
        monkeypatch.setattr(vectors, name, getattr(vectors, name))  # undone when the test ends
    if large:
        make_large(vectors)
    top = _MEMORY / f"crash-{os.getpid()}-{tmp_path.name}" if _MEMORY.is_dir() else tmp_path / "scenario"
    top.mkdir()
    yield Scenario(top, first_build, large)
    _remove(top)


def _kill_often(server: Server, scenario: Scenario, times: int) -> None:
    rng = random.Random(times)
    server.run(
        large=scenario.large, docs=scenario.docs, folder=scenario.make_trial()
    )  # the first is slower than the others
    began = time.monotonic()
    server.run(large=scenario.large, docs=scenario.docs, folder=scenario.make_trial())
    seconds = time.monotonic() - began
    killed = 0
    while killed < times:
        folder = scenario.make_trial()
        result = server.run(kill_after=rng.uniform(0, seconds), large=scenario.large, docs=scenario.docs, folder=folder)
        scenario.check(folder)
        # The time of a build depends on the other work of the machine. Most builds are to be killed, some near their
        # end.
        seconds *= 1.03 if "killed" in result else 0.85
        killed += "killed" in result


def test_killed_at_any_instant(server: Server, scenario: Scenario) -> None:
    """SIGKILL leaves one of two generations, and what was embedded stays embedded."""
    _kill_often(server, scenario, 25)


@pytest.mark.long
def test_killed_at_any_of_200_instants(server: Server, scenario: Scenario) -> None:
    """The same holds at 200 instants of each build."""
    _kill_often(server, scenario, 200)


def _fail_at(server: Server, scenario: Scenario, choose: Choose) -> None:
    calls = server.run(large=scenario.large, docs=scenario.docs, folder=scenario.make_trial())["calls"]
    assert calls > 100
    for place, number in enumerate(choose(calls)):
        folder = scenario.make_trial()
        fault = (number, _CODES[place % 3], place // 3 % 2)
        result = server.run(large=scenario.large, docs=scenario.docs, folder=folder, fault=fault)
        assert result.get("error", "StorageError") == "StorageError", (fault, result)
        if "error" in result:
            assert "\n" not in result["message"]
            assert str(folder) in result["message"]
        scenario.check(folder)


def test_refused_by_the_disk_at_any_call(faulty: Server, scenario: Scenario) -> None:
    """No space, an input/output error or no permission, once or from then on, gives one sentence and loses nothing."""
    _fail_at(faulty, scenario, lambda calls: sorted(random.Random(1).sample(range(1, calls + 1), 60)))


@pytest.mark.long
def test_refused_by_the_disk_at_every_call(faulty: Server, scenario: Scenario) -> None:
    """The same holds at every single call, in six ways in turn."""
    _fail_at(faulty, scenario, lambda calls: [number for number in range(1, calls + 1) for _ in range(2)])


def _lose_power(server: Server, scenario: Scenario, choose: Choose) -> None:
    folder = scenario.make_trial()
    folder.mkdir(exist_ok=True)
    disk = Disk(folder)
    log = scenario.top / "log"
    server.run(large=scenario.large, docs=scenario.docs, folder=folder, log=log)
    calls = load_calls(log)
    stops = set(choose(len(calls)))
    rng = random.Random(len(stops))
    for number, call in enumerate(calls):
        if number in stops:
            for share in (0.0, 0.5, 1.0):
                left = scenario.top / "left"
                disk.fail(left, rng, share)
                scenario.check(left)
        disk.carry_out(call)
    disk.fail(scenario.top / "left", rng, 0.0)
    assert view(scenario.top / "left") == scenario.after


def test_without_power_at_any_call(faulty: Server, scenario: Scenario) -> None:
    """Whichever of the unsynced writes reached the disk, the index opens, and what is published stays."""
    _lose_power(faulty, scenario, lambda calls: random.Random(2).sample(range(calls), 30))


@pytest.mark.long
def test_without_power_at_every_call(faulty: Server, scenario: Scenario) -> None:
    """The same holds at every single call."""
    _lose_power(faulty, scenario, lambda calls: list(range(calls)))
