"""Growth: what 10,000, 100,000 and 1,000,000 paragraphs cost. Each step runs in a process of its own, which shows its
memory.

python -m tests.benchmarks.scale [--sizes 10000 100000 1000000] [--folder DIR] [--steps …] [--ask 5] python -m
tests.benchmarks.scale --files 10000

Articles are made from a seed: ten paragraphs of about eighty words each from a Zipf vocabulary, in folders of a
thousand. Vectors do not come from the model, which would need hours. They have the dimension and the fingerprint of the
default model and lie in clusters, and their spectrum decays like that of real ones, so `qa ask` works on the index as
on any other. Results are added to scale.json, from which the table in README.md and the chart scale.svg are drawn.
Asserts nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from index.models.encoder import load_encoder
from index.search import search_candidates
from index.storage.folder import locate_index_folder
from index.storage.records import stream_vectors
from index.storage.snapshot import Snapshot, open_snapshot
from index.updating.build import refresh
from index.updating.freshness import find_changes
from tests.benchmarks.scale_chart import render_chart, render_table

HERE = Path(__file__).parent
_SEED = 20
_PARAGRAPHS = 10
_WORDS = 80
_VOCABULARY = 200_000
_CLUSTERS = 3000
_QUESTIONS = 200
_EXACT_QUESTIONS = 100
_DEPTH = 10
_QA = Path(sys.executable).with_name("qa")


class Words:
    """A vocabulary whose n-th word has a frequency in proportion to 1 / (n + 2.7), as Zipf and Mandelbrot found."""

    def __init__(self) -> None:
        random = np.random.default_rng(_SEED)
        letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
        lengths = random.integers(3, 11, _VOCABULARY)
        spelled = letters[random.integers(0, 26, (_VOCABULARY, 10))]
        self.words = np.array(["".join(row[:length]) for row, length in zip(spelled, lengths, strict=True)])
        weights = 1 / (np.arange(_VOCABULARY) + 2.7)
        self._cumulated = np.cumsum(weights / weights.sum())

    def draw(self, random: np.random.Generator, count: int) -> list[str]:
        """Draws `count` words."""
        return self.words[np.searchsorted(self._cumulated, random.random(count))].tolist()  # type: ignore[no-any-return]


class ClusteredEncoder:
    """An encoder with the name, fingerprint and dimension of the default model, whose vectors depend on the hash of a
    text."""

    def __init__(self) -> None:
        real = load_encoder()
        self.name = real.name
        self.fingerprint = real.fingerprint
        self.dimension = real.dimension
        self.max_tokens = real.max_tokens
        random = np.random.default_rng(_SEED)
        self._spectrum = (np.arange(1, self.dimension + 1) ** -0.5).astype(np.float32)
        self._centres = random.standard_normal((_CLUSTERS, self.dimension)).astype(np.float32) * self._spectrum

    def encode_passages(self, texts: Sequence[str]) -> Any:
        """(n, dimension) float32, rows of unit length."""
        vectors = np.stack([self._encode(text) for text in texts])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_questions(self, texts: Sequence[str]) -> Any:
        """Vectors near the passage of the same text, with a cosine of about .75, as questions have to their
        paragraphs."""
        vectors = self.encode_passages(texts)
        random = np.random.default_rng(len(texts))
        noise = random.standard_normal(vectors.shape).astype(np.float32) * self._spectrum
        noise *= 0.88 / np.linalg.norm(noise, axis=1, keepdims=True)
        noisy = vectors + noise
        return noisy / np.linalg.norm(noisy, axis=1, keepdims=True)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """About as many tokens as the real model counts."""
        return [len(text.split()) * 3 // 2 for text in texts]

    def _encode(self, text: str) -> Any:
        number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
        random = np.random.default_rng(number)
        noise = random.standard_normal(self.dimension, dtype=np.float32) * self._spectrum
        return self._centres[number % _CLUSTERS] + 0.8 * noise


def write_articles(docs: Path, paragraphs: int) -> None:
    """Writes the folder of articles."""
    words = Words()
    for number in range(paragraphs // _PARAGRAPHS):
        folder = docs / f"{number // 1000:04}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:07}.txt").write_text(make_article(words, number))


def make_article(words: Words, number: int) -> str:
    """A title and ten paragraphs."""
    random = np.random.default_rng((_SEED, number))
    drawn = words.draw(random, 6 + _PARAGRAPHS * _WORDS)
    parts = [" ".join(drawn[:6]).capitalize()]
    for start in range(6, len(drawn), _WORDS):
        block = drawn[start : start + _WORDS]
        parts.append(f"{' '.join(block[:40]).capitalize()}. {' '.join(block[40:]).capitalize()}.")
    return "\n\n".join(parts) + "\n"


def measure_build(docs: Path) -> dict[str, float]:
    """Measures a first index."""
    return _timed_refresh(docs)


def measure_nothing(docs: Path) -> dict[str, float]:
    """Measures a refresh if nothing changed."""
    return _timed_refresh(docs)


def measure_add(docs: Path) -> dict[str, float]:
    """Measures a refresh after one article was added."""
    (docs / "one-more.txt").write_text(make_article(Words(), 10**8))
    return _timed_refresh(docs)


def measure_rename(docs: Path) -> dict[str, float]:
    """Measures a refresh after the article was renamed."""
    (docs / "one-more.txt").rename(docs / "renamed.txt")
    return _timed_refresh(docs)


def measure_delete(docs: Path) -> dict[str, float]:
    """Measures a refresh after the article was deleted."""
    (docs / "renamed.txt").unlink()
    return _timed_refresh(docs)


def _timed_refresh(docs: Path) -> dict[str, float]:
    encoder = ClusteredEncoder()
    began, working = time.perf_counter(), time.process_time()
    report = refresh(docs, locate_index_folder(docs), lambda: encoder)
    seconds, busy = time.perf_counter() - began, time.process_time() - working
    return {"seconds": seconds, "busy": busy, "embedded": report.embedded, "paragraphs": report.paragraphs}


def measure_look(docs: Path) -> dict[str, float]:
    """Measures the check of the folder before every question."""
    began = time.perf_counter()
    find_changes(docs, locate_index_folder(docs))
    return {"seconds": time.perf_counter() - began}


def measure_open(docs: Path) -> dict[str, float]:
    """Measures opening a snapshot in a new process, with imports, and its first search."""
    began = time.perf_counter()
    snapshot = _open(docs)
    opened = time.perf_counter() - began
    vector = np.full(snapshot.info.dimension, snapshot.info.dimension**-0.5, dtype=np.float32)
    began = time.perf_counter()
    search_candidates(snapshot, "first question", vector)
    return {"seconds": opened, "first_search": time.perf_counter() - began}


def measure_search(docs: Path) -> dict[str, float]:
    """Measures candidates for many questions: percentiles, and recall@10 of the vector engine against comparing every
    vector."""
    snapshot = _open(docs)
    encoder = ClusteredEncoder()
    random = np.random.default_rng(_SEED + 1)
    ids = random.integers(1, snapshot.info.paragraphs, _QUESTIONS).tolist()
    units = snapshot.load_paragraphs(sorted(set(ids)))
    vectors = encoder.encode_questions([unit.paragraph.embedded_text for unit in units])
    seconds, busy = [], []
    for unit, vector in zip(units, vectors, strict=True):
        words = unit.paragraph.text.split()
        question = " ".join(words[place] for place in random.integers(0, len(words), 9))
        began, working = time.perf_counter(), time.process_time()
        search_candidates(snapshot, question, vector)
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - working)
    peak = _peak()
    figures: dict[str, Any] = dict(snapshot.vectors.info.figures)
    return {
        "median": statistics.median(seconds),
        "p95": float(np.percentile(seconds, 95)),
        "p95_busy": float(np.percentile(busy, 95)),
        "recall": _recall(snapshot, vectors[:_EXACT_QUESTIONS]),
        "measured_recall": figures["recall"],
        "probes": figures["probes"],
        "lists": figures["lists"],
        "megabytes": peak,
    }


def _recall(snapshot: Snapshot, queries: Any) -> float:
    best = np.full((len(queries), _DEPTH), -np.inf, dtype=np.float32)
    nearest = np.zeros((len(queries), _DEPTH), dtype=np.int64)
    for ids, vectors in stream_vectors(snapshot.database):
        scores = np.concatenate([best, queries @ vectors.T], axis=1)
        numbers = np.concatenate([nearest, np.broadcast_to(ids, (len(queries), len(ids)))], axis=1)
        order = np.argsort(-scores, axis=1)[:, :_DEPTH]
        best, nearest = np.take_along_axis(scores, order, axis=1), np.take_along_axis(numbers, order, axis=1)
    found = 0
    for query, wanted in zip(queries, nearest, strict=True):
        dense = search_candidates(snapshot, "", query)
        top = sorted(dense, key=lambda one: -(one.dense or 0.0))[:_DEPTH]
        found += len({one.paragraph_id for one in top} & set(wanted.tolist()))
    return found / nearest.size


def measure_disk(docs: Path) -> dict[str, float]:
    """Measures bytes per paragraph: of the whole index folder, and without the compressed texts."""
    folder = locate_index_folder(docs)
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    with closing(sqlite3.connect(folder / "index.db")) as database:
        texts = database.execute("SELECT sum(length(body)) FROM texts").fetchone()[0]
        count = database.execute("SELECT count(*) FROM paragraphs").fetchone()[0]
    return {"bytes": total / count, "bytes_without_text": (total - texts) / count}


def _open(docs: Path) -> Snapshot:
    snapshot = open_snapshot(locate_index_folder(docs))
    assert snapshot is not None
    return snapshot


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _in_process(step: Callable[[Path], dict[str, float]], docs: Path) -> dict[str, float]:
    """The figures of a step, with the peak memory of its process in megabytes."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(step, docs, sender))
    process.start()
    figures: dict[str, float] = receiver.recv()
    process.join()
    return figures


