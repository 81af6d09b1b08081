"""Values -> styled lines of a given width. Pure, and the only place of the app that decides what an answer looks like.

All text passes `safe_text` and becomes literal content; nothing is ever read as markup. Meaning is never carried by
colour alone: marks, words and weight say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from textual.content import Content

from index.types import Progress
from qa.safe_text import safe_line, safe_text
from qa.sessions import TurnState
from qa.tui.turns import Place, TurnModel

MUTED = "dim"
STRONG = "bold"
ACCENT = "bold $text-accent"
QUOTED = "$foreground"
ANSWERING = "bold underline"
CALM = "bold $text-secondary"
WRONG = "bold $text-error"
MOST_CHARACTERS_OF_A_QUOTE = 4000
"""Beyond it a quote is cut on the screen, never when it is copied or exported."""
_MOST_CHARACTERS = 2000  # of a question, a reason, an error
_MOST_CHARACTERS_OF_A_NAME = 300
_BAR_WIDTH = 10
# A line end behind a line of some length or in the middle of a sentence, where what follows does not begin like a
# heading, list item or table.
_HARD_WRAP = re.compile(
    r"(?:(?<=[^\n]{30})|(?<=[\w,;])(?=[ \t]*\n[ \t]*[a-zß-öø-ÿ]))[ \t]*\n[ \t]*(?=[^\s#>|*+•–-])(?!\d{1,3}[.)]\s)"
)
_SNIPPET = 160  # characters of a passage shown before its article is opened


@dataclass(frozen=True, slots=True)
class Drawing:
    """A turn as lines, and where in them its places stand."""

    lines: tuple[Content, ...]
    rows: tuple[tuple[int, int], ...]
    """Half-open ranges of `lines`, one for each place of the turn."""

    @property
    def content(self) -> Content:
        """All lines as one content."""
        return Content("\n").join(self.lines)


def draw_turn(turn: TurnModel, width: int, chosen: int | None = None) -> Drawing:
    """A question with its answer in `width` columns; `chosen` is the 0-based place the cursor stands on."""
    width = max(width, 8)
    lines = _prefixed(Content.styled(_cut(turn.question), STRONG), width, Content.styled("› ", ACCENT))
    answer = turn.answer
    if answer is not None and answer.asked_as != answer.question:
        understood = f"asked as: {safe_line(_cut(answer.asked_as))}  (r: ask as typed)"
        lines += _prefixed(Content.styled(understood, MUTED), width)
    elif turn.as_typed:
        lines += _prefixed(Content.styled("asked as typed", MUTED), width)
    lines.append(Content(""))
    body, rows = _draw_body(turn, width, chosen)
    shifted = tuple((start + len(lines), end + len(lines)) for start, end in rows)
    lines += body
    lines.append(Content(""))
    return Drawing(tuple(lines), shifted)


def _draw_body(turn: TurnModel, width: int, chosen: int | None) -> tuple[list[Content], list[tuple[int, int]]]:
    if turn.state is TurnState.ANSWERED:
        return _draw_answer(turn, width, chosen)
    if turn.state is TurnState.DECLINED:
        return _draw_declined(turn, width, chosen)
    if turn.state is TurnState.FAILED:
        text = Content(_cut(turn.message or "it failed; ask again."))
        return _prefixed(text, width, Content.styled("! ", WRONG)), []
    if turn.state is TurnState.CANCELLED:
        return _prefixed(Content.styled("– no answer: cancelled  (r: ask again)", MUTED), width), []
    return _draw_waiting(turn, width), []


def _draw_waiting(turn: TurnModel, width: int) -> list[Content]:
    lines = _prefixed(Content.styled(f"… {turn.stage.value}", MUTED), width)
    for place in turn.closest[:3]:
        lines += _prefixed(Content.styled(_snippet(place), MUTED), width, Content("  · "))
    return lines


def _draw_answer(turn: TurnModel, width: int, chosen: int | None) -> tuple[list[Content], list[tuple[int, int]]]:
    lines: list[Content] = []
    rows: list[tuple[int, int]] = []
    for number, place in enumerate(turn.places):
        start = len(lines)
        lines += draw_quote(place, width, chosen=number == chosen)
        rows.append((start, len(lines)))
        lines.append(Content(""))
    lines += _prefixed(_draw_footing(turn), width)
    return lines, rows


def draw_quote(place: Place, width: int, *, chosen: bool = False) -> list[Content]:
    """A quote set apart by a bar, with its number, and below it where it stands."""
    bar = Content.styled("┃ ", ACCENT) if chosen else Content.styled("│ ", MUTED)
    mark = Content.styled(f"[{place.number}] ", ACCENT)
    indent = Content(" " * mark.cell_length)
    text = emphasised(place)
    lines = _prefixed(text, width, bar + mark, bar + indent)
    return lines + _prefixed_parts(_source_parts(place), width, bar + indent)


def emphasised(place: Place) -> Content:
    """The quote with the words that answer in bold and underlined."""
    content = Content.styled(_cut(place.text, MOST_CHARACTERS_OF_A_QUOTE), QUOTED)
    if (span := place.answer_span) is not None:
        content = content.stylize(ANSWERING, span.start - place.start, span.end - place.start)
    return flowing(content)


def flowing(content: Content) -> Content:
    """A hard-wrapped text as one that flows; line ends that mean something stay."""
    pieces: list[Content] = []
    end = 0
    for match in _HARD_WRAP.finditer(content.plain):
        pieces.append(content[end : match.start()])
        end = match.end()
    return Content(" ").join([*pieces, content[end:]]) if pieces else content


def _source_parts(place: Place) -> list[Content]:
    details = [part for part in (place.date, place.label) if part]
    if place.also_in:
        details.append(f"also in {', '.join(place.also_in)}")
    return [Content.styled(_named(place.title), "italic"), *(Content.styled(_named(part), MUTED) for part in details)]


def _draw_footing(turn: TurnModel) -> Content:
    answer = turn.answer
    if answer is None:
        return Content("")
    content = Content.assemble(("confidence ", MUTED), draw_confidence(answer.confidence))
    if (total := answer.timings_ms.get("total")) is not None:
        content = content.append_text(f" · {render_duration(total)}", MUTED)
    if turn.note:
        content = content.append_text(f" · {safe_line(turn.note)}", MUTED)
    return content


def draw_confidence(confidence: float) -> Content:
    """A bar of ten cells, the number, and a word for it."""
    filled = round(confidence * _BAR_WIDTH)
    word = "high" if confidence >= 0.8 else "fair" if confidence >= 0.5 else "low"
    return Content.assemble(
        ("█" * filled, "$text-success"), ("░" * (_BAR_WIDTH - filled), MUTED), f" {confidence:.2f} {word}"
    )


def render_duration(milliseconds: float) -> str:
    """'143 ms', '2.1 s'."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _draw_declined(turn: TurnModel, width: int, chosen: int | None) -> tuple[list[Content], list[tuple[int, int]]]:
    answer = turn.answer
    lines = _prefixed(Content.styled("Not in the articles.", CALM), width, Content.styled("○ ", CALM))
    if answer is not None and answer.reason:
        lines += _prefixed(Content.styled(_cut(answer.reason), MUTED), width)
    if turn.note:
        lines += _prefixed(Content.styled(safe_line(turn.note), MUTED), width)
    rows: list[tuple[int, int]] = []
    if turn.closest:
        mark = "▾" if turn.unfolded else "▸"
        count = len(turn.closest)
        word = "passage" if count == 1 else "passages"
        label = f"{mark} {count} closest {word}  (space: {'fold' if turn.unfolded else 'unfold'})"
        lines += [Content(""), *_prefixed(Content.styled(label, MUTED), width)]
    for number, place in enumerate(turn.places):
        bar = Content.styled("┃ ", ACCENT) if number == chosen else Content.styled("  ", MUTED)
        if number:
            lines.append(Content(""))
        start = len(lines)
        lines += _prefixed(Content.styled(_snippet(place), QUOTED), width, Content("  ") + bar)
        lines += _prefixed_parts(_source_parts(place), width, Content("  ") + bar)
        rows.append((start, len(lines)))
    return lines, rows


