"""Which items of a list are quoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from index.types import Span
from qa.answering.evidence import Evidence
from qa.answering.list_items import follow_lead_ins, split_items
from qa.answering.quotes import choose_quotes
from tests.helpers.evidence import build_evidence, score

_LEAD_IN = "The government promised the following help:"
_ITEMS = "1. Forty million for roads.\n2. Free housing. It begins in May.\n3. A year without taxes."


def build_passage(
    number: int, text: str, *answers: tuple[str, float] | Span, context: str = "", path: str = "a"
) -> Evidence:
    """A passage of an article. A higher number stands further down."""
    return build_evidence(text, *answers, number=number, start=100 * number, context=context, path=path)


def quote(cited: Sequence[Evidence], found: Sequence[Evidence] | None = None) -> list[str]:
    """The texts of the quotes. Items are looked for in `found`."""
    followed = follow_lead_ins(cited, cited if found is None else found)
    return [one.text for one in choose_quotes([score(one.evidence, is_listed=one.is_listed) for one in followed], 5)]


@pytest.mark.parametrize("mark", ["{}. ", "{}) ", "- ", "* ", "• "])
def test_a_lead_in_stands_for_its_items(mark: str) -> None:
    """A lead-in is not quoted. All of its items are, in the order of the list, whichever answers best."""
    lines = [mark.format(number) + words for number, words in enumerate(("Roads.", "Free housing.", "No taxes."), 1)]
    # A paragraph leaves out its first bullet.
    text = "\n".join(lines)[0 if "{" in mark else len(mark) :]
    items = build_passage(2, text, ("Free housing", 9.0), context=f"Help\n{_LEAD_IN}")
    lead_in = build_passage(1, _LEAD_IN, ("help", 2.0))
    for cited in ([lead_in], [items, lead_in], [lead_in, items]):
        assert quote(cited, [items, lead_in]) == text.split("\n")


@pytest.mark.parametrize(("below", "quoted"), [(1.8, 2), (2.0, 1)])
def test_items_that_answer_alike_are_quoted_each(below: float, quoted: int) -> None:
    """An item is quoted from .15 of the best one on (exp(-1.8) is .17, exp(-2) is .14). A sentence beside it is not."""
    items = build_passage(2, _ITEMS, ("Forty million", 9.0), ("A year without taxes", 9.0 - below), context=_LEAD_IN)
    assert quote([items]) == ["1. Forty million for roads.", "3. A year without taxes."][:quoted]


def test_an_item_without_an_answer_is_not_quoted() -> None:
    """An item without an answer is left out even if its score is near that of the best. If no item has an answer, the
    passage is not split."""
    items = build_passage(2, _ITEMS, ("Forty million", 9.0), context=_LEAD_IN)
    assert quote([items]) == ["1. Forty million for roads."]
    passage = score(build_passage(2, _ITEMS))
    alike = replace(passage, sentences=tuple(replace(one, score=1.0, span=None) for one in passage.sentences))
    assert split_items(alike) == [alike]


def test_items_of_several_passages_are_quoted_in_the_order_of_the_article() -> None:
    """The order in which the passages were found does not matter."""
    lead_in = build_passage(1, _LEAD_IN, ("help", 2.0))
    first, second = (build_passage(number, f"Item number{number}.", context=_LEAD_IN) for number in (2, 3))
    assert quote([lead_in], [second, lead_in, first]) == ["Item number2.", "Item number3."]


def test_a_lead_in_inside_a_passage_is_not_an_item() -> None:
    """Only the items that follow the lead-in are quoted."""
    passage = score(build_passage(2, f"{_LEAD_IN}\n{_ITEMS}", ("help", 9.0)), is_listed=True)
    assert [one.text for one in choose_quotes([passage], 5)] == [
        "1. Forty million for roads.",
        "2. Free housing.",
        "3. A year without taxes.",
    ]


def test_a_lead_in_whose_items_were_not_found_is_quoted_itself() -> None:
    """A list with the same lead-in in another article does not count as its items."""
    lead_in = build_passage(1, _LEAD_IN, ("help", 2.0))
    elsewhere = build_passage(2, _ITEMS, ("Free housing", 9.0), context=_LEAD_IN, path="b")
    assert [one.evidence for one in follow_lead_ins([lead_in], [elsewhere, lead_in])] == [lead_in]


def test_prose_is_not_a_list() -> None:
    """Years and dashes inside sentences do not begin an item."""
    prose = score(build_passage(1, "It was built in\n1999. It cost 2 million - a lot.", ("2 million", 3.0)))
    assert split_items(prose) == [prose]
