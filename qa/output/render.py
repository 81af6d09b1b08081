"""An answer as text for people, JSON for programs, and Markdown for notes. Returns strings and prints nothing.

JSON carries quotes exactly as they are in the article; text for a terminal passes `safe_text` first.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

from qa.output.citations import render_markdown_quote
from qa.output.flow import shorten, unwrap_quote
from qa.output.safe_text import safe_line, safe_text
from qa.output.words import NOT_IN_ARTICLES
from qa.types import SCHEMA_VERSION, Answer, Citation, Passage

# Legal in a JSON string, but unsafe on a terminal (DEL, C1, bidirectional controls) or not encodable (surrogates).
_ESCAPED_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SEVERAL_ENDS = re.compile(r"\n{2,}")
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def render_text(
    answer: Answer, *, docs: Path, colour: bool = False, width: int = 100, with_question: bool = False
) -> str:
    """The answer for a person: quotes with their numbers and places, or why there is none.

    :param with_question: put the question first, to tell several answers apart.
    """
    if answer.answered:
        blocks = [_render_citation(citation, docs, colour, width) for citation in answer.citations]
    else:
        blocks = [_render_declined(answer, docs, colour, width)]
    if answer.asked_as != answer.question:
        blocks.insert(0, _styled(f"asked as: {safe_line(answer.asked_as)}", _DIM, colour))
    if with_question:
        blocks.insert(0, _styled(f"? {safe_line(answer.question)}", _BOLD, colour))
    return "\n\n".join(blocks) + ("\n\n" if with_question else "\n")


def _render_citation(citation: Citation, docs: Path, colour: bool, width: int) -> str:
    mark = f"[{citation.number}] "
    lines = _wrapped(_emphasised(citation, colour), width, mark, " " * len(mark))
    lines.append(" " * len(mark) + _source_line(citation, docs, colour) + _styled(_also(citation), _DIM, colour))
    return "\n".join(lines)


def _also(citation: Citation) -> str:
    """'; also in a.txt, b.txt (3 times)', or an empty string."""
    counts = Counter(place.path for place in citation.also_in)
    places = [f"{safe_line(path)}{f' ({count} times)' if count > 1 else ''}" for path, count in counts.items()]
    return f"; also in {', '.join(places)}" if places else ""


def _emphasised(citation: Citation, colour: bool) -> str:
    """The quote with the words that answer in bold. Prose flows, since the lines of an article do not fit a
    terminal.
    """
    passage = safe_text(citation.passage.text)
    characters = unwrap_quote(safe_text(citation.quote), passage, citation.start - citation.passage.start)
    span = citation.answer_span
    if span is not None and colour:
        start, end = span.start - citation.start, span.end - citation.start
        characters = [*characters[:start], _BOLD, *characters[start:end], _PLAIN, *characters[end:]]
    return _SEVERAL_ENDS.sub("\n", "".join(characters))


def _source_line(source: Citation | Passage, docs: Path, colour: bool) -> str:
    shown = _linked(safe_line(source.label), docs / source.path, colour)
    details = [safe_line(part) for part in (source.title, source.date) if part]
    return _styled(f"{shown}  {', '.join(details)}", _DIM, colour)


def _render_declined(answer: Answer, docs: Path, colour: bool, width: int) -> str:
    lines = [_styled(NOT_IN_ARTICLES, _BOLD, colour)]
    if answer.reason:
        lines += _wrapped(safe_text(answer.reason), width, "", "")
    if answer.passages:
        lines += ["", "Closest passages:"]
        for passage in answer.passages[:3]:
            lines += _wrapped(shorten(passage.text, 2 * width), width, "  - ", "    ")
            lines.append("    " + _source_line(passage, docs, colour))
    return "\n".join(lines)


def _wrapped(text: str, width: int, first: str, following: str) -> list[str]:
    """Lines of at most `width` columns. Each line of the text starts a new one; words are never broken."""
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        indent = following if lines else first
        lines += textwrap.wrap(
            line,
            width,
            initial_indent=indent,
            subsequent_indent=following,
            break_on_hyphens=False,
            break_long_words=False,
        ) or [indent.rstrip()]
    return lines


def _styled(text: str, style: str, colour: bool) -> str:
    return f"{style}{text}{_PLAIN}" if colour and text else text


def _linked(text: str, target: Path, colour: bool) -> str:
    """An OSC 8 link to a local file. The target is percent-encoded, so no file name can end the sequence."""
    if not colour:
        return text
    from urllib.parse import quote

    return f"\x1b]8;;file://{quote(os.fsencode(target))}\x1b\\{text}\x1b]8;;\x1b\\"


def build_record(answer: Answer) -> dict[str, Any]:
    """The answer as JSON values, by the schema in `qa/schema/`."""
    return {
        "schema": SCHEMA_VERSION,
        "question": answer.question,
        "asked_as": answer.asked_as,
        "answered": answer.answered,
        "confidence": round(answer.confidence, 4),
        "answer": answer.text,
        "reason": answer.reason,
        "context": answer.context,
        "citations": [_citation_record(citation) for citation in answer.citations],
        "passages": [_passage_record(passage) for passage in answer.passages],
        "index": {
            "generation": answer.index.generation,
            "articles": answer.index.articles,
            "paragraphs": answer.index.paragraphs,
            "model": answer.index.model,
        },
        "timings_ms": {name: round(value, 1) for name, value in answer.timings_ms.items()},
    }


def _citation_record(citation: Citation) -> dict[str, Any]:
    span, passage = citation.answer_span, citation.passage
    return {
        "number": citation.number,
        "path": citation.path,
        "title": citation.title,
        "date": citation.date,
        "paragraph": citation.paragraph,
        "start": citation.start,
        "end": citation.end,
        "line": citation.line,
        "page": citation.page,
        "heading": citation.heading,
        "quote": citation.quote,
        "score": round(citation.score, 4),
        "answer_span": None if span is None else {"start": span.start, "end": span.end, "text": span.text},
        "passage": {"start": passage.start, "end": passage.end, "text": passage.text},
        "also_in": [{"path": place.path, "start": place.start, "end": place.end} for place in citation.also_in],
    }


def _passage_record(passage: Passage) -> dict[str, Any]:
    return {
        "path": passage.path,
        "title": passage.title,
        "date": passage.date,
        "paragraph": passage.paragraph,
        "start": passage.start,
        "end": passage.end,
        "line": passage.line,
        "page": passage.page,
        "heading": passage.heading,
        "text": passage.text,
        "score": round(passage.score, 4),
    }


def render_json(answer: Answer) -> str:
    """One JSON object on several lines."""
    return render_record(build_record(answer), indent=2) + "\n"


def render_json_line(answer: Answer, identifier: object = None) -> str:
    """One JSON object on one line.

    :param identifier: returned as 'id', unless it is None.
    """
    record = build_record(answer)
    if identifier is not None:
        record = {"id": identifier, **record}
    return render_record(record) + "\n"


def render_record(record: Any, indent: int | None = None) -> str:
    """JSON that keeps readable characters and escapes what a terminal or an encoder cannot take."""
    text = json.dumps(record, ensure_ascii=False, indent=indent)
    return _ESCAPED_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def render_markdown(answer: Answer) -> str:
    """The question, then each quote as a block quotation with its citation."""
    lines = [f"## {safe_line(answer.question)}", ""]
    if answer.asked_as != answer.question:
        lines += [f"*Asked as: {safe_line(answer.asked_as)}*", ""]
    if not answer.answered:
        return "\n".join([*lines, f"*{NOT_IN_ARTICLES}* {safe_line(answer.reason or '')}".rstrip(), ""])
    for citation in answer.citations:
        lines += [*render_markdown_quote(citation.quote, citation), ""]
    return "\n".join(lines)
