"""The only owner of offsets: cuts a document into the paragraphs that are embedded, searched and cited.

`Paragraph.start` and `end` are a half-open range of characters of the canonical text, so a citation is a slice of it.
Other modules of this folder decide what a block, a list item, a cut and boilerplate are. Here they become paragraphs. A
unit is a paragraph that is not yet cut and numbered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from index.text.blocks import Block, Line, LineNumbers, split_blocks
from index.text.boilerplate import MAX_LENGTH, is_boilerplate
from index.text.cutting import MAX_CHARACTERS_PER_TOKEN, CountTokens, cut, may_exceed
from index.text.front_matter import find_front_matter
from index.text.lists import find_items
from index.text.sentences import split_sentences
from index.text.titles import clean_title, letters_of, same_words
from index.types import Document, Heading, Paragraph

SPLIT_VERSION = 3
"""Raise it when an extractor gives another text for a file, or when this folder cuts or marks a text in another way.
All articles are then split again."""
SHORT_ITEM = 60
"""Characters; shorter items say little alone and stay together."""

MAX_LEAD_IN = 200
MAX_HEADINGS = 240
"""Characters of context. More would leave too little room for the text in what the model reads."""

PARAGRAPH_LINE = 120
"""Median characters of a line if each line is a paragraph. Wrapped lines have at most 100."""
PARAGRAPH_LINE_ALONE = 60
"""The same if the whole text has no blank line that separates paragraphs."""
ENDING_LINES = 0.7
"""Share of the lines that end like sentences if each line is a paragraph. Of wrapped lines, one in ten does."""

FIRST_BLOCKS = 4
"""Blocks at the beginning that may hold the title, because an 'Advertisement' may stand before it."""

SENTENCE_MARKS = '.!?…:;。！？”"’)]'


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit before it is cut and numbered."""

    block: int
    start: int
    end: int
    headings: tuple[str, ...]
    lead_in: str = ""


def split_document(document: Document, max_tokens: int, count_tokens: CountTokens) -> list[Paragraph]:
    """The paragraphs of a document, in order and without overlap. Headings and the title are context; they are
    paragraphs only if nothing else holds their words.

    :param max_tokens: tokens of a paragraph with its context at most.
    :param count_tokens: gives the number of tokens of each text, without special tokens. It is called only for texts
        that may be too long.
    """
    paragraphs: list[Paragraph] = []
    lines = LineNumbers(document.text)
    front = find_front_matter(document.text)
    title = clean_title(document.title) if document.title_in_text else ""
    contexts: dict[tuple[tuple[str, ...], str], tuple[str, int]] = {}
    for unit in _find_units(document, title):
        key = (unit.headings, unit.lead_in)
        if key not in contexts:
            contexts[key] = _context(title, unit, max_tokens, count_tokens)
        context, room = contexts[key]
        for start, end in _cut_to(document.text, unit, room, count_tokens):
            text = document.text[start:end]
            paragraphs.append(
                Paragraph(
                    ordinal=len(paragraphs),
                    block=unit.block,
                    start=start,
                    end=end,
                    line=lines.at(start),
                    text=text,
                    page=bisect_right(document.pages, start) or None if document.pages else None,
                    heading=" › ".join(unit.headings) or None,
                    context=context,
                    boilerplate=end <= front or is_boilerplate(text),
                )
            )
    return _mark_repeats(paragraphs, title)


def _mark_repeats(paragraphs: list[Paragraph], title: str) -> list[Paragraph]:
    """Marks as boilerplate each paragraph that only repeats the title, or a short paragraph that stood in this article
    before, unless nothing else is left."""
    seen = {letters_of(title)} - {""}
    marked = []
    for paragraph in paragraphs:
        letters = letters_of(paragraph.text) if len(paragraph.text) <= MAX_LENGTH else ""
        repeats = bool(letters) and letters in seen
        seen.add(letters)
        marked.append(replace(paragraph, boilerplate=True) if repeats else paragraph)
    return marked if any(not paragraph.boilerplate for paragraph in marked) else paragraphs


def _cut_to(text: str, unit: _Unit, room: int, count_tokens: CountTokens) -> list[tuple[int, int]]:
    words = text[unit.start : unit.end]
    if not may_exceed(words, room):
        return [(unit.start, unit.end)]
    if len(words) <= room * MAX_CHARACTERS_PER_TOKEN and count_tokens([words])[0] <= room:
        return [(unit.start, unit.end)]
    return cut(text, unit.start, unit.end, room, count_tokens)


def _context(title: str, unit: _Unit, max_tokens: int, count_tokens: CountTokens) -> tuple[str, int]:
    """The context of a unit, and the number of tokens it leaves to the text. These are at least half, so a long context
    is shortened."""
    headings = " › ".join(unit.headings)[-MAX_HEADINGS:]
    parts = [part for part in (title, headings, unit.lead_in) if part]
    while parts:
        context = "\n".join(parts)
        tokens = count_tokens([context])[0] + 1
        if tokens <= max_tokens // 2:
            return context, max_tokens - tokens
        parts.pop()
    return "", max_tokens


def _find_units(document: Document, title: str) -> list[_Unit]:
    """All units. If there is nothing but title and headings, these are the units."""
    blocks = split_blocks(document.text)
    units = list(_Outline(document, blocks, title).units())
    if units:
        return units
    return [_Unit(block.number, block.lines[0].start, block.lines[-1].end, ()) for block in blocks]


