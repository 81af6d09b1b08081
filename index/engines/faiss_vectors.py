"""The only importer of faiss: the dense half of a generation, as files that never change once they are
written.

A large immutable *base*, a small *delta* of what came later (rewritten at every refresh), and the ids of the
base that are gone. Up to EXACT_LIMIT the base is scanned whole, in float16, which holds the stored vectors
exactly; beyond, it is an inverted file with 8-bit codes whose number of probed lists is set by the recall
measured when it is made. Numbers behind the constants: tests/benchmarks/DECISIONS.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.durable import FileStamp, HashingWriter, Previous, write_file
from index.engines.faiss_ivf_file import Piece, PieceWriter, head_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.types import Ids, Vectors

    Scores = NDArray[np.float32]
    Bitmap = NDArray[np.uint8]

EXACT_LIMIT = 200_000
"""Paragraphs up to which every vector is compared: 16-26 ms at the limit on one core."""
_DELTA_LIMIT = 20_000
"""Vectors of the delta (15 MB rewritten at every refresh, 2 ms of a search) before they move into the
base."""
_DEAD_SHARE = 0.2
_TRAIN_VECTORS_PER_LIST = 64
_RECALL_WANTED = 0.985
"""Of the inverted file against exact search, at 10, where .95 is promised: at 1,000,000 paragraphs 128 of 2,048
lists, 11 ms."""
_RECALL_QUERIES = 400
_RECALL_DEPTH = 10
_PROBES = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_INFO_NAME = "vectors.json"
_BASE_NAME = "base.faiss"
_BASE_IDS_NAME = "base.ids"
_DELTA_NAME = "delta.faiss"
_DELTA_IDS_NAME = "delta.ids"
_DEAD_NAME = "dead.ids"


@dataclass(frozen=True, slots=True)
class VectorsInfo:
    """What a generation's dense half is made of."""

    kind: str
    """'exact' or 'inverted file'."""
    dimension: int
    base: int
    """Vectors in the base, gone ones included."""
    delta: int
    dead: int
    """Vectors of the base that are gone."""
    lists: int = 0
    """Of the inverted file; 0 where the kind is exact."""
    probes: int = 0
    recall: float = 1.0
    """Share of the ten nearest that a search finds, measured on a sample when the base was made."""

    @property
    def alive(self) -> int:
        """Vectors that a search can find."""
        return self.base + self.delta - self.dead


@dataclass(frozen=True, slots=True)
class VectorSource:
    """Where the vectors of a generation come from: the database, in blocks, never all at once."""

    dimension: int
    count: int
    """Vectors that the generation is to hold."""
    load_all: Callable[[], Iterator[tuple[Ids, Vectors]]]
    """All of them in blocks, ids ascending."""
    load_some: Callable[[Ids], tuple[Ids, Vectors]]
    """Those of the given ids; ids come back ascending."""
    room_bytes: int = 256 << 20
    """Most that vectors or codes may take which are held at once: those that lists are trained on, those of a piece of
    an inverted file, those that recall is measured on."""
    threads: int = 1
    """For training and for measuring recall."""