def _send(step: Callable[[Path], dict[str, float]], docs: Path, sender: Any) -> None:
    figures = step(docs)
    figures.setdefault("megabytes", _peak())
    sender.send(figures)


def measure_asks(sizes: Sequence[int], top: Path, rounds: int) -> dict[int, dict[str, float]]:
    """Measures `qa ask` as a whole process, which checks the folder first. The sizes take turns, so that other work of
    the machine affects all of them. Gives medians of wall time, processor time and peak memory."""
    runs: dict[int, list[tuple[float, float, float]]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            runs[size].append(_ask_once(top / str(size) / "docs"))
    names = ("seconds", "busy", "megabytes")
    return {
        size: dict(zip(names, (statistics.median(column) for column in zip(*rows, strict=True)), strict=True))
        for size, rows in runs.items()
    }


def _ask_once(docs: Path) -> tuple[float, float, float]:
    command = [str(_QA), "--docs", str(docs), "ask", "Which word stands beside the other?"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def write_notes(docs: Path, count: int) -> None:
    """Writes `count` small files of a title and a sentence, in folders of five hundred."""
    words = Words()
    for number in range(count):
        folder = docs / f"{number // 500:03}"
        folder.mkdir(parents=True, exist_ok=True)
        drawn = words.draw(np.random.default_rng((_SEED, number, 1)), 16)
        (folder / f"{number:06}.txt").write_text(f"{' '.join(drawn[:4])}\n\n{' '.join(drawn[4:])} {number}.\n")


def measure_files(count: int, top: Path, rounds: int) -> None:
    """Measures `qa index` as a whole process over many small files if nothing changed, one changed, or one was renamed.
    Prints medians of wall time and the number of paragraphs embedded."""
    docs = top / f"{count}-files" / "docs"
    if not docs.exists():
        write_notes(docs, count)
    _timed_refresh(docs)
    for name in ("nothing", "changed", "renamed"):
        seconds, embedded = [], set()
        for number in range(rounds):
            note = sorted(docs.glob("000/*.txt"))[number]
            if name == "changed":
                note.write_text(f"{note.read_text()}\nOne more sentence, number {time.time_ns()}.\n")
            elif name == "renamed":
                note.rename(docs / f"renamed-{time.time_ns()}.txt")
            spent, did = _index_once(docs)
            seconds.append(spent)
            embedded.add(did)
        print(f"{count:>9} files, {name}: {statistics.median(seconds):.2f} s, embedded {sorted(embedded)}", flush=True)


def _index_once(docs: Path) -> tuple[float, int]:
    command = [str(_QA), "--docs", str(docs), "index", "--progress-json"]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - began, int(json.loads(done.stderr.splitlines()[-1])["embedded"])


STEPS: dict[str, Callable[[Path], dict[str, float]]] = {
    "build": measure_build,
    "nothing": measure_nothing,
    "look": measure_look,
    "open": measure_open,
    "search": measure_search,
    "disk": measure_disk,
    "add": measure_add,
    "rename": measure_rename,
    "delete": measure_delete,
}


def measure(size: int, top: Path, steps: Sequence[str]) -> dict[str, dict[str, float]]:
    """Measures all steps at one size."""
    docs = top / str(size) / "docs"
    figures: dict[str, dict[str, float]] = {}
    if not docs.exists():
        write_articles(docs, size)
    for name in steps:
        figures[name] = _in_process(STEPS[name], docs)
        print(
            f"{size:>9} {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures[name].items()), flush=True
        )
    return figures


def main() -> None:
    """Measures, and then draws everything measured so far."""
    parser = argparse.ArgumentParser(description="What an index costs as it grows.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where articles and indexes are made, and stay")
    parser.add_argument("--steps", nargs="*", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--ask", type=int, default=5, help="times that `qa ask` is run at each size")
    parser.add_argument("--files", type=int, help="only `qa index` over so many small files, as a whole process")
    options = parser.parse_args()
    top = options.folder or Path(tempfile.mkdtemp(prefix="scale-"))
    if options.files:
        measure_files(options.files, top, options.ask)
        if options.folder is None:
            shutil.rmtree(top)
        return
    results = HERE / "scale.json"
    measured = json.loads(results.read_text()) if results.exists() else {}
    for size in options.sizes:
        measured[str(size)] = {**measured.get(str(size), {}), **measure(size, top, options.steps)}
        results.write_text(json.dumps(measured, indent=1) + "\n")
    for size, figures in measure_asks(options.sizes, top, options.ask).items() if options.ask else ():
        measured[str(size)]["ask"] = figures
        print(f"{size:>9} ask: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)
    results.write_text(json.dumps(measured, indent=1) + "\n")
    if options.folder is None:
        shutil.rmtree(top)
    (HERE / "scale.svg").write_text(render_chart(measured))
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition("<!-- scale -->\n")
    _, _, after = rest.partition("<!-- /scale -->")
    readme.write_text(f"{before}<!-- scale -->\n{render_table(measured)}<!-- /scale -->{after}")


if __name__ == "__main__":
    main()
