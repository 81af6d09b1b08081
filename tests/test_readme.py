"""The README is true: its commands exist, its options are all there are, and its session is what happens."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from qa.cli import cli
from qa.settings import Settings
from tests.helpers.commands import run_python, run_qa
from tests.helpers.places import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def read_block(marker: str) -> str:
    """The fenced block after an HTML comment."""
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, marker
    return found[1]


def list_options() -> Iterator[tuple[str, str]]:
    """Every command with each of its long options."""
    for name, command in cli.commands.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield name, max(parameter.opts, key=len)


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_is_in_the_table_and_has_help(name: str) -> None:
    """No command is hidden."""
    assert re.search(rf"^\| `qa {name}\b", README, re.MULTILINE)
    assert cli.commands[name].help


def test_every_option_is_named() -> None:
    """The README names every option of every command."""
    missing = [f"qa {command} {option}" for command, option in list_options() if f"`{option}" not in README]
    missing += [
        option for option in ("--plain", "--theme", "--continue", "--session", "--docs") if f"{option}" not in README
    ]
    assert not missing


def test_every_setting_and_variable_is_named() -> None:
    """The README names everything that `qa.toml` or a variable can set."""
    names = [field.name for field in fields(Settings)]
    variables = {
        name
        for package in ("qa", "index")
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r"\bQA_[A-Z_]+[A-Z]\b", path.read_text("utf-8"))
    }
    assert [name for name in names if f"`{name}" not in README and f"[{name}]" not in README] == []
    assert sorted(name for name in variables if f"`{name}" not in README) == []


def test_the_two_commands_are_there() -> None:
    """One command installs and asks, and the other runs the tests."""
    assert "qa ask" in read_block("install")
    assert "-m pytest" in read_block("tests")


def test_the_session_is_what_happens(tmp_path: Path) -> None:
    """Each command in the session prints the lines below it."""
    shutil.copytree(ROOT / "docs_src", tmp_path / "docs_src")
    parts = re.split(r"^\$ (.*)\n", read_block("session"), flags=re.MULTILINE)[1:]
    assert len(parts) >= 4
    for command, expected in zip(parts[::2], parts[1::2], strict=True):
        words = shlex.split(command)
        assert words[0] == "qa"
        result = run_qa(*words[1:], cwd=tmp_path)
        assert result.stdout.rstrip() == expected.rstrip(), result.stderr


def test_the_python_is_what_happens(tmp_path: Path) -> None:
    """The code runs as it is, and prints what the comment below it says."""
    shutil.copytree(ROOT / "docs_src", tmp_path / "docs_src")
    code, _, said = read_block("python").partition("\n\n# ")
    assert "import qa" in code
    assert run_python(code, tmp_path).splitlines() == said.rstrip().split("\n# ")


def test_the_files_it_links_to_are_there() -> None:
    """No link is dead."""
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]
