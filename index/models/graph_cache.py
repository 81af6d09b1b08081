"""Keeps optimised copies of model graphs in the cache folder, and vouches for them: makes, checks, drops a copy.

onnxruntime optimises a graph at every load and copies its weights: 100-130 ms for 34 MB. A copy that is optimised
already and keeps its weights in a file of their own, which is mapped rather than read, loads in 30 ms and computes the
very same bits. It is used only while its files have the sums they had when it was made, and dropped otherwise.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from index.cache_folder import find_cache_folder
from index.durable import sync
from index.models.model_files import ModelFile, compute_sha256, verify

GRAPH_NAME = "model.onnx"
WEIGHTS_NAME = "weights.bin"

_SUMS_NAME = "sums.json"
_UNFINISHED = "unfinished-"
_ABANDONED_SECONDS = 3600


class GraphCopy:
    """The optimised copy of one model for one version of the runtime; it may or may not exist."""

    def __init__(self, source_sha256: str, version: str) -> None:
        """`version` names whatever decides how a graph is optimised: another one is another copy."""
        self._shelf = find_cache_folder() / "graphs"
        self._folder = self._shelf / f"{source_sha256[:16]}-{version}"

    def find(self) -> Path | None:
        """The copy's graph, with its weights beside it; None where there is no copy whose sums hold."""
        if not self._folder.exists():
            return None
        if self._is_whole():
            return self._folder / GRAPH_NAME
        self.drop()
        return None

    def make(self, write: Callable[[Path], bool]) -> bool:
        """Publishes what `write` puts into an empty folder, whole or not at all; False where that failed.

        `write` gets the path of the graph to write and says whether what it wrote is good. A cache that cannot be
        written costs time at each start and nothing else, so no error leaves this method.
        """
        try:
            self._shelf.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(self._shelf)
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._shelf))
        except OSError:
            return False
        try:
            return write(unfinished / GRAPH_NAME) and self._publish(unfinished)
        except OSError:
            return False
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def drop(self) -> None:
        """Removes the copy; the next load makes another."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _is_whole(self) -> bool:
        try:
            sums = json.loads((self._folder / _SUMS_NAME).read_text("utf-8"))
            return all(verify(ModelFile(self._folder / name, sums[name])) for name in (GRAPH_NAME, WEIGHTS_NAME))
        except (OSError, ValueError, KeyError, TypeError):  # a damaged list of sums is a damaged copy
            return False

    def _publish(self, unfinished: Path) -> bool:
        sums = {name: compute_sha256(unfinished / name) for name in (GRAPH_NAME, WEIGHTS_NAME)}
        (unfinished / _SUMS_NAME).write_text(json.dumps(sums), "utf-8")
        for name in (GRAPH_NAME, WEIGHTS_NAME, _SUMS_NAME):
            sync(unfinished / name)
        sync(unfinished)
        # Fails where another process was quicker: its copy is as good.
        unfinished.rename(self._folder)
        sync(self._shelf)
        return self._is_whole()  # leaves the stamps, so that the next start has nothing to read


def _remove_abandoned(shelf: Path) -> None:
    """Removes what a process that was killed while writing has left."""
    for folder in shelf.glob(f"{_UNFINISHED}*"):
        if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
