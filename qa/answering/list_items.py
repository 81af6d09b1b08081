"""Lists in the articles: which items a question asks for, each to be quoted on its own. Pure.

"The government promised the following:" answers nothing, though it is close to the question: what follows it does.
Where such a lead-in is found, all its items are quoted; else those that answer about as well as the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from index.text.lists import MARKER
from qa.answering.evidence import Evidence, Sentence

_ITEM_SHARE = 0.15
"""An item is quoted too where its best answer is at least so likely as that of the best item."""


def follow_lead_ins(cited: Sequence[Evidence], read: Sequence[Evidence]) -> list[Evidence]:
    """The cited passages with each lead-in replaced by the passages of its items, in the order of the article.

    :param read: all passages that were read, where the items are looked for.
    """
    followed: dict[int, Evidence] = {}
    for one in cited:
        items = [other for other in read if _leads_to(one, other)]
        items.sort(key=lambda other: other.source.paragraph.start)
        for item in items or [one]:
            found = followed.get(item.source.paragraph_id, item)
            followed[item.source.paragraph_id] = replace(found, listed=found.listed or bool(items))
    return list(followed.values())


def split_items(evidence: Evidence) -> list[Evidence]:
    """The passage once for each item that is to be quoted, with that item's sentences alone; itself where it is no
    list, or where one item is all that answers."""
    items = _group_by_item(evidence)
    if len(items) < 2:
        return [evidence]
    best = max(sentence.score for item in items for sentence in item)
    wanted = [item for item in items if evidence.listed or _share(item, best) >= _ITEM_SHARE]
    if len(wanted) < 2:
        return [evidence]
    return [replace(evidence, sentences=tuple(item)) for item in wanted]


def _leads_to(one: Evidence, other: Evidence) -> bool:
    lead_in, item = one.source, other.source
    if lead_in.path != item.path or not _announces(lead_in.paragraph.text):
        return False
    announced = item.paragraph.context.rpartition("\n")[2]
    return bool(announced) and " ".join(lead_in.paragraph.text.split()).endswith(announced)


def _group_by_item(evidence: Evidence) -> list[list[Sentence]]:
    """The sentences of each item. A passage may begin with an item whose bullet is left out, or with a lead-in, which
    is no item."""
    text = evidence.source.paragraph.text
    items: list[list[Sentence]] = []
    for sentence in evidence.sentences:
        if not items or _begins_item(text, sentence.start):
            items.append([sentence])
        else:
            items[-1].append(sentence)
    if items and _announces(text[: items[0][-1].end]):
        del items[0]
    return items


def _announces(text: str) -> bool:
    """True where the text ends with a colon, in Markdown's emphasis or not."""
    return text.rstrip("*_ \r\n")[-1:] in (":", "：")


def _begins_item(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \t")
    return (not before or before[-1] in "\r\n") and MARKER.match(text, start) is not None


def _share(item: Sequence[Sentence], best: float) -> float:
    """How likely the item's best answer is, against the best of all items. Only spans are likelihoods."""
    scores = [sentence.score for sentence in item if sentence.span is not None]
    return math.exp(max(scores) - best) if scores else 0.0
