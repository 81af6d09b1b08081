"""The only importer of faiss: searches vectors in files that never change once they are written.

A generation consists of a few large *parts*, which it shares with the generations around it, a small *delta* of what
was added since (written at every refresh), and the ids that are *dead*: still in a part, but never found. Up to
EXACT_LIMIT vectors a search compares all of them, in float16, which holds the stored vectors exactly. Above, each part
is an inverted file (IVF) with 8-bit codes; how many lists a search probes is set by the recall measured when the parts
are made. A part is as large as fits into the memory that a build may use. The numbers behind the constants are in
tests/benchmarks/DECISIONS.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.durable import FileStamp, write_file
from index.engines.protocols import EngineInfo, Place, VectorSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.engines.protocols import Scores
    from index.types import Ids, Vectors

    Mask = NDArray[np.bool_]

EXACT_LIMIT = 200_000
"""Vectors up to which every one is compared: 16-26 ms at the limit on one core."""
_DELTA_LIMIT = 20_000
"""Vectors of the delta (15 MB written at every refresh, 2 ms of a search) before it becomes a part."""
_DEAD_SHARE = 0.2
_TRAIN_VECTORS_PER_LIST = 64
_RECALL_WANTED = 0.985
"""Recall at 10 that the probes are chosen for; .95 is promised. At 1,000,000 paragraphs this means 128 of 2,048 lists
and 11 ms."""
_RECALL_QUERIES = 400
_RECALL_DEPTH = 10
_RECALL_CANDIDATES = 40
"""Candidates are ordered again by the exact vectors, so it only counts that the nearest are among them."""
_PROBES = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_LAYOUT_NAME = "vectors.json"
_DELTA_NAME = "delta.faiss"
_DEAD_NAME = "dead.ids"
_ID_BYTES = 8
_BLOCK = 4096
"""Vectors loaded together: 6 MB."""
_MOST_BYTES = 256 << 20
"""Memory that a part takes while it is gathered, however much a build may use: 1,000,000 vectors are three parts, and a
search takes 2.7 instead of 2.1 ms."""
_EXACT, _IVF = "exact", "IVF"


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the files of a generation hold."""

    kind: str
    dimension: int
    parts: dict[str, int]
    """Vectors in each part, dead ones included, by the name of its file."""
    delta: int = 0
    dead: int = 0
    largest: int = -1
    """The largest id in any part."""
    lists: int = 0
    """Of the IVF; 0 if the kind is exact."""
    probes: int = 0
    """Lists that a search looks into."""
    recall: float = 1.0
    """Share of the ten nearest that a search finds, measured on a sample when the lists were trained."""

    @property
    def base(self) -> int:
        """Vectors in all parts, dead ones included."""
        return sum(self.parts.values())

    @property
    def alive(self) -> int:
        """Vectors that a search can find."""
        return self.base + self.delta - self.dead

    def render(self) -> str:
        """One line for a person."""
        parts = [f"{self.alive:,} of {self.dimension} dimensions, {self.kind}"]
        if self.lists:
            parts.append(f"{self.probes:,} of {self.lists:,} lists searched find {self.recall:.1%} of the ten nearest")
        if self.delta or self.dead:
            parts.append(f"{self.delta:,} added and {self.dead:,} deleted since the last rebuild")
        return "; ".join(parts)


class FaissEngine:
    """Writes and opens vectors; see `protocols.Engine`."""

    form = "faiss 2"

    def write(
        self, target: Place, previous: Place | None, source: VectorSource, added: Ids, removed: Ids
    ) -> list[FileStamp]:
        """See `protocols.Engine.write`."""
        plan = None if previous is None else _plan_after(previous, added, removed)
        if plan is None or plan.layout.alive != source.count or _has_outgrown(plan.layout):
            return _write_anew(target, source)
        if plan.layout.delta <= _DELTA_LIMIT and plan.layout.dead <= max(1000, _DEAD_SHARE * plan.layout.base):
            stamps = [plan.previous.share(name, target) for name in plan.layout.parts]
            return stamps + _write_rest(target, plan.layout, source.load_some(plan.delta), plan.dead)
        return _extend(target, plan, source)

    def open(self, place: Place) -> FaissSearcher:
        """See `protocols.Engine.open`."""
        return FaissSearcher(place.folder)

    def discard(self, place: Place) -> None:
        """Everything is in the place's folder."""


