"""`qa sessions` and `qa export`: saved conversations without the app."""

import json
from pathlib import Path

import pytest

from index.errors import UsageError
from qa.answerer import Answerer
from qa.cli import cli
from qa.commands.sessions import change_session, export_session, render_sessions
from qa.sessions.export import EXTENSIONS
from qa.sessions.store import open_sessions
from tests.helpers.commands import run_qa


@pytest.fixture
def session(answerer: Answerer) -> int:
    """A saved conversation with one answered question."""
    store = open_sessions()
    number = store.create_session("Lighthouses", "/folder")
    turn = store.add_question(number, "How high is the lighthouse?")
    store.save_answer(turn, answerer.ask("How high is the lighthouse?"))
    store.close()
    return number


def test_sessions_are_listed_and_found_by_what_they_hold(session: int) -> None:
    """A word of a quote finds the conversation. A word that is not in it does not."""
    assert "Lighthouses" in render_sessions("33 metres", as_json=False)
    assert json.loads(render_sessions("", as_json=True))[0]["session"] == session
    assert render_sessions("zebra", as_json=False) == ""


def test_a_session_is_renamed_deleted_and_taken_back(session: int) -> None:
    """A session that was deleted by mistake can be restored."""
    assert "Towers" in change_session(session, title="Towers")
    change_session(session, delete=True)
    assert render_sessions("", as_json=False) == ""
    with pytest.raises(UsageError, match="no session"):
        export_session(session, None, None)
    change_session(session, restore=True)
    assert "Towers" in render_sessions("", as_json=False)


@pytest.mark.parametrize(("name", "holds"), [("a.md", "> "), ("a.json", '"citations"'), ("a.html", "<blockquote")])
def test_an_export_has_the_quote_and_its_place(session: int, tmp_path: Path, name: str, holds: str) -> None:
    """The ending of the file decides between Markdown, JSON and HTML. An existing file is never overwritten."""
    assert export_session(session, None, str(tmp_path / name)) == ""
    text = (tmp_path / name).read_text("utf-8")
    assert holds in text
    assert "33 metres" in text
    assert "harbour.md" in text
    with pytest.raises(UsageError, match="exists"):
        export_session(session, None, str(tmp_path / name))


@pytest.mark.parametrize("name", ["x.pdf", "x.txt", "x.docx"])
def test_an_ending_that_is_not_a_format_is_refused(session: int, tmp_path: Path, name: str) -> None:
    """The error lists the formats. --format decides for any ending."""
    with pytest.raises(UsageError, match=r"\.md, \.json or \.html"):
        export_session(session, None, str(tmp_path / name))
    assert not (tmp_path / name).exists()
    assert export_session(session, "markdown", str(tmp_path / name)) == ""
    assert export_session(session, None, str(tmp_path / "notes")) == ""


def test_the_command_offers_the_formats_there_are() -> None:
    """The choices of `--format`, which are listed in the command line to keep exports from being imported, are the
    formats of exports."""
    [choice] = [one.type for one in cli.commands["export"].params if one.name == "form"]
    assert list(choice.choices) == list(EXTENSIONS)


def test_without_a_file_the_export_is_what_is_printed(session: int) -> None:
    """Without --output, the export goes to stdout."""
    assert "33 metres" in export_session(session, "markdown", None)


def test_a_conversation_is_continued_from_the_command_line(docs: Path, tmp_path: Path) -> None:
    """--continue takes the latest conversation about the folder. --session takes one by its number and uses its
    folder."""
    plain = ("--docs", str(docs), "--plain")
    result = run_qa(*plain, "--continue", stdin="x")
    assert result.returncode == 2
    assert "there is no conversation to continue" in result.stderr
    store = open_sessions()
    mine, _ = store.create_session("Mine", docs), store.create_session("Of another folder", tmp_path)
    store.add_question(mine, "How high is the lighthouse?")
    store.close()
    result = run_qa(*plain, "--continue", stdin="When was the lighthouse finished?\n")
    assert result.stdout.startswith("Continuing after 1 question."), result.stderr
    assert "Quote 1: " in result.stdout
    result = run_qa("--session", str(mine), "--plain", stdin="/closest\n", cwd=tmp_path)
    assert "Continuing after 2 questions. The last one was: When was the lighthouse finished?" in result.stdout
    assert "Passage 1" in result.stdout


def test_what_cannot_be_continued_is_refused(docs: Path) -> None:
    """A number that does not exist, both options together, and a command that takes neither are errors."""
    for arguments, said in (
        (("--session", "77"), "there is no session 77"),
        (("--session", "7", "--continue"), "cannot be combined"),
        (("--continue", "ask", "Who?"), "do not go with a command"),
    ):
        result = run_qa("--docs", str(docs), *arguments)
        assert result.returncode == 2
        assert said in result.stderr
