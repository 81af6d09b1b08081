"""`qa sessions` and `qa export`: saved conversations without the app. Returns the text to print."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from index.errors import UsageError
from qa.output.render import render_record
from qa.output.safe_text import safe_line
from qa.output.words import counted, render_moment
from qa.sessions.export import EXTENSIONS, render_session, write_export
from qa.sessions.store import Session, SessionStore, open_sessions

SCHEMA_VERSION = 1
"""Of the JSON form of a session; raised when a program that reads it would have to change."""


def render_sessions(words: str, *, as_json: bool) -> str:
    """The saved sessions that contain all `words`, the latest first: one per line, or JSON."""
    with closing(open_sessions()) as store:
        found = store.list_sessions(words)
    if as_json:
        return render_record([_build_record(session) for session in found], indent=2) + "\n"
    return "".join(f"{_render_line(session)}\n" for session in found)


def _build_record(session: Session) -> dict[str, object]:
    return {
        "schema": SCHEMA_VERSION,
        "session": session.session_id,
        "title": session.title,
        "docs": session.documents,
        "created": session.created,
        "updated": session.updated,
        "turns": session.turns,
    }


def _render_line(session: Session) -> str:
    when, turns = render_moment(session.updated), counted(session.turns, "question")
    return safe_line(f"{session.session_id:>5}  {when}  {turns:>13}  {session.title}  ({session.documents})")


def find_latest(documents: Path) -> int:
    """The number of the latest session about a folder (absolute path).

    :raises UsageError: if there is none.
    """
    with closing(open_sessions()) as store:
        found = store.list_sessions(documents=documents)
    if not found:
        raise UsageError(f"{documents}: there is no conversation to continue; leave out --continue to start one.")
    return found[0].session_id


def find_documents(session_id: int) -> str | None:
    """The documents folder of a session; None if the folder is gone.

    :raises UsageError: if there is no such session.
    """
    with closing(open_sessions()) as store:
        documents = store.load_session(session_id).documents
    return documents if Path(documents).is_dir() else None


def change_session(session_id: int, *, title: str | None = None, delete: bool = False, restore: bool = False) -> str:
    """Rename, delete or restore a session.

    :return: what was done, in a sentence.
    :raises UsageError: if there is no such session.
    """
    if (title is not None) + delete + restore != 1:
        raise UsageError("choose one of --rename, --delete and --restore.")
    with closing(open_sessions()) as store:
        return _change(store, session_id, title, delete=delete)


def _change(store: SessionStore, session_id: int, title: str | None, *, delete: bool) -> str:
    if title is not None:
        store.load_session(session_id)
        store.rename_session(session_id, title)
        return f"session {session_id} is now called {safe_line(store.load_session(session_id).title)}\n"
    if delete:
        store.load_session(session_id)
        store.delete_session(session_id)
        return f"session {session_id} is deleted; `qa sessions --restore {session_id}` restores it within a day\n"
    store.restore_session(session_id)
    return f"session {session_id} is restored: {safe_line(store.load_session(session_id).title)}\n"


def export_session(session_id: int, form: str | None, output: str | None) -> str:
    """Export a session.

    :param form: one of EXTENSIONS; None takes the format from the ending of `output`.
    :return: the text to print; empty if it was written to `output`.
    :raises UsageError: if there is no such session or format, or the file exists.
    :raises StorageError: if the file cannot be written.
    """
    form = form or _find_form(output)
    with closing(open_sessions()) as store:
        session, turns = store.load_session(session_id), store.load_turns(session_id)
    if output is None:
        return render_session(session, turns, form)
    write_export(Path(output), session, turns, form)
    return ""


def _find_form(output: str | None) -> str:
    """The format that the ending of a file names; Markdown for stdout and for a name without an ending."""
    ending = "" if output is None else Path(output).suffix.lower()
    if not ending:
        return "markdown"
    by_ending = {extension: form for form, extension in EXTENSIONS.items()}
    if ending not in by_ending:
        *others, last = EXTENSIONS.values()
        raise UsageError(
            f"there is no export format '{safe_line(ending)}'; end the name in {', '.join(others)} or {last}, "
            "or name a format with --format."
        )
    return by_ending[ending]