class VectorIndex:
    """The dense half of one generation, opened without reading it: pages come in as they are touched."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where a file is missing, ValueError or RuntimeError where one is damaged."""
        faiss = _load_faiss()
        import numpy as np

        # A search of one vector runs on one core in any case; a pool of threads only adds waiting (12 ms seen).
        faiss.omp_set_num_threads(1)
        self._faiss = faiss
        self.info = VectorsInfo(**json.loads((folder / _INFO_NAME).read_text("utf-8")))
        self._base_ids = _load_ids(folder / _BASE_IDS_NAME)
        self._delta_ids = _load_ids(folder / _DELTA_IDS_NAME)
        self._dead = np.array(_load_ids(folder / _DEAD_NAME))
        exact = self.info.kind == "exact"
        # Flat codes and inverted lists are mapped by different flags, and each refuses the other's file.
        self._base = faiss.read_index(str(folder / _BASE_NAME), faiss.IO_FLAG_MMAP_IFC if exact else faiss.IO_FLAG_MMAP)
        self._delta = faiss.read_index(str(folder / _DELTA_NAME), faiss.IO_FLAG_MMAP_IFC)
        if (self._base.ntotal, self._delta.ntotal) != (len(self._base_ids), len(self._delta_ids)):
            raise ValueError(f"{folder}: vectors and ids do not belong together")

    def count(self) -> int:
        """Paragraphs that a search can find."""
        return self.info.alive

    def search(self, vector: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """The `k` paragraphs nearest to `vector` (d,), best first, fewer where there are fewer.

        :param allowed: ids (ascending) that may be found; the others are passed over inside the search.
        :return: ids (n,) int64 and inner products (n,) float32; higher is closer; of 8-bit codes where the kind is
            not exact, so they order candidates and are not the cosine itself.
        """
        import numpy as np

        query = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        parts = [self._search_base(query, k, allowed), self._search_delta(query, k, allowed)]
        ids = np.concatenate([found for found, _ in parts])
        scores = np.concatenate([score for _, score in parts])
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order]

    def _search_base(self, query: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, Scores]:
        mask = _mask(self._base_ids, allowed, self._dead)
        if self.info.kind == "exact":
            return _search_flat(self._faiss, self._base, self._base_ids, query, k, mask)
        probes = self.info.probes
        if mask is not None:
            # Few allowed among many: the nearest lists may hold none of them, so more lists are looked at.
            share = max(int(mask.sum()), 1) / max(len(mask), 1)
            probes = min(self.info.lists, max(probes, int(probes / share)))
        parameters = self._faiss.SearchParametersIVF(nprobe=probes)
        return _search_flat(self._faiss, self._base, self._base_ids, query, k, mask, parameters)

    def _search_delta(self, query: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, Scores]:
        return _search_flat(self._faiss, self._delta, self._delta_ids, query, k, _mask(self._delta_ids, allowed, None))