def _cut(text: str, most: int = _MOST_CHARACTERS) -> str:
    """The beginning of a text, safe; a megabyte pasted as a question must not hold the screen."""
    return safe_text(text[:most]) + (" …" if len(text) > most else "")


def _named(text: str) -> str:
    """A title, path or date: one line, and not endless."""
    return safe_line(_cut(text, _MOST_CHARACTERS_OF_A_NAME))


def _snippet(place: Place) -> str:
    line = " ".join(safe_line(place.text[: 2 * _SNIPPET]).split())
    return line if len(line) <= _SNIPPET else line[:_SNIPPET].rstrip() + " …"


def _prefixed(
    content: Content, width: int, first: Content | None = None, following: Content | None = None
) -> list[Content]:
    """`content` wrapped, each line behind a prefix; without one, behind two spaces."""
    first = Content("  ") if first is None else first
    if following is None:
        following = Content(" " * first.cell_length) if "┃" not in first.plain and "│" not in first.plain else first
    room = max(width - first.cell_length, 4)
    wrapped = content.expand_tabs(4).wrap(room)
    return [(first if number == 0 else following) + line.rstrip() for number, line in enumerate(wrapped)]


def _prefixed_parts(parts: Iterable[Content], width: int, prefix: Content) -> list[Content]:
    return [prefix + line for line in join_parts(parts, max(width - prefix.cell_length, 4))]


