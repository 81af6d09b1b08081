"""`qa sessions` and `qa export`: saved conversations without the app."""

import json
from pathlib import Path

import pytest

from index.errors import UsageError
from qa.engine import Engine
from qa.session_commands import change_session, export_session, render_sessions
from qa.sessions import open_sessions


@pytest.fixture
def session(engine: Engine) -> int:
    """A saved conversation of one answered question."""
    store = open_sessions()
    number = store.create_session("Lighthouses", "/folder")
    turn = store.add_question(number, "How high is the lighthouse?")
    store.save_answer(turn, engine.ask("How high is the lighthouse?"))
    store.close()
    return number


def test_sessions_are_listed_and_found_by_what_they_hold(session: int) -> None:
    """A word of a quote finds the conversation; one that stands nowhere does not."""
    assert "Lighthouses" in render_sessions("33 metres", as_json=False)
    assert json.loads(render_sessions("", as_json=True))[0]["session"] == session
    assert render_sessions("zebra", as_json=False) == ""


def test_a_session_is_renamed_deleted_and_taken_back(session: int) -> None:
    """Nothing is lost by a slip."""
    assert "Towers" in change_session(session, title="Towers")
    change_session(session, delete=True)
    assert render_sessions("", as_json=False) == ""
    with pytest.raises(UsageError, match="no session"):
        export_session(session, None, None)
    change_session(session, restore=True)
    assert "Towers" in render_sessions("", as_json=False)


@pytest.mark.parametrize(("name", "holds"), [("a.md", "> "), ("a.json", '"citations"'), ("a.html", "<blockquote")])
def test_an_export_has_the_quote_and_its_place(session: int, tmp_path: Path, name: str, holds: str) -> None:
    """Markdown, JSON and HTML, by the ending of the file; an existing file is never overwritten."""
    assert export_session(session, None, str(tmp_path / name)) == ""
    text = (tmp_path / name).read_text("utf-8")
    assert holds in text
    assert "33 metres" in text
    assert "harbour.md" in text
    with pytest.raises(UsageError, match="exists"):
        export_session(session, None, str(tmp_path / name))


def test_without_a_file_the_export_is_what_is_printed(session: int) -> None:
    """For pipes."""
    assert "33 metres" in export_session(session, "markdown", None)