def write_vectors(
    target: Path, previous: Previous | None, source: VectorSource, added: Ids, removed: Ids, folder: Path
) -> list[FileStamp]:
    """Writes the dense half of a generation into the empty folder `target`, synced.

    :param previous: the dense half it follows, whose base is shared where that is worthwhile; None starts
    anew. :param added: ids (ascending) that `previous` does not have. :param removed: ids (ascending) that
    `previous` has and the new generation has not. :param folder: the index folder, to which the stamps' paths
    are relative.
    """
    plan = _plan_from(previous.folder, added, removed) if previous is not None else None
    if plan is None or _outgrown(plan, source.count):
        return _write_anew(target, source, folder)
    assert previous is not None
    if len(plan.delta_ids) <= _DELTA_LIMIT and len(plan.dead) <= max(1000, _DEAD_SHARE * plan.info.base):
        stamps = [previous.share(name, target, folder) for name in (_BASE_NAME, _BASE_IDS_NAME)]
        delta = source.load_some(plan.delta_ids)
        return stamps + _write_rest(target, plan.info, delta, plan.dead, folder)
    if plan.info.kind == "exact":
        return _write_anew(target, source, folder)
    return _extend_lists(target, previous.folder, plan, source, folder)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a generation follows from the one before it."""

    info: VectorsInfo
    delta_ids: Ids
    dead: Ids


def _plan_from(previous: Path, added: Ids, removed: Ids) -> _Plan | None:
    """None where the files before cannot be read: they are then made anew."""
    import numpy as np

    try:
        info = VectorsInfo(**json.loads((previous / _INFO_NAME).read_text("utf-8")))
        base_ids = _load_ids(previous / _BASE_IDS_NAME)
        delta_ids = _load_ids(previous / _DELTA_IDS_NAME)
        dead = _load_ids(previous / _DEAD_NAME)
    except (OSError, ValueError, TypeError):
        return None
    gone = np.union1d(dead, removed[np.isin(removed, base_ids)])
    kept = delta_ids[~np.isin(delta_ids, removed)]
    return _Plan(info, np.union1d(kept, added), gone)


def _outgrown(plan: _Plan, count: int) -> bool:
    """True where another kind, or more lists, fit the new size."""
    info = plan.info
    if info.base + len(plan.delta_ids) - len(plan.dead) != count:
        return True
    if info.kind == "exact":
        return count > EXACT_LIMIT
    return count < EXACT_LIMIT // 2 or _lists_for(count) > 2 * info.lists


def _write_anew(target: Path, source: VectorSource, folder: Path) -> list[FileStamp]:
    exact = source.count <= EXACT_LIMIT
    return _write_exact(target, source, folder) if exact else _write_lists(target, source, folder)


def _write_exact(target: Path, source: VectorSource, folder: Path) -> list[FileStamp]:
    base = _new_flat(source.dimension)
    base.ntotal = source.count
    empty = _serialize(base)
    base.ntotal = 0
    with closing(HashingWriter(target / _BASE_IDS_NAME)) as ids, closing(HashingWriter(target / _BASE_NAME)) as flat:
        # FAISS writes codes only from memory: they are put behind their number, which ends the file without them.
        flat.write(empty[:-8] + (source.count * base.sa_code_size()).to_bytes(8, "little"))
        for block_ids, vectors in source.load_all():
            flat.write(base.sa_encode(vectors).tobytes())
            ids.write(block_ids.astype("<i8").tobytes())
    info = VectorsInfo("exact", source.dimension, source.count, 0, 0)
    stamps = [flat.stamp(folder), ids.stamp(folder)]
    return stamps + _write_rest(target, info, _no_block(source.dimension), _no_ids(), folder)


def _write_lists(target: Path, source: VectorSource, folder: Path) -> list[FileStamp]:
    """An inverted file over 8-bit codes, trained on a sample, with its recall measured on held-out
    vectors."""
    faiss = _load_faiss()
    import numpy as np

    faiss.omp_set_num_threads(source.threads)
    base, queries = _train(source)
    truth = _ExactSearch(queries)
    pieces = PieceWriter(target, base.code_size, base.nlist, source.room_bytes)
    position = 0
    with closing(HashingWriter(target / _BASE_IDS_NAME)) as ids:
        for block_ids, vectors in source.load_all():
            positions = np.arange(position, position + len(vectors), dtype=np.int64)
            pieces.add(*_encode(base, vectors), positions)
            truth.add(vectors, position)
            position += len(vectors)
            ids.write(block_ids.astype("<i8").tobytes())
    stamps = [pieces.join(target / _BASE_NAME, head_of(_serialize(base)), folder), ids.stamp(folder)]
    probes, recall = _choose_probes(target / _BASE_NAME, queries, truth.positions, source.room_bytes)
    faiss.omp_set_num_threads(1)
    info = VectorsInfo("inverted file", source.dimension, position, 0, 0, base.nlist, probes, recall)
    return stamps + _write_rest(target, info, _no_block(source.dimension), _no_ids(), folder)


def _train(source: VectorSource) -> tuple[Any, Vectors]:
    """An inverted file without entries, and queries (m, d) to measure it with."""
    faiss = _load_faiss()

    lists = _lists_for(source.count)
    affordable = max(4 * lists, source.room_bytes // (4 * source.dimension))
    sample, queries = _sample(source, min(lists * _TRAIN_VECTORS_PER_LIST, affordable))
    quantizer = faiss.IndexFlatIP(source.dimension)
    base = faiss.IndexIVFScalarQuantizer(
        quantizer, source.dimension, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    base.cp.seed = 1
    base.cp.min_points_per_centroid = 1  # fewer points are met only in tests, and a warning of it helps nobody
    base.train(sample)
    return base, queries


def _encode(base: Any, vectors: Vectors) -> tuple[Ids, Bitmap]:
    """The list (n,) and the code (n, c) of each vector."""
    import numpy as np

    if not len(vectors):
        return _no_ids(), np.empty((0, base.code_size), dtype=np.uint8)
    encoded = base.sa_encode(vectors)
    width = encoded.shape[1] - base.code_size
    padded = np.zeros((len(encoded), 8), dtype=np.uint8)
    padded[:, :width] = encoded[:, :width]
    return padded.view("<i8")[:, 0], encoded[:, width:]


def _extend_lists(target: Path, previous: Path, plan: _Plan, source: VectorSource, folder: Path) -> list[FileStamp]:
    """Moves the delta into the lists and the dead out of them, with the lists as they were trained."""
    import numpy as np

    base = _open_lists(previous / _BASE_NAME)
    old_ids = _load_ids(previous / _BASE_IDS_NAME)
    sizes = np.array([base.invlists.list_size(number) for number in range(base.nlist)], dtype=np.int64)
    ids = np.union1d(np.setdiff1d(old_ids, plan.dead, assume_unique=True), plan.delta_ids)
    moved = np.searchsorted(ids, old_ids)
    moved[np.searchsorted(old_ids, plan.dead)] = -1
    pieces = PieceWriter(target, base.code_size, base.nlist, source.room_bytes)
    delta_ids, vectors = source.load_some(plan.delta_ids)
    pieces.add(*_encode(base, vectors), np.searchsorted(ids, delta_ids))
    with closing(Piece(previous / _BASE_NAME, base.code_size, sizes, moved)) as before:
        stamps = [pieces.join(target / _BASE_NAME, before.read_head(), folder, before)]
    stamps.append(_write_ids(target / _BASE_IDS_NAME, ids, folder))
    info = VectorsInfo(
        plan.info.kind, plan.info.dimension, len(ids), 0, 0, plan.info.lists, plan.info.probes, plan.info.recall
    )
    return stamps + _write_rest(target, info, _no_block(plan.info.dimension), _no_ids(), folder)


def _write_rest(
    target: Path, info: VectorsInfo, delta: tuple[Ids, Vectors], dead: Ids, folder: Path
) -> list[FileStamp]:
    delta_ids, vectors = delta
    flat = _new_flat(info.dimension)
    flat.add(vectors)
    complete = VectorsInfo(**{**asdict(info), "delta": len(delta_ids), "dead": len(dead)})
    text = json.dumps(asdict(complete)).encode()
    return [
        _write_faiss(target / _DELTA_NAME, flat, folder),
        _write_ids(target / _DELTA_IDS_NAME, delta_ids, folder),
        _write_ids(target / _DEAD_NAME, dead, folder),
        write_file(target / _INFO_NAME, lambda write: write(text), folder),
    ]


class _ExactSearch:
    """The nearest of each query, kept while the vectors stream by: what recall is measured against."""

    def __init__(self, queries: Vectors) -> None:
        import numpy as np

        self._queries = queries
        self._scores = np.full((len(queries), _RECALL_DEPTH), -np.inf, dtype=np.float32)
        self.positions = np.full((len(queries), _RECALL_DEPTH), -1, dtype=np.int64)

    def add(self, vectors: Vectors, first: int) -> None:
        """`first` is the position of the block's first vector."""
        import numpy as np

        scores = np.concatenate([self._scores, self._queries @ vectors.T], axis=1)
        numbers = np.broadcast_to(np.arange(first, first + len(vectors)), (len(self._queries), len(vectors)))
        positions = np.concatenate([self.positions, numbers], axis=1)
        best = np.argpartition(-scores, _RECALL_DEPTH - 1, axis=1)[:, :_RECALL_DEPTH]
        self._scores = np.take_along_axis(scores, best, axis=1)
        self.positions = np.take_along_axis(positions, best, axis=1)


