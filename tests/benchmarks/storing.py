"""Measures what decided the constants of the engines, the rows and the files of a generation.

    python -m tests.benchmarks.storing [--only vectors,words,pieces,sums,hashes,locks,repetition]

Times are medians of processor time over many calls, so that other work of the machine counts little. Prints only.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import statistics
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import tantivy

from index.documents.source_files import find_files, load_file
from index.engines import bm25
from index.errors import UnreadableFileError
from index.text.paragraphs import split_document
from index.text.titles import letters_of
from tests.benchmarks.quality import SHARED, find_sets
from tests.benchmarks.scale import ClusteredEncoder, Words, make_article

_ROUNDS = 30


def time_it(call: Callable[[], Any], rounds: int = _ROUNDS) -> float:
    """Median processor seconds of a call."""
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def measure_vectors() -> None:
    """Measures one search for 100 of `count` vectors, by type, and recall@10 after what is found is scored exactly."""
    faiss.omp_set_num_threads(1)
    encoder = ClusteredEncoder()
    texts = [f"text {number}" for number in range(400_000)]
    every = np.concatenate([encoder.encode_passages(texts[at : at + 4096]) for at in range(0, len(texts), 4096)])
    every = every.astype(np.float16).astype(np.float32)
    queries = encoder.encode_questions(texts[:100])
    for count in (10_000, 50_000, 100_000, 200_000, 400_000):
        vectors = every[:count]
        exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
        for name, made in make_types(vectors).items():
            found = [set(made.search(query[None], 100)[1][0].tolist()) for query in queries]
            recall = sum(len(seen & set(row.tolist())) for seen, row in zip(found, exact, strict=True)) / exact.size
            milliseconds = 1000 * time_it(lambda made=made: made.search(queries[:1], 100))  # type: ignore[misc]
            print(
                f"{count:>7} {name:<22} {milliseconds:7.2f} ms  recall {recall:.3f}  {size_of(made) / count:.0f} bytes"
            )


def make_types(vectors: Any) -> dict[str, Any]:
    """The kinds of index that are compared."""
    dimension, product = vectors.shape[1], faiss.METRIC_INNER_PRODUCT
    made: dict[str, Any] = {
        "float32": faiss.IndexFlatIP(dimension),
        "float16": faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, product),
        "8 bits": faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit, product),
        "4 bits, fast scan": faiss.IndexPQFastScan(dimension, dimension // 2, 4, product),
    }
    lists = 1 << max(6, round(np.log2(2 * np.sqrt(len(vectors)))))
    for probes in (16, 32, 64):
        inverted = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(dimension), dimension, lists, faiss.ScalarQuantizer.QT_8bit, product
        )
        inverted.cp.max_points_per_centroid = 64
        inverted.cp.min_points_per_centroid = 1
        inverted.nprobe = probes
        made[f"{lists} lists, {probes} probed"] = inverted
    for one in made.values():
        one.train(vectors[:50_000])
        one.add(vectors)
    return made


def size_of(made: Any) -> int:
    """Bytes of the file of an index."""
    return int(faiss.serialize_index(made).size)


def measure_words() -> None:
    """Measures the analysis of a paragraph of eighty words, by tokenizer."""
    texts = make_article(Words(), 1).split("\n\n")[1:]
    pattern = r"\p{N}+(?:[.,]\p{N}+)*|[\p{L}\p{M}\p{N}]+"
    for name, tokenizer in {"pattern": tantivy.Tokenizer.regex(pattern), "simple": tantivy.Tokenizer.simple()}.items():
        builder = tantivy.TextAnalyzerBuilder(tokenizer)
        for step in (tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold(), tantivy.Filter.stemmer("english")):
            builder = builder.filter(step)
        analyzer = builder.build()
        seconds = time_it(lambda analyzer=analyzer: [analyzer.analyze(text) for text in texts * 10])  # type: ignore[misc]
        print(f"tokenizer {name}: {seconds / len(texts) / 10 * 1e6:.0f} µs a paragraph")
    seconds = time_it(lambda: [bm25.analyze(text) for text in texts * 10])
    print(f"index.engines.bm25.analyze: {seconds / len(texts) / 10 * 1e6:.0f} µs a paragraph")


def measure_pieces() -> None:
    """Measures unpacking the piece that holds a paragraph, and the size of all pieces, by the size of one."""
    text = "\n\n".join(make_article(Words(), number) for number in range(40))
    for size in (1024, 2048, 4096, 8192, 16384, 65536):
        packed = [zlib.compress(text[at : at + size].encode()) for at in range(0, len(text), size)]
        seconds = time_it(lambda packed=packed: [zlib.decompress(one) for one in packed])  # type: ignore[misc]
        share = sum(map(len, packed)) / len(text)
        print(f"pieces of {size:>6}: {seconds / len(packed) * 1e6:6.1f} µs to unpack one, {share:.2f} of the text")


def measure_sums() -> None:
    """Measures the checksum of 16 MB, which every opening of a small index computes."""
    data = bytes(16 << 20)
    for name in ("sha256", "blake2b"):
        print(f"{name} of 16 MB: {1000 * time_it(lambda name=name: hashlib.new(name, data)):.1f} ms")  # type: ignore[misc]
    print(f"crc32 of 16 MB: {1000 * time_it(lambda: zlib.crc32(data)):.1f} ms")


def measure_hashes() -> None:
    """Measures a set of content hashes, with which a build counts the different ones."""
    for count in (300_000, 1_000_000, 3_000_000):
        began, before = time.process_time(), _resident()
        hashes = {hashlib.blake2b(str(number).encode(), digest_size=16).digest() for number in range(count)}
        seconds = time.process_time() - began
        print(f"{len(hashes):>7} hashes: {(_resident() - before) / count:.0f} bytes each, {seconds:.1f} s")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def measure_locks() -> None:
    """Measures the import of what locks a file."""
    for name in ("fcntl", "filelock"):
        command = [
            sys.executable,
            "-c",
            f"import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)",
        ]
        seconds = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(9)]
        print(f"import {name}: {1000 * statistics.median(seconds):.1f} ms")


def measure_repetition() -> None:
    """Counts what would be boilerplate if a short text in many articles were boilerplate: in at least three and a
    twentieth of them, or five and a fifth if it has more than 80 characters, unless it is a sentence or holds quotation
    marks."""
    for one in find_sets(SHARED):
        units: list[tuple[str, str]] = []
        files = find_files(one.docs)[0]
        for file in files:
            with contextlib.suppress(UnreadableFileError):
                document = load_file(one.docs, file.path).document
                made = split_document(document, 254, lambda texts: [len(text.split()) * 3 // 2 for text in texts])
                units += [(file.path, unit.text) for unit in made if not unit.boilerplate]
        counts = Counter(letters_of(text) for _, text in {(path, text) for path, text in units if _may_repeat(text)})
        marked = Counter(text for _, text in units if _may_repeat(text) and _repeats(text, counts, len(files)))
        print(f"{one.name:<18} {marked.total():>4} of {len(units):>6} paragraphs: {dict(marked.most_common(8))}")


def _may_repeat(text: str) -> bool:
    is_sentence = text.rstrip().endswith((".", "!", "?")) and len(text.split()) > 4
    return len(text) <= 300 and not is_sentence and not set(text) & set('"“”„«»')


def _repeats(text: str, counts: Counter[str], articles: int) -> bool:
    least, share = (3, 0.05) if len(text) <= 80 else (5, 0.2)
    return counts[letters_of(text)] >= max(least, share * articles)


PARTS = {
    "words": measure_words,
    "pieces": measure_pieces,
    "sums": measure_sums,
    "hashes": measure_hashes,
    "locks": measure_locks,
    "repetition": measure_repetition,
    "vectors": measure_vectors,
}


def main() -> None:
    """Measures the chosen parts in turn."""
    parser = argparse.ArgumentParser(description="What the constants of storing and searching rest on.")
    parser.add_argument("--only", default=",".join(PARTS))
    for name in parser.parse_args().only.split(","):
        PARTS[name]()


if __name__ == "__main__":
    main()
