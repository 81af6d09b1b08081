"""Which items of a list are quoted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from index.types import Candidate, Paragraph, Reading, Span, StoredParagraph
from qa.answering.evidence import Evidence, score_sentences
from qa.answering.list_items import follow_lead_ins, split_items
from qa.answering.quotes import choose_quotes

_LEAD_IN = "The government promised the following help:"
_ITEMS = "1. Forty million for roads.\n2. Free housing. It begins in May.\n3. A year without taxes."


def build_evidence(number: int, text: str, *likely: tuple[str, float], context: str = "", path: str = "a") -> Evidence:
    """A passage with the answers that were read in it."""
    spans = tuple(Span(text.index(words), text.index(words) + len(words), score) for words, score in likely)
    paragraph = Paragraph(number, number, 100 * number, 100 * number + len(text), 1, text, context=context)
    source = StoredParagraph(number, path, "A", None, paragraph)
    evidence = Evidence(Candidate(number, 0.5, 1.0, 0.5), source, Reading(1.0, spans, 0.0), 1.0)
    return replace(evidence, sentences=score_sentences("?", evidence, None))


def quote(*evidence: Evidence) -> list[str]:
    """The texts of the quotes."""
    return [one.text for one in choose_quotes(evidence, 5)]


@pytest.mark.parametrize("mark", ["{}. ", "{}) ", "- ", "* ", "• "])
def test_a_lead_in_stands_for_its_items(mark: str) -> None:
    """Found, it is not quoted: every item is, in the order of the list, whatever answers best."""
    lines = [mark.format(number) + words for number, words in enumerate(("Roads.", "Free housing.", "No taxes."), 1)]
    # Paragraphs leave the first bullet out.
    text = "\n".join(lines)[0 if "{" in mark else len(mark) :]
    items = build_evidence(2, text, ("Free housing", 9.0), context=f"Help\n{_LEAD_IN}")
    lead_in = build_evidence(1, _LEAD_IN, ("help", 2.0))
    for cited in ([lead_in], [items, lead_in], [lead_in, items]):
        found = follow_lead_ins(cited, [items, lead_in])
        assert quote(*found) == text.split("\n")


def test_only_the_item_that_answers() -> None:
    """Without the lead-in an item is quoted where it answers about as well as the best: exp(-5) is under .15."""
    items = build_evidence(2, _ITEMS, ("Forty million", 9.0), ("A year", 4.0), context=_LEAD_IN)
    assert quote(*follow_lead_ins([items], [items])) == ["1. Forty million for roads."]


def test_items_that_answer_alike_are_quoted_each() -> None:
    """exp(-1) is .37: two of the three, not the sentence that happens to stand beside the best."""
    items = build_evidence(2, _ITEMS, ("Forty million", 9.0), ("A year without taxes", 8.0), ("May", 1.0))
    assert quote(items) == ["1. Forty million for roads.", "3. A year without taxes."]


def test_a_lead_in_whose_items_were_not_found_is_quoted_itself() -> None:
    """As is one with a list of the same words in another article."""
    lead_in = build_evidence(1, _LEAD_IN, ("help", 2.0))
    elsewhere = build_evidence(2, _ITEMS, ("Free housing", 9.0), context=_LEAD_IN, path="b")
    assert follow_lead_ins([lead_in], [elsewhere, lead_in]) == [lead_in]


def test_prose_is_no_list() -> None:
    """Years and dashes inside sentences begin no item."""
    prose = build_evidence(1, "It was built in\n1999. It cost 2 million - a lot.", ("2 million", 3.0))
    assert split_items(prose) == [prose]