class FaissSearcher:
    """The vectors of one generation, opened without reading them: pages come in as they are touched."""

    def __init__(self, folder: Path) -> None:
        """
        :raises OSError: if a file is missing.
        :raises ValueError: if one is damaged.
        :raises RuntimeError: if one is damaged.
        """
        import numpy as np

        self._faiss = _load_faiss()
        self._layout = _load_layout(folder)
        self._parts = [_open_part(folder / name, self._layout.kind) for name in self._layout.parts]
        self._delta = _open_part(folder / _DELTA_NAME, _EXACT)
        self._dead = _load_ids(folder / _DEAD_NAME)
        found = [part.ntotal for part in self._parts], self._delta.ntotal, len(self._dead)
        if found != (list(self._layout.parts.values()), self._layout.delta, self._layout.dead):
            raise ValueError(f"{folder}: the files do not belong together")
        self._alive = None
        """Passes what is not dead; None if nothing is."""
        if len(self._dead):
            self._alive = self._select_alive(np.ones(self._layout.largest + 1, dtype=bool))

    @property
    def info(self) -> EngineInfo:
        """How the vectors are searched, with the recall that was measured."""
        layout = self._layout
        figures = asdict(layout) | {"parts": len(layout.parts), "base": layout.base}
        del figures["largest"]
        return EngineInfo("faiss", layout.kind == _EXACT, layout.render(), figures)

    def count(self) -> int:
        """Vectors that a search can find."""
        return self._layout.alive

    def close(self) -> None:
        """Releases the files."""
        self._parts, self._delta = [], None

    def search(self, vector: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """See `protocols.VectorSearcher.search`."""
        import numpy as np

        # One vector is searched on one core; FAISS's threads would only wait for each other (12 ms). The setting is the
        # calling thread's own.
        self._faiss.omp_set_num_threads(1)
        query = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        in_delta, in_parts, probes = None, self._alive, self._layout.probes
        if allowed is not None:
            mask = self._mask_of(allowed)
            in_delta, in_parts = self._select(mask), self._select_alive(mask)
            # Few allowed among many: the nearest lists may hold none of them, so more lists are probed.
            probes = min(self._layout.lists, max(probes, probes * self._layout.base // max(len(allowed), 1)))
        found = [self._search_one(self._delta, query, k, in_delta)]
        found += [self._search_one(part, query, k, in_parts, probes) for part in self._parts]
        ids = np.concatenate([ids for ids, _ in found])
        scores = np.concatenate([scores for _, scores in found])
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order]

    def _mask_of(self, allowed: Ids) -> Mask:
        """True at each allowed id."""
        import numpy as np

        mask = np.zeros(max(self._layout.largest, int(allowed[-1]) if len(allowed) else -1) + 1, dtype=bool)
        mask[allowed] = True
        return mask

    def _select(self, mask: Mask) -> Any:
        """Passes the ids that are true in the mask."""
        import numpy as np

        return self._faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))

    def _select_alive(self, mask: Mask) -> Any:
        """The same without the dead."""
        mask[self._dead] = False
        return self._select(mask)

    def _search_one(self, part: Any, query: Vectors, k: int, selector: Any, probes: int = 0) -> tuple[Ids, Scores]:
        import numpy as np

        k = min(k, part.ntotal)
        if k <= 0:
            return _no_ids(), np.empty(0, dtype=np.float32)
        parameters = self._faiss.SearchParametersIVF(nprobe=probes) if probes else self._faiss.SearchParameters()
        if selector is not None:
            parameters.sel = selector
        scores, ids = part.search(query, k, params=parameters)
        found = ids[0] >= 0
        return ids[0][found], scores[0][found]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a generation follows the one before, with as little written as possible."""

    previous: Place
    layout: _Layout
    """Of the new generation, if all parts are shared."""
    delta: Ids
    dead: Ids


def _plan_after(previous: Place, added: Ids, removed: Ids) -> _Plan | None:
    """None if the files before cannot be read."""
    import numpy as np

    try:
        layout = _load_layout(previous.folder)
        part = _open_part(previous.folder / _DELTA_NAME, _EXACT)
        dead = _load_ids(previous.folder / _DEAD_NAME)
    except (OSError, ValueError, RuntimeError):
        return None
    before = _load_faiss().vector_to_array(part.id_map)
    dead = np.union1d(dead, np.setdiff1d(removed, before))
    delta = np.union1d(np.setdiff1d(before, removed), added)
    return _Plan(previous, replace(layout, delta=len(delta), dead=len(dead)), delta, dead)


def _has_outgrown(layout: _Layout) -> bool:
    """True if another kind, or more lists, suit the size better."""
    if layout.kind == _EXACT:
        return layout.alive > EXACT_LIMIT
    return layout.alive < EXACT_LIMIT // 2 or _lists_for(layout.alive) > 2 * layout.lists


def _write_anew(target: Place, source: VectorSource) -> list[FileStamp]:
    with _threads(source.threads):
        if source.count <= EXACT_LIMIT:
            return _write_exact(target, source)
        return _write_lists(target, source)


def _write_exact(target: Place, source: VectorSource) -> list[FileStamp]:
    writer = _PartWriter(target, _new_flat(source.dimension), source.room_bytes)
    for ids, vectors in source.load_all():
        writer.add(ids, vectors)
    stamps = writer.close()
    layout = _Layout(_EXACT, source.dimension, writer.sizes, largest=writer.largest)
    return stamps + _write_rest(target, layout, _no_block(source.dimension), _no_ids())


def _write_lists(target: Place, source: VectorSource) -> list[FileStamp]:
    """Parts with lists that are trained on a sample, and their recall measured on vectors that are not in it."""
    trained, queries = _train(source)
    nearest = _NearestSoFar(queries)
    writer = _PartWriter(target, trained, source.room_bytes)
    for ids, vectors in source.load_all():
        writer.add(ids, vectors)
        nearest.add(ids, vectors)
    stamps = writer.close()
    paths = [target.folder / name for name in writer.sizes]
    probes, recall = _choose_probes(paths, queries, nearest.ids, source.room_bytes)
    layout = _Layout(_IVF, source.dimension, writer.sizes, 0, 0, writer.largest, trained.nlist, probes, recall)
    return stamps + _write_rest(target, layout, _no_block(source.dimension), _no_ids())


def _train(source: VectorSource) -> tuple[Any, Vectors]:
    """An IVF without entries, and queries (m, d) to measure it with."""
    faiss = _load_faiss()

    lists = _lists_for(source.count)
    affordable = max(4 * lists, source.room_bytes // (4 * source.dimension))
    sample, queries = _sample(source, min(lists * _TRAIN_VECTORS_PER_LIST, affordable))
    quantizer = faiss.IndexFlatIP(source.dimension)
    trained = faiss.IndexIVFScalarQuantizer(
        quantizer, source.dimension, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    trained.cp.seed = 1
    trained.cp.min_points_per_centroid = 1  # only tests train on fewer, and FAISS's warning would help nobody
    trained.train(sample)
    return trained, queries


class _PartWriter:
    """Gathers vectors in memory and writes a part whenever no more may be held."""

    def __init__(self, target: Place, empty: Any, room_bytes: int, first: int = 0) -> None:
        """
        :param empty: what every part starts as.
        :param first: the number of the first part.
        """
        self._target = target
        self._empty = _load_faiss().serialize_index(empty)
        self._first = first
        self._part = self._new_part()
        self._stamps: list[FileStamp] = []
        self._most = _most_entries(empty, room_bytes)
        self.sizes: dict[str, int] = {}
        """Vectors in each part written, by the name of its file."""
        self.largest = -1
        """The largest id added."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """
        :raises OSError: if the system refuses.
        """
        self.largest = max(self.largest, int(ids.max(initial=-1)))
        while len(ids):
            count = min(len(ids), self._most - self._part.ntotal)
            self._part.add_with_ids(vectors[:count], ids[:count])
            ids, vectors = ids[count:], vectors[count:]
            if self._part.ntotal >= self._most:
                self._write()

    def merge(self, part: Any) -> None:
        """Moves the vectors out of another part, which has to be in memory."""
        if self._part.ntotal + part.ntotal > self._most:
            self._write()
        self._part.merge_from(part, 0)

    def close(self) -> list[FileStamp]:
        """Writes the last part. Returns the stamps of all."""
        if self._part.ntotal:
            self._write()
        return self._stamps

    def _new_part(self) -> Any:
        return _load_faiss().deserialize_index(self._empty)

    def _write(self) -> None:
        name = f"part{self._first + len(self.sizes)}.faiss"
        self._stamps.append(_write_index(self._target, name, self._part))
        self.sizes[name] = self._part.ntotal
        self._part = self._new_part()


def _most_entries(empty: Any, room_bytes: int) -> int:
    """Vectors of a part: FAISS needs twice their size while a list grows."""
    code_size: int = empty.index.sa_code_size() if hasattr(empty, "id_map") else empty.code_size
    return max(1024, min(room_bytes, _MOST_BYTES) // (2 * (code_size + _ID_BYTES)))


def _extend(target: Place, plan: _Plan, source: VectorSource) -> list[FileStamp]:
    """Turns the delta into a part, merged with parts that are not much larger; with many dead vectors, writes all parts
    again without them. Lists stay as they were trained."""
    import numpy as np

    layout, folder = plan.layout, plan.previous.folder
    empty = _open_empty(folder, layout)
    most = _most_entries(empty, source.room_bytes)
    # An id that is dead in a part and comes back in the delta must not be hidden by its former self.
    purge = layout.dead > _DEAD_SHARE * layout.base or bool(np.isin(plan.delta, plan.dead).any())
    again = list(layout.parts) if purge else _small_parts(layout, most)
    if any(layout.parts[name] > most for name in again):
        return _write_anew(target, source)
    kept = {name: size for name, size in layout.parts.items() if name not in again}
    writer = _PartWriter(target, empty, source.room_bytes, _next_number(layout))
    for name in again:
        part = _load_faiss().read_index(str(folder / name))
        if purge:
            part.remove_ids(np.array(plan.dead))
        writer.merge(part)
    with _threads(source.threads):
        for first in range(0, len(plan.delta), _BLOCK):
            writer.add(*source.load_some(plan.delta[first : first + _BLOCK]))
    stamps = [*(plan.previous.share(name, target) for name in kept), *writer.close()]
    dead = _no_ids() if purge else plan.dead
    largest = max(layout.largest, writer.largest)
    layout = replace(layout, parts=kept | writer.sizes, largest=largest)
    return stamps + _write_rest(target, layout, _no_block(layout.dimension), dead)


def _small_parts(layout: _Layout, most: int) -> list[str]:
    """The last parts that are so small that the delta is merged with them: at most twice as large as what is merged
    already, so that there are never many parts and a vector is seldom written again."""
    merged, small = layout.delta, []
    for name, size in reversed(layout.parts.items()):
        if size > 2 * merged or size + merged > most:
            break
        merged += size
        small.append(name)
    return small[::-1]


def _next_number(layout: _Layout) -> int:
    return 1 + max((int(name.removeprefix("part").partition(".")[0]) for name in layout.parts), default=-1)


def _open_empty(folder: Path, layout: _Layout) -> Any:
    """A part like those of the generation, trained as they are, without entries."""
    if layout.kind == _EXACT:
        return _new_flat(layout.dimension)
    faiss = _load_faiss()
    part = _open_part(folder / next(iter(layout.parts)), _IVF)
    lists = faiss.ArrayInvertedLists(part.nlist, part.code_size)
    part.replace_invlists(lists, True)
    lists.this.disown()
    part.ntotal = 0
    return part


def _write_rest(target: Place, layout: _Layout, delta: tuple[Ids, Vectors], dead: Ids) -> list[FileStamp]:
    """The files that are written for every generation."""
    ids, vectors = delta
    flat = _new_flat(layout.dimension)
    flat.add_with_ids(vectors, ids)
    text = json.dumps(asdict(replace(layout, delta=len(ids), dead=len(dead)))).encode()
    data = dead.astype("<i8").tobytes()
    return [
        _write_index(target, _DELTA_NAME, flat),
        write_file(target.folder / _DEAD_NAME, lambda write: write(data), target.index),
        write_file(target.folder / _LAYOUT_NAME, lambda write: write(text), target.index),
    ]


class _NearestSoFar:
    """The vectors nearest to each query among those that have streamed by: what recall is measured against."""

    def __init__(self, queries: Vectors) -> None:
        import numpy as np

        self._queries = queries
        self._scores = np.full((len(queries), _RECALL_DEPTH), -np.inf, dtype=np.float32)
        self.ids = np.full((len(queries), _RECALL_DEPTH), -1, dtype=np.int64)
        """(m, 10), in no order."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Compares a block of vectors with every query."""
        import numpy as np

        scores = np.concatenate([self._scores, self._queries @ vectors.T], axis=1)
        numbers = np.concatenate([self.ids, np.broadcast_to(ids, (len(self._queries), len(ids)))], axis=1)
        best = np.argpartition(-scores, _RECALL_DEPTH - 1, axis=1)[:, :_RECALL_DEPTH]
        self._scores = np.take_along_axis(scores, best, axis=1)
        self.ids = np.take_along_axis(numbers, best, axis=1)