class _Outline:
    """Goes through the blocks once and remembers the headings above the current line and the last lead-in."""

    def __init__(self, document: Document, blocks: list[Block], title: str) -> None:
        self.text = document.text
        self.blocks = blocks
        self.title = title
        self.headings = document.headings
        self.next_heading = 0
        self.path: list[Heading] = []
        self.lead_in = ""
        self.childless: _Unit | None = None
        self.alone = len(blocks) <= 2
        self.title_seen = False

    def units(self) -> Iterator[_Unit]:
        """The units in order of `start`."""
        for block in self.blocks:
            lines = list(block.lines)
            if block.number < FIRST_BLOCKS and self._is_title(lines[0]):
                lines = lines[1:]
            segment: list[Line] = []
            for line in lines:
                heading = self._heading_at(line)
                if heading is None:
                    segment.append(line)
                    continue
                yield from self._segment(block.number, segment)
                segment = []
                yield from self._enter(heading, block.number)
            yield from self._segment(block.number, segment)
        if self.childless:
            yield self.childless

    def _is_title(self, line: Line) -> bool:
        """True for the first line that says the title and nothing else. Later ones repeat it."""
        if self.title_seen or not self.title or clean_title(self.text[line.start : line.end]) != self.title:
            return False
        self.title_seen = True
        return True

    def _heading_at(self, line: Line) -> Heading | None:
        """The heading that `line` belongs to; None if it belongs to none."""
        while self.next_heading < len(self.headings) and self.headings[self.next_heading].end <= line.start:
            self.next_heading += 1
        if self.next_heading == len(self.headings):
            return None
        heading = self.headings[self.next_heading]
        return heading if heading.start <= line.start < heading.end else None

    def _enter(self, heading: Heading, block: int) -> Iterator[_Unit]:
        """Begins the part below `heading`. A heading with nothing below it becomes a unit, or its words could not be
        found."""
        if self.path and self.path[-1] is heading:
            return  # the second line of a heading
        if self.childless and heading.level <= self.path[-1].level:
            yield self.childless
        while self.path and self.path[-1].level >= heading.level:
            self.path.pop()
        above = self._words()
        self.path.append(heading)
        self.lead_in = ""
        is_title = same_words(heading.text, self.title)
        self.childless = None if is_title else _Unit(block, *self._extent(heading), above)

    def _extent(self, heading: Heading) -> tuple[int, int]:
        words = self.text[heading.start : heading.end]
        return heading.start + len(words) - len(words.lstrip()), heading.start + len(words.rstrip())

    def _words(self) -> tuple[str, ...]:
        return tuple(heading.text for heading in self.path if not same_words(heading.text, self.title))

    def _segment(self, block: int, lines: list[Line]) -> Iterator[_Unit]:
        """The units of neighbouring lines of one block that no heading separates."""
        if not lines:
            return
        self.childless = None
        path = self._words()
        markers = find_items(self.text, lines)
        before = lines[: markers[0].line] if markers else lines
        ranges = self._prose(before)
        if not markers:
            self.lead_in = ""
            yield from (_Unit(block, start, end, path) for start, end in ranges)
            self._remember_lead_in(ranges)
            return
        if ranges:
            self._remember_lead_in(ranges)
        items = _items(lines, [(marker.line, marker.length if marker.value is None else 0) for marker in markers])
        groups = _join_short(items)
        if ranges and len(groups) == 1 and ranges[-1][1] - ranges[-1][0] < SHORT_ITEM and len(items) > 1:
            groups = [(ranges.pop()[0], groups[0][1])]
            self.lead_in = ""
        yield from (_Unit(block, start, end, path) for start, end in ranges)
        yield from (_Unit(block, start, end, path, self.lead_in) for start, end in groups)

    def _prose(self, lines: Sequence[Line]) -> list[tuple[int, int]]:
        """One range, or one for each line if the lines are paragraphs."""
        if not lines:
            return []
        if len(lines) > 1 and self._lines_are_paragraphs(lines):
            return [(line.start, line.end) for line in lines]
        return [(lines[0].start, lines[-1].end)]

    def _lines_are_paragraphs(self, lines: Sequence[Line]) -> bool:
        """True for long lines of which most end like sentences: they are not wrapped, so each is a paragraph."""
        ending = sum(self.text[line.end - 1] in SENTENCE_MARKS for line in lines)
        lengths = sorted(line.end - line.start for line in lines)
        least = PARAGRAPH_LINE_ALONE if self.alone else PARAGRAPH_LINE
        return ending >= ENDING_LINES * len(lines) and lengths[len(lengths) // 2] >= least

    def _remember_lead_in(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Remembers the last sentence if it ends with a colon, because it introduces what follows."""
        start, end = ranges[-1]
        words = self.text[max(start, end - 4 * MAX_LEAD_IN) : end]
        if words.rstrip("*_ ")[-1:] not in (":", "："):
            self.lead_in = ""
            return
        first, last = split_sentences(words)[-1]
        self.lead_in = " ".join(words[first:last].split())[-MAX_LEAD_IN:]


def _items(lines: Sequence[Line], marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges of the items. A bullet says nothing and is left out; a number stays.

    :param marks: (line, characters to leave out) of each item.
    """
    ends = [line for line, _ in marks[1:]] + [len(lines)]
    return [
        (lines[first].start + skipped, lines[after - 1].end)
        for (first, skipped), after in zip(marks, ends, strict=True)
    ]


def _join_short(items: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Joins neighbours that are both short."""
    joined: list[tuple[int, int]] = []
    last_short = False
    for start, end in items:
        short = end - start < SHORT_ITEM
        if short and last_short:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
        last_short = short
    return joined
