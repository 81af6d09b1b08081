"""The project's own habits: the layout, the one check script, pinned actions, and what the code may not contain."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from tests.helpers.places import ROOT

PACKAGES = ("qa", "index")
TOP_LEVEL = {"pyproject.toml", "README.md", "LICENSE", "qa", "index", "docs_src", "tests"}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FORBIDDEN_CALLS = {"eval", "exec", "compile"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}


def list_tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a clone: there is no list of files")
    return [name for name in done.stdout.split("\0") if name]


def test_the_top_level_holds_what_the_layout_names() -> None:
    """Apart from dotfiles, the top level has the two packages, the articles, the tests and four files."""
    top = {name.split("/")[0] for name in list_tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL
    assert {".ci", ".github", ".gitignore", ".pre-commit-config.yaml"} <= top


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_what_it_owns_and_does_nothing_unsafe(path: Path) -> None:
    """Each file begins with a docstring. None unpickles, evaluates text, runs a shell or swallows every error."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no docstring"
    for node in ast.walk(tree):
        assert find_unsafe(node) is None, f"line {getattr(node, 'lineno', '?')}: {find_unsafe(node)}"


def find_unsafe(node: ast.AST) -> str | None:
    """What is wrong with one node of the syntax tree; None if nothing is."""
    match node:
        case ast.Import(names=names) if {alias.name.split(".")[0] for alias in names} & FORBIDDEN_MODULES:
            return "unpickles"
        case ast.ImportFrom(module=str(module)) if module.split(".")[0] in FORBIDDEN_MODULES:
            return "unpickles"
        case ast.Call(func=ast.Name(id=name)) if name in FORBIDDEN_CALLS:
            return f"calls {name}"
        case ast.keyword(arg="allow_pickle" | "shell", value=ast.Constant(value=True)):
            return f"{node.arg}=True"
        case ast.ExceptHandler(type=None):
            return "catches everything"
        case ast.ExceptHandler(body=[ast.Pass()]):
            return "swallows an error"
    return None


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from marshal import loads",
        "eval('1')",
        "run('ls', shell=True)",
        "try:\n    f()\nexcept:\n    g()",
        "try:\n    f()\nexcept OSError:\n    pass",
    ],
)
def test_unsafe_code_is_noticed(code: str) -> None:
    """The check above can fail."""
    assert any(find_unsafe(node) for node in ast.walk(ast.parse(code)))


def test_what_is_read_at_run_time_is_in_the_packages() -> None:
    """The schemas and the marks of typed packages are found as resources, so they are in the wheel."""
    names = {"answer-1.json", "index-progress-1.json", "index-status-1.json", "sessions-1.json"}
    assert names <= {path.name for path in (files("qa") / "schema").iterdir()}
    for name in names:
        schema = json.loads((files("qa") / "schema" / name).read_text(encoding="utf-8"))
        assert schema["$schema"].startswith("https://json-schema.org/draft/2020-12/")
    for package in PACKAGES:
        assert (files(package) / "py.typed").is_file()


def test_the_version_stands_in_one_place() -> None:
    """`pyproject.toml` has the version; the changelog has a section about it, and no other file repeats it."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    sections = re.findall(r"^## (.+)$", (ROOT / ".github" / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert version in sections[0]
    pattern = re.compile(rf"(?<![\d.]){re.escape(version)}(?![\d.])")
    texts = [
        path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in {".py", ".md", ".html"}
    ]
    assert not [path for path in (*texts, ROOT / "README.md") if pattern.search(path.read_text(encoding="utf-8"))]


def test_the_licence_is_a_permissive_one() -> None:
    """The metadata names the licence whose text is there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "MIT"
    assert "Permission is hereby granted, free of charge" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_actions_are_pinned_and_run_the_one_script() -> None:
    """The workflow names each action with its version and checks with `.ci/run` alone, on both versions of Python."""
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    actions = re.findall(r"uses: (\S+)", text)
    assert actions
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action) for action in actions)
    assert re.findall(r"run: (.+)", text) == [".ci/run"]
    assert '["3.11", "3.12"]' in text


def test_hooks_before_a_commit_are_local() -> None:
    """The hooks run the tools of the test extra, so nothing is fetched and no other version decides."""
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    assert {"ruff", "ruff-format", "mypy"} == set(re.findall(r"- id: (\S+)", text))
    assert set(re.findall(r"language: (\S+)", text)) == {"system"}


def run_ci(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `.ci/run` of another folder, with a `python` that only pretends to install."""
    return subprocess.run(
        ["bash", str(folder / ".ci" / "run")],
        env=os.environ | environment,
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )


def write_clone(folder: Path, readme: str, **tools: int) -> Path:
    """A folder with the check script, a README and a stand-in for Python. The environment that this makes has tools
    which end with the codes in `tools`."""
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    (folder / "README.md").write_text(readme, encoding="utf-8")
    codes = {"ruff": 0, "mypy": 0, "lint-imports": 0, "pytest": 0} | {k.replace("_", "-"): v for k, v in tools.items()}
    made = "\n".join(
        f'printf \'#!/bin/sh\\necho ran {name} "$@"\\nexit {code}\\n\' > "$3/bin/{name}"; chmod +x "$3/bin/{name}"'
        for name, code in codes.items()
    )
    script = f"""#!/bin/bash
if [[ "$*" == "-m venv "* ]]; then
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    {made}
elif [[ "$*" == "-m pip cache dir" ]]; then
    echo /nowhere
fi
"""
    (folder / "python").write_text(script, encoding="utf-8")
    (folder / "python").chmod(0o755)
    return folder


README = "# x\n\n```sh\nnot this\n```\n\n<!-- tests -->\n```sh\n.venv/bin/pytest --all\n```\n\n```sh\nnor this\n```\n"


def test_ci_runs_every_check_and_then_the_readmes_command(tmp_path: Path) -> None:
    """All four checks run, and then the README's test command, with its own environment in place of `.venv`."""
    clone = write_clone(tmp_path / "clone", README)
    done = run_ci(clone, PYTHON=str(clone / "python"))
    assert done.returncode == 0, done.stderr
    ran = [line.removeprefix("ran ") for line in done.stdout.splitlines() if line.startswith("ran ")]
    assert ran == ["ruff check .", "ruff format --check .", "mypy", "lint-imports --no-cache", "pytest --all"]
    assert done.stdout.splitlines()[-1] == "ran pytest --all"
    assert sorted(path.name for path in clone.iterdir()) == [".ci", "README.md", "python"]


@pytest.mark.parametrize("tool", ["ruff", "mypy", "lint_imports", "pytest"])
def test_ci_fails_if_one_check_fails(tmp_path: Path, tool: str) -> None:
    """If a check fails, the script fails, and the checks after it do not run."""
    clone = write_clone(tmp_path / "clone", README, **{tool: 1})
    done = run_ci(clone, PYTHON=str(clone / "python"))
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1].startswith(f"ran {tool.replace('_', '-')}")


def test_ci_fails_without_a_test_command(tmp_path: Path) -> None:
    """A README without a test command is an error."""
    clone = write_clone(tmp_path / "clone", README.replace("<!-- tests -->", ""))
    done = run_ci(clone, PYTHON=str(clone / "python"))
    assert done.returncode == 2
    assert "README.md has no test command" in done.stderr


def test_the_readme_has_the_command_that_ci_runs() -> None:
    """The README's block after the mark installs the test extra and runs pytest in `.venv`."""
    block = re.search(
        r"^<!-- tests -->\n```sh\n(.+?)\n```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert block
    assert ".venv/bin/pip install" in block[1]
    assert ".venv/bin/python -m pytest" in block[1]
