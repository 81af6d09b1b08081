"""Values as styled lines of a given width. Pure, and the only place of the app that decides what an answer looks like.

All text passes `safe_text` and becomes literal content; nothing is ever read as markup. No meaning is carried by colour
alone: marks, words and weight say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from index.types import Progress
from qa.output.flow import shorten, unwrap, unwrap_quote
from qa.output.progress import find_counts, find_share, render_pace
from qa.output.safe_text import safe_line, safe_text
from qa.output.words import NOT_IN_ARTICLES, counted
from qa.sessions.store import TurnState
from qa.tui.drawing.lines import DrawnLine, prefix_lines, prefix_parts
from qa.tui.turns import Place, TurnModel

MUTED = "dim"
STRONG = "bold"
ACCENT = "bold $text-accent"
QUOTED = "$foreground"
ANSWERING = "bold underline"
_STANDS_OUT = "not dim $foreground"  # the quote in its paragraph
CALM = "bold $text-secondary"
WRONG = "bold $text-error"
MOST_CHARACTERS_OF_A_QUOTE = 4000
"""A longer quote is cut on the screen, but never when it is copied or exported."""
_MOST_CHARACTERS = 2000  # of a question, a reason or an error
_MOST_CHARACTERS_OF_A_NAME = 300
_BAR_WIDTH = 10
_SNIPPET = 162  # characters of a passage that are shown before its article is opened
_TITLE = 80  # characters of a title below a quote; some are longer than the quote, and the sources show them whole
_INDENT = Content("  ")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A turn as lines, and where its places are in them."""

    drawn: tuple[DrawnLine, ...]
    rows: tuple[tuple[int, int], ...]
    """Half-open ranges of `drawn`, one for each place of the turn."""

    @property
    def lines(self) -> tuple[Content, ...]:
        """The rows of the screen."""
        return tuple(line.content for line in self.drawn)

    @property
    def content(self) -> Content:
        """All lines as one content."""
        return Content("\n").join(self.lines)


@dataclass(frozen=True, slots=True)
class Hints:
    """The keys that a turn mentions, as they are set."""

    again: str = "r"
    fold: str = "space"


_USUAL_KEYS = Hints()


def draw_turn(turn: TurnModel, width: int, chosen: int | None = None, hints: Hints = _USUAL_KEYS) -> Drawing:
    """A question with its answer in `width` columns.

    :param chosen: the place the cursor is on, 0-based.
    """
    width = max(width, 8)
    lines = prefix_lines(Content.styled(_cut(turn.question), STRONG), width, Content.styled("› ", ACCENT))
    answer = turn.answer
    if answer is not None and answer.asked_as != answer.question:
        understood = f"asked as: {safe_line(_cut(answer.asked_as))}  ({hints.again}: ask as typed)"
        lines += prefix_lines(Content.styled(understood, MUTED), width, _INDENT)
    elif turn.as_typed:
        lines += prefix_lines(Content.styled("asked as typed", MUTED), width, _INDENT)
    lines.append(DrawnLine(Content("")))
    body, rows = _draw_body(turn, width, chosen, hints)
    shifted = tuple((start + len(lines), end + len(lines)) for start, end in rows)
    lines += body
    lines.append(DrawnLine(Content("")))
    return Drawing(tuple(lines), shifted)


def _draw_body(
    turn: TurnModel, width: int, chosen: int | None, hints: Hints
) -> tuple[list[DrawnLine], list[tuple[int, int]]]:
    if turn.state is TurnState.ANSWERED:
        return _draw_answer(turn, width, chosen)
    if turn.state is TurnState.DECLINED:
        return _draw_declined(turn, width, chosen, hints)
    if turn.state is TurnState.FAILED:
        text = Content(_cut(turn.message or "this question failed; ask again."))
        return prefix_lines(text, width, Content.styled("! ", WRONG)), []
    if turn.state is TurnState.CANCELLED:
        text = Content.styled(f"– cancelled  ({hints.again}: ask again)", MUTED)
        return prefix_lines(text, width, _INDENT), []
    return _draw_waiting(turn, width), []


def _draw_waiting(turn: TurnModel, width: int) -> list[DrawnLine]:
    lines = prefix_lines(Content.styled(f"… {turn.stage.value}", MUTED), width, _INDENT)
    for place in turn.closest[:3]:
        lines += prefix_lines(Content.styled(_snippet(place), MUTED), width, Content("  · "))
    return lines


def _draw_answer(turn: TurnModel, width: int, chosen: int | None) -> tuple[list[DrawnLine], list[tuple[int, int]]]:
    lines: list[DrawnLine] = []
    rows: list[tuple[int, int]] = []
    for number, place in enumerate(turn.places):
        start = len(lines)
        lines += draw_quote(place, width, chosen=number == chosen)
        rows.append((start, len(lines)))
        lines.append(DrawnLine(Content("")))
    lines += prefix_lines(_draw_footing(turn), width, _INDENT)
    return lines, rows


def draw_quote(place: Place, width: int, *, chosen: bool = False) -> list[DrawnLine]:
    """A quote behind a bar, with its number, and its place below it."""
    bar = Content.styled("┃ ", ACCENT) if chosen else Content.styled("│ ", MUTED)
    mark = Content.styled(f"[{place.number}] ", ACCENT)
    indent = Content(" " * mark.cell_length)
    text = emphasised(place)
    lines = prefix_lines(text, width, bar + mark, bar + indent, prefix=len(bar.plain))
    return lines + prefix_parts(_source_parts(place), width, bar + indent)


