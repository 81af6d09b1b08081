"""The large kind of the dense half is made in pieces on the disk: FAISS's own file, in as much memory as is allowed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import faiss
import numpy as np
import pytest

from index.engines import faiss_vectors as vectors
from index.engines.faiss_ivf_file import Piece, PieceWriter, head_of
from index.engines.faiss_vectors import VectorIndex, VectorSource
from index.errors import IndexFolderError, UsageError
from index.updating.limits import Limits
from tests.helpers.places import ROOT
from tests.helpers.vectors import Corpus, make_vectors, write_generation

_LISTS = 64


@pytest.fixture
def trained() -> faiss.IndexIVFScalarQuantizer:
    """An inverted file of the kind that `vectors` makes, without entries."""
    made = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(32), 32, _LISTS, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    made.cp.min_points_per_centroid = 1
    made.train(make_vectors(2000))
    return made


def _lists_of(made: faiss.IndexIVFScalarQuantizer, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    encoded = made.sa_encode(rows)
    return encoded[:, 0].astype(np.int64), encoded[:, 1:]


@pytest.mark.parametrize("room", [1 << 30, 1], ids=["one piece", "pieces of 1,024"])
def test_the_file_is_the_one_that_faiss_writes(
    tmp_path: Path, trained: faiss.IndexIVFScalarQuantizer, room: int
) -> None:
    """Byte for byte, whether it was made of one piece or of many, and nothing else is left in the folder."""
    rows = make_vectors(5000)
    head = head_of(faiss.serialize_index(trained).tobytes())
    pieces = PieceWriter(tmp_path, trained.code_size, _LISTS, room)
    for first in range(0, 5000, 700):
        part = rows[first : first + 700]
        pieces.add(*_lists_of(trained, part), np.arange(first, first + len(part)))
    pieces.join(tmp_path / "made.faiss", head, tmp_path)
    trained.add(rows)
    faiss.write_index(trained, str(tmp_path / "own.faiss"))
    assert (tmp_path / "made.faiss").read_bytes() == (tmp_path / "own.faiss").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.faiss", "own.faiss"]


def test_another_layout_is_refused_with_the_next_step(trained: faiss.IndexIVFScalarQuantizer) -> None:
    """A version of FAISS that writes otherwise ends the build with a sentence, and never with a file of wrong lists."""
    empty = faiss.serialize_index(trained).tobytes()
    for other in (empty + bytes(8), empty.replace(b"sprs", b"many")):
        with pytest.raises(IndexFolderError, match=r"install faiss-cpu 1\.\d+"):
            head_of(other)


def test_entries_move_and_leave(tmp_path: Path, trained: faiss.IndexIVFScalarQuantizer) -> None:
    """A file is extended by what is new and rid of what is gone, list by list, without being trained again."""
    rows = make_vectors(1100)
    trained.add(rows[:1000])
    faiss.write_index(trained, str(tmp_path / "before.faiss"))
    sizes = np.array([trained.invlists.list_size(number) for number in range(_LISTS)])
    moved = np.arange(1000) - 10
    moved[:10] = -1
    pieces = PieceWriter(tmp_path, trained.code_size, _LISTS, 1)
    pieces.add(*_lists_of(trained, rows[1000:]), np.arange(990, 1090))
    with closing(Piece(tmp_path / "before.faiss", trained.code_size, sizes, moved)) as before:
        pieces.join(tmp_path / "after.faiss", before.read_head(), tmp_path, before)
    after = faiss.read_index(str(tmp_path / "after.faiss"), faiss.IO_FLAG_MMAP)
    after.nprobe = _LISTS
    assert after.ntotal == 1090
    _, found = after.search(rows[10:], 1)
    assert (found[:, 0] == np.arange(1090)).mean() > 0.99


def test_pieces_change_nothing_that_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With little memory the lists are trained on fewer vectors; of the same sample, the files are the same."""
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 1000)
    corpus = Corpus(dict(enumerate(make_vectors(6000))))
    (tmp_path / "small").mkdir()
    (tmp_path / "large").mkdir()
    large = write_generation(tmp_path / "large", "1", corpus, None, set(corpus.rows), set())
    monkeypatch.setattr(Corpus, "source", lambda self: _with_little_room(self))
    small = write_generation(tmp_path / "small", "1", corpus, None, set(corpus.rows), set())
    assert (small.folder / "base.ids").read_bytes() == (large.folder / "base.ids").read_bytes()
    opened = VectorIndex(small.folder)
    assert opened.info.recall >= 0.95
    found = 0
    for query in make_vectors(30, seed=5):
        found += len(set(opened.search(query, 40)[0].tolist()) & set(corpus.nearest(query, 10)))
    assert found / 300 >= 0.95


def _with_little_room(corpus: Corpus) -> VectorSource:
    """Room for 1,000 vectors of 6,000."""
    return VectorSource(32, len(corpus.rows), corpus._all, corpus._some, room_bytes=32 * 4 * 1000)


_BUILD = """
import json, resource, sys
from pathlib import Path
import numpy as np
from index.engines import faiss_vectors as vectors
from index.engines.faiss_vectors import VectorSource, write_vectors

COUNT, DIMENSION, BLOCK = 200_000, 256, 4000
CENTRES = np.random.default_rng(0).standard_normal((50, DIMENSION), dtype=np.float32)

def load_all():
    for first in range(0, COUNT, BLOCK):
        random = np.random.default_rng(first + 1)
        rows = CENTRES[random.integers(0, 50, BLOCK)] + random.standard_normal((BLOCK, DIMENSION), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        yield np.arange(first, first + BLOCK), rows

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

vectors._load_faiss()
vectors.EXACT_LIMIT = int(sys.argv[2])
vectors._RECALL_QUERIES = 100
list(zip(load_all(), range(2)))
before = peak()
none = np.empty(0, dtype=np.int64)
source = VectorSource(DIMENSION, COUNT, load_all, lambda ids: None, room_bytes=4 << 20)
target = Path(sys.argv[1], "made")
target.mkdir()
write_vectors(target, None, source, none, none, target.parent)
print(json.dumps({"more": peak() - before, **json.loads((target / "vectors.json").read_text())}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is told in kilobytes on Linux")
@pytest.mark.parametrize("limit", [1000, 500_000], ids=["inverted file", "exact"])
def test_memory_does_not_grow_with_the_folder(tmp_path: Path, limit: int) -> None:
    """200,000 vectors take 53 MB as 8-bit codes with their positions and 102 MB exactly; a build that may hold 4 MB of
    them at once takes less than either."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(tmp_path), str(limit)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(done.stdout)
    assert figures["base"] == 200_000
    assert figures["recall"] > 0.9
    assert figures["more"] < 45, figures


def test_a_million_paragraphs_need_half_a_gigabyte() -> None:
    """What is asked of the limit of memory hardly grows with the folder."""
    Limits(memory=500 << 20).check(0, 1_000_000)
    Limits(memory=2 << 30).check(10_000_000, 2_000_000)
    with pytest.raises(UsageError, match="give at least"):
        Limits(memory=400 << 20).check(0, 1_000_000)