def _choose_probes(paths: Sequence[Path], queries: Vectors, nearest: Ids, room_bytes: int) -> tuple[int, float]:
    """The fewest lists that reach the recall wanted, and the recall they reach."""
    lists = _open_part(paths[0], _IVF).nlist
    recall, probes = 0.0, 1
    for probes in [*(p for p in _PROBES if p < lists), lists]:
        recall = _measure_recall([_search_many(path, probes, queries, room_bytes) for path in paths], nearest)
        if recall >= _RECALL_WANTED:
            break
    return probes, recall


def _search_many(path: Path, probes: int, queries: Vectors, room_bytes: int) -> tuple[Ids, Scores]:
    """Ids and scores (m, 40) that a part gives. It is opened for a few queries at a time, so that the memory they touch
    stays within what a build may use."""
    import numpy as np

    part = _open_part(path, _IVF)
    together = max(1, room_bytes // (probes * (path.stat().st_size // part.nlist + 1)))
    found = []
    for first in range(0, len(queries), together):
        part = _open_part(path, _IVF)
        part.nprobe = probes
        found.append(part.search(queries[first : first + together], _RECALL_CANDIDATES))
    return np.concatenate([ids for _, ids in found]), np.concatenate([scores for scores, _ in found])


def _measure_recall(found: Sequence[tuple[Ids, Scores]], nearest: Ids) -> float:
    """Share of the nearest (m, 10) that are among the best of what all parts give."""
    import numpy as np

    ids = np.concatenate([ids for ids, _ in found], axis=1)
    scores = np.concatenate([scores for _, scores in found], axis=1)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :_RECALL_CANDIDATES]
    ids = np.take_along_axis(ids, best, axis=1)
    hits = sum(len(set(row) & set(wanted)) for row, wanted in zip(ids.tolist(), nearest.tolist(), strict=True))
    return hits / nearest.size