def join_parts(parts: Iterable[Content], width: int) -> list[Content]:
    """Lines of parts with dots between them; a part that fits into a line is never broken."""
    lines: list[Content] = []
    for part in parts:
        joined = lines[-1].append_text(" · ", MUTED) + part if lines else part
        if lines and joined.cell_length > width >= part.cell_length:
            lines.append(part)
        else:
            lines[-1:] = joined.wrap(width)
    return [line.rstrip() for line in lines]


def draw_card(place: Place, width: int, *, chosen: bool) -> list[Content]:
    """A place in the sources pane: title, where it stands, and the paragraph with the quote marked in it."""
    mark = f"[{place.number}] " if place.number is not None else "· "
    bar = Content.styled("┃ ", ACCENT) if chosen else Content.styled("  ", MUTED)
    lines = _prefixed(Content.styled(mark + _named(place.title), ACCENT if chosen else STRONG), width, bar)
    details = [part for part in (place.date, place.label, place.heading, f"score {place.score:.2f}") if part]
    lines += _prefixed_parts([Content.styled(_named(part), MUTED) for part in details], width, bar)
    lines += _prefixed(draw_paragraph(place), width, bar)
    if place.also_in:
        lines += _prefixed(Content.styled(f"also in {_named(', '.join(place.also_in))}", MUTED), width, bar)
    return [*lines, Content("")]


def draw_paragraph(place: Place) -> Content:
    """The paragraph around a quote; the quote stands out, the rest is muted."""
    around = place.around
    text = _cut(around.text, MOST_CHARACTERS_OF_A_QUOTE)
    content = Content.styled(text, MUTED if place.number is not None else QUOTED)
    if place.number is not None:
        content = content.stylize("not dim $foreground", place.start - around.start, place.end - around.start)
    if place.answer_span is not None:
        span = place.answer_span
        content = content.stylize(ANSWERING, span.start - around.start, span.end - around.start)
    return flowing(content)


def draw_progress(progress: Progress | None, width: int) -> Content:
    """One line: stage, bar, counts, time left; what does not fit is left out from the right."""
    if progress is None:
        return Content.styled("indexing: looking for changes", MUTED)
    reading = progress.stage == "reading"
    done = progress.articles_done if reading else progress.paragraphs_done
    total = progress.articles_total if reading else progress.paragraphs_total
    share = done / total if total else 0.0
    bar_width = max(6, min(24, width // 4))
    filled = int(share * bar_width)
    content = Content.assemble(
        (f"{safe_line(progress.stage)} ", STRONG),
        ("━" * filled, "$text-primary"),
        ("─" * (bar_width - filled), MUTED),
        f" {share:4.0%}",
    )
    for part in _progress_parts(progress, done, total, "articles" if reading else "paragraphs"):
        if content.cell_length + len(part) + 2 <= width:
            content = content.append_text(f"  {part}", MUTED)
    return content


def _progress_parts(progress: Progress, done: int, total: int, unit: str) -> Iterable[str]:
    yield f"{done:,}/{total:,} {unit}"
    if progress.stage != "reading" and progress.rate:
        yield f"{progress.rate:,.0f}/s"
    if progress.stage != "reading" and progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        yield f"{minutes}:{seconds:02} left"