def _choose_probes(path: Path, queries: Vectors, truth: Ids, room_bytes: int) -> tuple[int, float]:
    """The fewest lists that reach the wanted recall, and the recall they reach."""
    base = _open_lists(path)
    lists, list_bytes = base.nlist, path.stat().st_size // base.nlist + 1
    recall = 0.0
    probes = 1
    for probes in [*(p for p in _PROBES if p < lists), lists]:
        together = max(1, room_bytes // (probes * list_bytes))
        hits = sum(
            _count_hits(path, probes, queries[first : first + together], truth[first : first + together])
            for first in range(0, len(queries), together)
        )
        recall = hits / truth.size
        if recall >= _RECALL_WANTED:
            break
    return probes, recall


def _count_hits(path: Path, probes: int, queries: Vectors, truth: Ids) -> int:
    """Of the nearest, those that are found. The file is opened for so few queries at a time that what they touch of it
    stays within the memory that a build may use."""
    base = _open_lists(path)
    base.nprobe = probes
    # Candidates are ordered again by the exact vectors, so only their being found counts.
    _, found = base.search(queries, 4 * _RECALL_DEPTH)
    return sum(len(set(row) & set(wanted)) for row, wanted in zip(found.tolist(), truth.tolist(), strict=True))


def _open_lists(path: Path) -> Any:
    faiss = _load_faiss()

    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP)