def _sample(source: VectorSource, size: int) -> tuple[Vectors, Vectors]:
    """A sample to train on (n, d), and queries (m, d). The same vectors give the same sample.

    A question lies farther from its paragraph than paragraphs of one subject do from each other (a cosine of about
    .75), and often between two subjects. The queries are made like that; with easier ones the recall would be too high.
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


def _load_faiss() -> Any:
    import faiss  # 0.12 s, and numpy before it

    return faiss


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Lets FAISS use this many threads when it is called from this one."""
    faiss = _load_faiss()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(1)


def _new_flat(dimension: int) -> Any:
    """Holds vectors in float16 with their ids."""
    faiss = _load_faiss()
    return faiss.IndexIDMap(
        faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    )


def _no_ids() -> Ids:
    import numpy as np

    return np.empty(0, dtype=np.int64)


def _no_block(dimension: int) -> tuple[Ids, Vectors]:
    import numpy as np

    return _no_ids(), np.empty((0, dimension), dtype=np.float32)


def _load_layout(folder: Path) -> _Layout:
    """
    :raises ValueError: if it is damaged, or not of this form.
    """
    try:
        return _Layout(**json.loads((folder / _LAYOUT_NAME).read_text("utf-8")))
    except TypeError as error:
        raise ValueError(f"{folder}: {error}") from None


def _load_ids(path: Path) -> Ids:
    """
    :raises ValueError: if the file is not a whole number of ids.
    """
    import numpy as np

    return np.frombuffer(path.read_bytes(), dtype="<i8")


def _open_part(path: Path, kind: str) -> Any:
    """Mapped, not read. Flat codes and inverted lists need different flags, and each refuses the other's file."""
    faiss = _load_faiss()
    if kind == _EXACT:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    part = faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
    # FAISS would start 32 threads to touch the lists of each search: 2.5 ms, and no gain when they are not in memory.
    faiss.downcast_InvertedLists(part.invlists).prefetch_nthread = 0
    return part


def _write_index(target: Place, name: str, part: Any) -> FileStamp:
    """Through a writer of ours: FAISS's own does not check that the last bytes reached the disk."""
    faiss = _load_faiss()
    return write_file(
        target.folder / name,
        lambda write: faiss.write_index(part, faiss.PyCallbackIOWriter(write, 1 << 24)),
        target.index,
    )
