"""`qa index` as people use it: followed, interrupted, ended by the system, and started again."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from index.engines import faiss_vectors as vectors
from index.storage.folder import locate_index_folder
from index.storage.schema import DATABASE_NAME
from index.storage.snapshot import open_snapshot
from index.updating.build import refresh
from qa.commands.indexing import render_status
from qa.settings import load_settings
from tests.helpers.hash_encoder import HashEncoder
from tests.helpers.places import ROOT

_QA = [sys.executable, "-m", "qa"]
_PATIENCE = 120.0
"""Seconds after which a process counts as hanging."""
_SENTENCES = [
    f"Ferry number {number} leaves the harbour of Lindau at {number % 24} o'clock and carries {number * 7} bicycles."
    for number in range(200)
]


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def _count_vectors(docs: Path) -> int:
    with closing(sqlite3.connect(locate_index_folder(docs) / DATABASE_NAME)) as database:
        return int(database.execute("SELECT count(*) FROM vectors").fetchone()[0])


def _index(docs: Path) -> dict[str, int]:
    command = [*_QA, "--docs", str(docs), "index", "--progress-json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=True)
    report: dict[str, int] = json.loads(done.stderr.splitlines()[-1])
    return report


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_watcher_that_is_ended_while_it_embeds(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """stderr has one word or none, no process is left, the earlier index stays usable, and no finished embedding is
    lost."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "first.txt").write_text("The lighthouse of Lindau is 33 metres high.")
    command = [*_QA, "--docs", str(docs), "index", "--watch"]
    watcher = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert watcher.stderr is not None
    told = ""
    while "watching" not in told:
        told = watcher.stderr.readline()
        assert told, watcher.wait()
    (docs / "many.txt").write_text("\n\n".join(_SENTENCES))
    _wait_for(lambda: _count_vectors(docs) > 1)
    watcher.send_signal(number)
    _, told = watcher.communicate(timeout=_PATIENCE)
    assert watcher.returncode == code
    assert "Traceback" not in told
    assert told.strip().endswith("interrupted") or number == signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.killpg(watcher.pid, 0)
    snapshot = open_snapshot(locate_index_folder(docs))
    assert snapshot is not None
    with snapshot:
        assert snapshot.info.generation == 1
    finished = _count_vectors(docs) - 1
    assert _index(docs)["embedded"] == len(_SENTENCES) - finished < len(_SENTENCES)


def test_the_status_says_how_vectors_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text shows the measured recall, and the JSON has every figure."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(60):
        (docs / f"{number}.txt").write_text("\n\n".join(_SENTENCES[number * 3 : number * 3 + 3]))
    refresh(docs, locate_index_folder(docs), HashEncoder)
    settings = load_settings({"docs": str(docs)})
    shown = render_status(settings, as_json=False)
    assert "\nvectors: faiss, 180 of 64 dimensions, exact\nwords: tantivy, 180 paragraphs\n" in shown
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 100)
    refresh(docs, locate_index_folder(docs), HashEncoder, rebuild=True)
    info = json.loads(render_status(settings, as_json=True))["vectors"]
    told = f"{info['probes']} of {info['lists']} lists searched find {info['recall']:.1%} of the ten nearest"
    assert told in render_status(settings, as_json=False)


_MIDDLEMAN = """
import os, subprocess, sys, time
command = [sys.executable, "-P", "-m", "index.documents.formats.sandbox_worker", str(os.getpid())]
worker = subprocess.Popen(command, stdin=0, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(worker.pid, flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked up in /proc")
def test_a_reading_process_ends_with_the_one_that_started_it() -> None:
    """It ends even if its input stays open, as it does while a file is being read."""
    reader, writer = os.pipe()
    try:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", _MIDDLEMAN]
        done = subprocess.run(
            command, env=environment, stdin=reader, stdout=subprocess.PIPE, check=True, timeout=_PATIENCE
        )
        _wait_for(lambda: not _is_running(int(done.stdout)))
    finally:
        os.close(writer)
        os.close(reader)


def _is_running(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
