"""Saved sessions as Markdown, JSON or HTML with citations, for the app and for `qa export`."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from index.errors import StorageError, UsageError
from qa.output.render import build_record, render_markdown, render_record
from qa.output.safe_text import safe_line, safe_text
from qa.output.words import NOT_IN_ARTICLES, render_moment, render_range
from qa.sessions.store import SavedTurn, Session, TurnState
from qa.types import Answer, Citation

EXTENSIONS = {"markdown": ".md", "json": ".json", "html": ".html"}
"""The formats of an export, and the endings of their files."""

_NO_ANSWER = {
    TurnState.WAITING: "Not answered yet.",
    TurnState.CANCELLED: "Cancelled.",
    TurnState.FAILED: "This question failed.",
    TurnState.ANSWERED: "The answer was saved by another version of qa.",
    TurnState.DECLINED: NOT_IN_ARTICLES,
}

_STYLE = (
    "body{max-width:46rem;margin:2rem auto;padding:0 1rem;font:1.05rem/1.5 Georgia,serif;color:#222;background:#fff}"
    "h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2.5rem}blockquote{margin:1rem 0;padding:.1rem 1rem;"
    "border-left:.25rem solid #5a7}footer,.about{color:#666;font-size:.9rem}cite{font-style:italic}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}footer,.about{color:#999}}"
)


def render_session(session: Session, turns: Sequence[SavedTurn], form: str) -> str:
    """The session in one of the formats of EXTENSIONS.

    :raises UsageError: for any other format.
    """
    renderers: dict[str, Callable[[Session, Sequence[SavedTurn]], str]] = {
        "markdown": _render_markdown,
        "json": _render_json,
        "html": _render_html,
    }
    if form not in renderers:
        raise UsageError(f"there is no format '{safe_line(form)}'; choose {', '.join(EXTENSIONS)}.")
    return renderers[form](session, turns)


def find_current_folder() -> Path:
    """The folder the app was started in; the home folder if that one is gone."""
    try:
        return Path.cwd()
    except OSError:
        return Path.home()


def resolve_path(named: str) -> Path:
    """The absolute path that was typed, with `~` for the home folder.

    :raises UsageError: if it cannot be a path.
    """
    try:
        return Path(named).expanduser().absolute()
    except (ValueError, RuntimeError, OSError) as error:
        raise UsageError(f"{safe_line(named)} cannot be the path of a file ({error}); choose another name.") from error


def find_free_path(folder: Path, session: Session, form: str) -> Path:
    """A path in `folder` that does not exist yet, named after the session."""
    name = re.sub(r"[^\w]+", "-", session.title.casefold()).strip("-")[:40] or "session"
    path = folder / f"{name}{EXTENSIONS[form]}"
    number = 2
    while path.exists():
        path = folder / f"{name}-{number}{EXTENSIONS[form]}"
        number += 1
    return path


def write_export(path: Path, session: Session, turns: Sequence[SavedTurn], form: str) -> None:
    """Write the session to a new file.

    :raises UsageError: if the file exists.
    :raises StorageError: if it cannot be written.
    """
    text = render_session(session, turns, form)
    try:
        with path.open("x", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} already exists; choose another name.") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror}); choose another place.") from error


def _render_markdown(session: Session, turns: Sequence[SavedTurn]) -> str:
    head = [f"# {safe_line(session.title)}", ""]
    head += [f"{render_moment(session.created)} · articles in `{safe_line(session.documents)}`", ""]
    return "\n".join([*head, *(_turn_in_markdown(turn) for turn in turns)])


def _turn_in_markdown(turn: SavedTurn) -> str:
    if turn.answer is None:
        return (
            f"## {safe_line(turn.question)}\n\n*{_NO_ANSWER[turn.state]}* {safe_line(turn.message or '')}".rstrip()
            + "\n"
        )
    return render_markdown(replace(turn.answer, question=turn.question))


def _render_json(session: Session, turns: Sequence[SavedTurn]) -> str:
    record = {
        "session": session.session_id,
        "title": session.title,
        "documents": session.documents,
        "created": session.created,
        "updated": session.updated,
        "turns": [_turn_record(turn) for turn in turns],
    }
    return render_record(record, indent=2) + "\n"


def _turn_record(turn: SavedTurn) -> dict[str, Any]:
    return {
        "question": turn.question,
        "asked": turn.asked,
        "as_typed": turn.as_typed,
        "state": turn.state.value,
        "message": turn.message,
        "answer": None if turn.answer is None else build_record(turn.answer),
    }


def _render_html(session: Session, turns: Sequence[SavedTurn]) -> str:
    """One page without scripts, images or anything from another site."""
    title = _escaped(safe_line(session.title))
    body = [f"<h1>{title}</h1>"]
    about = f"{render_moment(session.created)} · articles in <code>{_escaped(safe_line(session.documents))}</code>"
    body.append(f'<p class="about">{about}</p>')
    for turn in turns:
        body += _turn_in_html(turn)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _turn_in_html(turn: SavedTurn) -> list[str]:
    lines = [f"<h2>{_escaped(safe_text(turn.question))}</h2>"]
    answer = turn.answer
    if answer is None or not answer.answered:
        return [*lines, _declined_in_html(turn, answer)]
    if answer.asked_as != turn.question:
        lines.append(f'<p class="about">Asked as: {_escaped(safe_line(answer.asked_as))}</p>')
    lines += [_citation_in_html(citation) for citation in answer.citations]
    return [*lines, f'<p class="about">Confidence {answer.confidence:.2f}</p>']


def _declined_in_html(turn: SavedTurn, answer: Answer | None) -> str:
    why = (answer.reason if answer is not None else turn.message) or ""
    return f"<p><em>{_NO_ANSWER[turn.state]}</em> {_escaped(safe_line(why))}</p>"


def _citation_in_html(citation: Citation) -> str:
    quote, span = citation.quote, citation.answer_span
    if span is None:
        shown = _escaped(safe_text(quote))
    else:
        start, end = span.start - citation.start, span.end - citation.start
        parts = [_escaped(safe_text(part)) for part in (quote[:start], quote[start:end], quote[end:])]
        shown = f"{parts[0]}<strong>{parts[1]}</strong>{parts[2]}"
    date = f", <time>{_escaped(citation.date)}</time>" if citation.date else ""
    where = f"<code>{_escaped(safe_line(citation.label))}</code>, {render_range(citation.start, citation.end)}"
    source = f"[{citation.number}] <cite>{_escaped(safe_line(citation.title))}</cite>{date}, {where}"
    return f"<blockquote><p>{shown}</p><footer>{source}</footer></blockquote>"


def _escaped(text: str) -> str:
    return html.escape(text)
