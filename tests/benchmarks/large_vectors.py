"""A large FAISS index made, extended and purged in little memory: our parts against `faiss.contrib.ondisk`.

    python -m tests.benchmarks.large_vectors [--count 300000] [--room 32]

Vectors of 384 dimensions are made from a seed, in clusters, with a spectrum that decays like that of real ones. The
peak is what a step adds to the resident memory of the process (read from /proc, so Linux only). Prints only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from index.durable import stamp_file
from index.engines import faiss_vectors
from index.engines.faiss_vectors import FaissEngine
from index.engines.protocols import Place, VectorSource

_DIMENSION = 384
_BLOCK = 4096
_MORE = 21_000
_SPECTRUM = (np.arange(1, _DIMENSION + 1) ** -0.5).astype(np.float32)
_CENTRES = np.random.default_rng(0).standard_normal((3000, _DIMENSION), dtype=np.float32) * _SPECTRUM
_NONE = np.empty(0, dtype=np.int64)


def make_block(first: int) -> Any:
    """(4096, 384) float32 of unit length."""
    random = np.random.default_rng(first + 1)
    noise = random.standard_normal((_BLOCK, _DIMENSION), dtype=np.float32) * _SPECTRUM
    rows = _CENTRES[random.integers(0, len(_CENTRES), _BLOCK)] + 0.8 * noise
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float16).astype(np.float32)


def make_source(count: int, room: int, gone: int = 0) -> VectorSource:
    """A source of `count` vectors, without every `gone`-th one if `gone` is given."""

    def load_all() -> Iterator[tuple[Any, Any]]:
        for first in range(0, count, _BLOCK):
            ids = np.arange(first, min(first + _BLOCK, count))
            kept = ids[ids % gone != 0] if gone else ids
            yield kept, make_block(first)[kept - first]

    def load_some(ids: Any) -> tuple[Any, Any]:
        blocks = [(first, ids[(ids >= first) & (ids < first + _BLOCK)]) for first in range(0, count, _BLOCK)]
        found = [make_block(first)[some - first] for first, some in blocks if len(some)]
        return ids, np.concatenate(found) if found else np.empty((0, _DIMENSION), dtype=np.float32)

    held = count - len(range(0, count, gone)) if gone else count
    return VectorSource(_DIMENSION, held, load_all, load_some, room, os.cpu_count() or 1)


def report(name: str, folder: Path, step: Callable[[], object]) -> Any:
    """Runs a step and prints its peak, its time and the bytes it wrote."""
    Path("/proc/self/clear_refs").write_text("5")
    before, began = _resident(), time.perf_counter()
    result = step()
    seconds = time.perf_counter() - began
    sizes = [(path.stat().st_size, path.stat().st_nlink) for path in folder.rglob("*") if path.is_file()]
    new = sum(size for size, links in sizes if links == 1) / 1e6
    print(f"{name:<16} peak {_resident() - before:+5.0f} MB  {seconds:6.1f} s  {new:6.1f} MB written", flush=True)
    return result


def _resident() -> float:
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def search(name: str, find: Callable[[Any], Any], count: int) -> Any:
    """Prints the time of a search for a hundred vectors and returns what it finds."""
    queries = [make_block(first)[0] for first in range(0, min(count, 400_000), _BLOCK)]
    found = [find(query) for query in queries]
    seconds = []
    for query in queries:
        began = time.process_time()
        find(query)
        seconds.append(time.process_time() - began)
    print(f"{name:<16} {1000 * float(np.median(seconds)):.2f} ms a search")
    return np.array(found)


def measure_parts(top: Path, count: int, room: int) -> Any:
    """Our parts: built, extended and purged."""
    engine = FaissEngine()
    places: list[Place] = []

    def write(name: str, source: VectorSource, added: Any, removed: Any) -> None:
        target = Place(top, top / name)
        target.folder.mkdir(parents=True)
        previous = places[-1] if places else None
        stamps = report(f"parts, {name}", target.folder, lambda: engine.write(target, previous, source, added, removed))
        places.append(Place(top, target.folder, {Path(stamp.path).name: stamp for stamp in stamps}))

    write("built", make_source(count, room), _NONE, _NONE)
    opened = engine.open(places[-1])
    print(opened.info.summary, dict(opened.info.figures)["parts"], "parts")
    found = search("parts, searched", lambda query: opened.search(query, 100)[0], count)
    write("extended", make_source(count + _MORE, room), np.arange(count, count + _MORE), _NONE)
    write("purged", make_source(count + _MORE, room, 4), _NONE, np.arange(0, count + _MORE, 4))
    return found, dict(opened.info.figures)["probes"]


def measure_ondisk(top: Path, count: int, room: int, probes: int) -> Any:
    """FAISS's own merging on the disk: shards that fit into the room are merged into one file of lists."""
    from faiss.contrib.ondisk import merge_ondisk

    top.mkdir(parents=True)

    def build() -> None:
        source = make_source(count, room)
        with faiss_vectors._threads(source.threads):
            trained, _ = faiss_vectors._train(source)
            empty = faiss.serialize_index(trained)
            shards = []
            shard = faiss.deserialize_index(empty)
            for ids, vectors in source.load_all():
                shard.add_with_ids(vectors, ids)
                if 2 * shard.ntotal * (_DIMENSION + 8) > room:
                    shards.append(str(top / f"shard{len(shards)}"))
                    faiss.write_index(shard, shards[-1])
                    shard = faiss.deserialize_index(empty)
            shards.append(str(top / f"shard{len(shards)}"))
            faiss.write_index(shard, shards[-1])
            merge_ondisk(trained, shards, str(top / "lists"))
            faiss.write_index(trained, str(top / "index"))
        for name in shards:
            Path(name).unlink()
        for name in ("lists", "index"):
            stamp_file(top / name, top)

    report("ondisk, built", top, build)
    opened = faiss.read_index(str(top / "index"), faiss.IO_FLAG_ONDISK_SAME_DIR | faiss.IO_FLAG_READ_ONLY)
    opened.nprobe = probes
    return search("ondisk, searched", lambda query: opened.search(query[None], 100)[1][0], count)


def main() -> None:
    """Measures both, one after the other."""
    parser = argparse.ArgumentParser(description="Large FAISS indexes in little memory.")
    parser.add_argument("--count", type=int, default=300_000)
    parser.add_argument("--room", type=int, default=32, help="megabytes of vectors that may be held at once")
    options = parser.parse_args()
    faiss_vectors.EXACT_LIMIT = min(faiss_vectors.EXACT_LIMIT, options.count - 1)
    top = Path(tempfile.mkdtemp(prefix="large-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, top)
        ours, probes = measure_parts(top / "parts", options.count, options.room << 20)
        theirs = measure_ondisk(top / "ondisk", options.count, options.room << 20, probes)
        print(f"{float((ours == theirs).mean()):.4f} of what is found is the same, place by place")


if __name__ == "__main__":
    main()
