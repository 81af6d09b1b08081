"""What commands print for programs matches the schemas that ship with the package."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from qa.diagnostics import ProgressJson
from qa.sessions.store import open_sessions
from tests.helpers.commands import run_qa
from tests.helpers.places import ROOT


def load_validator(name: str) -> Draft202012Validator:
    """A validator for the shipped schema `name`, which is checked too."""
    schema = json.loads((files("qa") / "schema" / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def read_lines(text: str) -> list[dict[str, Any]]:
    """The JSON objects among the lines. The sentence of an error is plain text."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_the_progress_of_a_build(docs: Path) -> None:
    """Every line is an object of the schema, and the last one says what was done."""
    (docs / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    result = run_qa("--docs", str(docs), "index", "--progress-json")
    records = read_lines(result.stderr)
    assert len(records) == len(result.stderr.splitlines())
    assert {"stage", "done"} <= {name for record in records for name in record}
    assert records[-1]["done"] is True
    assert [item["path"] for item in records[-1]["skipped"]] == ["picture.txt"]
    for record in records:
        load_validator("index-progress-1").validate(record)


def test_a_build_that_fails_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last line has the error. A notice is a line of its own."""
    (tmp_path / "docs").mkdir()
    result = run_qa("--docs", str(tmp_path / "docs"), "index", "--progress-json")
    assert result.returncode == 3
    ProgressJson().notice("Another process is indexing; waiting for it.")
    records = read_lines(result.stderr + capsys.readouterr().err)
    assert [name for record in records for name in record if name != "schema"] == ["error", "notice"]
    for record in records:
        load_validator("index-progress-1").validate(record)


def test_the_status_of_an_index(docs: Path) -> None:
    """The status matches the schema if the index is fresh, and after every kind of change."""
    validator = load_validator("index-status-1")
    run_qa("--docs", str(docs), "index")
    fresh = json.loads(run_qa("--docs", str(docs), "index", "--status", "--json").stdout)
    assert not any(fresh["changes"].values())
    first, second = sorted(path for path in docs.iterdir() if path.is_file())[:2]
    first.rename(docs / "renamed.md")
    second.write_text("Changed, and the text is another one now.", encoding="utf-8")
    (docs / "new.txt").write_text("A new article about the harbour.", encoding="utf-8")
    stale = json.loads(run_qa("--docs", str(docs), "index", "--status", "--json").stdout)
    assert stale["changes"]["added"] or stale["changes"]["renamed"]
    for record in (fresh, stale):
        validator.validate(record)
        assert not validator.is_valid({name: value for name, value in record.items() if name != "schema"})


def test_saved_sessions() -> None:
    """Each object of the list names its schema."""
    validator = load_validator("sessions-1")
    store = open_sessions()
    store.add_question(store.create_session("Tides \ud800", "/articles"), "Why?")
    store.create_session("Mills", "/articles")
    store.close()
    records = json.loads(run_qa("sessions", "--json").stdout)
    assert [record["schema"] for record in records] == [1, 1]
    validator.validate(records)


def test_every_schema_is_named_in_the_readme() -> None:
    """The README names a schema beside the command that prints it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in (files("qa") / "schema").iterdir() if path.name.endswith(".json")}
    assert [name for name in sorted(names) if name not in readme] == []