def _sample(source: VectorSource, size: int) -> tuple[Vectors, Vectors]:
    """A sample to train on (n, d), and queries (m, d). The same vectors give the same sample.

    A question lies farther from its paragraph than paragraphs of one subject do from each other (a cosine of about
    .75), and often between two subjects; the queries are made so, or the recall would be measured on easier ones.
    """
    import numpy as np

    random = np.random.default_rng(1)
    share = min(1.0, size / source.count)
    sample = np.concatenate([vectors[random.random(len(vectors)) < share] for _, vectors in source.load_all()])
    count = min(_RECALL_QUERIES, len(sample) // 2)
    chosen = sample[random.choice(len(sample), 2 * count, replace=False)]
    noise = random.standard_normal((count, source.dimension)).astype(np.float32) * (0.7 / source.dimension**0.5)
    queries = chosen[:count] + 0.5 * chosen[count:] + noise
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return sample, queries


def _lists_for(count: int) -> int:
    """A power of two near twice the square root of the count."""
    return 1 << max(6, round(math.log2(2 * math.sqrt(count))))


def _search_flat(
    faiss: Any, base: Any, base_ids: Ids, query: Vectors, k: int, mask: NDArray[np.bool_] | None, parameters: Any = None
) -> tuple[Ids, Scores]:
    import numpy as np

    k = min(k, base.ntotal if mask is None else int(mask.sum()))
    if k == 0:
        return _no_ids(), np.empty(0, dtype=np.float32)
    if mask is not None:
        bitmap = _pack(mask)
        selector = faiss.IDSelectorBitmap(bitmap)
        if parameters is None:
            parameters = faiss.SearchParameters(sel=selector)
        else:
            parameters.sel = selector
    scores, positions = base.search(query, k, params=parameters)
    found = positions[0] >= 0
    return np.asarray(base_ids[positions[0][found]]), scores[0][found]


def _mask(ids: Ids, allowed: Ids | None, dead: Ids | None) -> NDArray[np.bool_] | None:
    """True where the id at that position may be found; None where all may."""
    import numpy as np

    if allowed is None and (dead is None or not len(dead)):
        return None
    mask = np.full(len(ids), allowed is None)
    if allowed is not None and len(ids):
        places = np.minimum(np.searchsorted(ids, allowed), len(ids) - 1)
        mask[places[ids[places] == allowed]] = True
    if dead is not None and len(dead):
        mask[np.searchsorted(ids, dead)] = False
    return mask


def _pack(mask: NDArray[np.bool_]) -> Bitmap:
    import numpy as np

    return np.packbits(mask, bitorder="little")


def _load_faiss() -> Any:
    import faiss  # 0.12 s, and numpy before it

    return faiss


def _new_flat(dimension: int) -> Any:
    faiss = _load_faiss()

    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


def _no_ids() -> Ids:
    import numpy as np

    return np.empty(0, dtype=np.int64)


def _no_block(dimension: int) -> tuple[Ids, Vectors]:
    import numpy as np

    return _no_ids(), np.empty((0, dimension), dtype=np.float32)


def _load_ids(path: Path) -> Ids:
    """Mapped, not read. Raises ValueError where the file is no whole number of ids."""
    import numpy as np

    if path.stat().st_size == 0:
        return _no_ids()
    return np.memmap(path, dtype="<i8", mode="r")


def _serialize(base: Any) -> bytes:
    """The bytes of the file that FAISS would write."""
    data: bytes = _load_faiss().serialize_index(base).tobytes()
    return data


def _write_ids(path: Path, ids: Ids, folder: Path) -> FileStamp:
    data = ids.astype("<i8").tobytes()
    return write_file(path, lambda write: write(data), folder)


def _write_faiss(path: Path, base: Any, folder: Path) -> FileStamp:
    faiss = _load_faiss()

    # Through a writer of ours: faiss's own does not look at whether the last bytes reached the disk.
    return write_file(path, lambda write: faiss.write_index(base, faiss.PyCallbackIOWriter(write, 1 << 24)), folder)
