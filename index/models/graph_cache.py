"""Keeps optimised copies of model graphs in the cache folder: makes, checks and drops a copy.

onnxruntime optimises a graph and copies its weights at every load, which takes 100-130 ms for 34 MB. An optimised copy
with its weights in a file of their own, which is mapped and not read, loads in 30 ms and computes the same bits. It is
used only while its files have the checksums they had when it was made, and dropped otherwise.
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
    """The optimised copy of one model for one version of the runtime. It need not exist."""

    def __init__(self, source_sha256: str, version: str) -> None:
        """:param version: names everything that decides how a graph is optimised. Another version is another copy."""
        self._shelf = find_cache_folder() / "graphs"
        self._folder = self._shelf / f"{source_sha256[:16]}-{version}"

    def find(self) -> Path | None:
        """The graph of the copy, with its weights beside it; None if there is no copy with the right checksums."""
        if not self._folder.exists():
            return None
        if self._is_whole():
            return self._folder / GRAPH_NAME
        self.drop()
        return None

    def make(self, write: Callable[[Path], bool]) -> bool:
        """Publishes what `write` puts into an empty folder, as a whole or not at all. A cache that cannot be written
        only takes time at each start, so no error leaves this method.

        :param write: gets the path of the graph to write, and returns True if what it wrote is good.
        :return: False if there is no copy now.
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
        except (OSError, ValueError, KeyError, TypeError):  # a damaged list of checksums is a damaged copy
            return False

    def _publish(self, unfinished: Path) -> bool:
        sums = {name: compute_sha256(unfinished / name) for name in (GRAPH_NAME, WEIGHTS_NAME)}
        (unfinished / _SUMS_NAME).write_text(json.dumps(sums), "utf-8")
        for name in (GRAPH_NAME, WEIGHTS_NAME, _SUMS_NAME):
            sync(unfinished / name)
        sync(unfinished)
        # Fails if another process was faster. Its copy is as good.
        unfinished.rename(self._folder)
        sync(self._shelf)
        return self._is_whole()  # leaves the stamps, so that the next start reads nothing


def _remove_abandoned(shelf: Path) -> None:
    """Removes what a process that was killed while it wrote left behind."""
    for folder in shelf.glob(f"{_UNFINISHED}*"):
        if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