def emphasised(place: Place) -> Content:
    """The quote with the words that answer in bold and underlined."""
    content = Content.styled(_cut(place.text, MOST_CHARACTERS_OF_A_QUOTE), QUOTED)
    if (span := place.answer_span) is not None:
        content = content.stylize(ANSWERING, span.start - place.start, span.end - place.start)
    start = place.start - place.around.start
    return flow(
        content, unwrap_quote(safe_text(place.text), safe_text(place.around.text), start)[:MOST_CHARACTERS_OF_A_QUOTE]
    )


def flow(content: Content, characters: Sequence[str]) -> Content:
    """Show `characters` instead of the first characters of `content`, each in the style of the one it replaces."""
    pieces: list[Content] = []
    end = 0
    for at, (before, after) in enumerate(zip(content.plain, characters, strict=False)):
        if before == after:
            continue
        pieces += [content[end:at], Content(after)]
        end = at + 1
    return Content("").join([*pieces, content[end:]]) if pieces else content


def _source_parts(place: Place) -> list[Content]:
    details = [part for part in (place.date, place.label) if part]
    if place.also_in:
        details.append(f"also in {', '.join(place.also_in)}")
    return [
        Content.styled(shorten(place.title, _TITLE), "italic"),
        *(Content.styled(_named(part), MUTED) for part in details),
    ]


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


def _draw_declined(
    turn: TurnModel, width: int, chosen: int | None, hints: Hints
) -> tuple[list[DrawnLine], list[tuple[int, int]]]:
    answer = turn.answer
    lines = prefix_lines(Content.styled(NOT_IN_ARTICLES, CALM), width, Content.styled("○ ", CALM))
    if answer is not None and answer.reason:
        lines += prefix_lines(Content.styled(_cut(answer.reason), MUTED), width, _INDENT)
    if turn.note:
        lines += prefix_lines(Content.styled(safe_line(turn.note), MUTED), width, _INDENT)
    rows: list[tuple[int, int]] = []
    if turn.closest:
        mark, does = ("▾", "fold") if turn.unfolded else ("▸", "unfold")
        label = f"{mark} {counted(len(turn.closest), 'closest passage')}  ({hints.fold}: {does})"
        lines += [DrawnLine(Content("")), *prefix_lines(Content.styled(label, MUTED), width, _INDENT)]
    for number, place in enumerate(turn.places):
        bar = _INDENT + (Content.styled("┃ ", ACCENT) if number == chosen else _INDENT)
        if number:
            lines.append(DrawnLine(Content("")))
        start = len(lines)
        lines += prefix_lines(Content.styled(_snippet(place), QUOTED), width, bar, bar)
        lines += prefix_parts(_source_parts(place), width, bar)
        rows.append((start, len(lines)))
    return lines, rows


def _cut(text: str, most: int = _MOST_CHARACTERS) -> str:
    """The beginning of a text, safe. A megabyte pasted as a question must not block the screen."""
    return safe_text(text[:most]) + (" …" if len(text) > most else "")


def _named(text: str) -> str:
    """A title, path or date on one line, cut if it is very long."""
    return safe_line(_cut(text, _MOST_CHARACTERS_OF_A_NAME))


def _snippet(place: Place) -> str:
    return shorten(place.text, _SNIPPET)


def draw_card(place: Place, width: int, *, chosen: bool) -> list[DrawnLine]:
    """A place in the sources pane: its title and place, and the paragraph with the quote highlighted."""
    mark = f"[{place.number}] " if place.number is not None else "· "
    bar = Content.styled("┃ ", ACCENT) if chosen else _INDENT
    lines = prefix_lines(Content.styled(mark + _named(place.title), ACCENT if chosen else STRONG), width, bar, bar)
    details = [part for part in (place.date, place.label, place.heading, f"score {place.score:.2f}") if part]
    lines += prefix_parts([Content.styled(_named(part), MUTED) for part in details], width, bar)
    lines += prefix_lines(draw_paragraph(place), width, bar, bar)
    if place.also_in:
        also = Content.styled(f"also in {_named(', '.join(place.also_in))}", MUTED)
        lines += prefix_lines(also, width, bar, bar)
    return [*lines, DrawnLine(Content(""))]


def find_quote(card: Sequence[DrawnLine]) -> tuple[int, int]:
    """The half-open range of a card's lines that show the quote; all lines if none is highlighted."""
    rows = [row for row, line in enumerate(card) if any(span.style == _STANDS_OUT for span in line.content.spans)]
    return (rows[0], rows[-1] + 1) if rows else (0, len(card))


def draw_paragraph(place: Place) -> Content:
    """The paragraph around a quote. The quote stands out; the rest is muted."""
    around = place.around
    text = _cut(around.text, MOST_CHARACTERS_OF_A_QUOTE)
    content = Content.styled(text, MUTED if place.number is not None else QUOTED)
    if place.number is not None:
        content = content.stylize(_STANDS_OUT, place.start - around.start, place.end - around.start)
    if place.answer_span is not None:
        span = place.answer_span
        content = content.stylize(ANSWERING, span.start - around.start, span.end - around.start)
    return flow(content, unwrap(text))


def draw_progress(progress: Progress | None, width: int) -> Content:
    """One line: stage, bar, counts, time left. What does not fit is left out from the right."""
    if progress is None:
        return Content.styled("indexing: looking for changes", MUTED)
    done, total, noun = find_counts(progress)
    share = find_share(progress)
    bar_width = max(6, min(24, width // 4))
    filled = int(share * bar_width)
    content = Content.assemble(
        (f"{safe_line(progress.stage)} ", STRONG),
        ("━" * filled, "$text-primary"),
        ("─" * (bar_width - filled), MUTED),
        f" {share:4.0%}",
    )
    for part in (f"{done:,}/{total:,} {noun}", *render_pace(progress)):
        if content.cell_length + len(part) + 2 <= width:
            content = content.append_text(f"  {part}", MUTED)
    return content
