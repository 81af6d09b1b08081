"""Lists in the articles: which items a question asks for, each to be quoted on its own. Pure.

"The government promised the following:" is close to the question and answers nothing: the items after it do. If such a
lead-in is cited, all its items are quoted; otherwise only those that answer about as well as the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from index.text.lists import MARKER
from qa.answering.evidence import Evidence
from qa.answering.sentences import ScoredPassage, Sentence

_ITEM_SHARE = 0.15
"""An item is quoted too if its best answer is at least this share as likely as that of the best item."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A passage that is to be quoted."""

    evidence: Evidence
    is_listed: bool = False
    """True if a lead-in to its items was found: then all of them are asked for."""


def follow_lead_ins(cited: Sequence[Evidence], evidence: Sequence[Evidence]) -> list[Cited]:
    """The cited passages with each lead-in replaced by the passages of its items, in the order of the article.

    :param evidence: all passages, among which the items are looked for.
    """
    followed: dict[int, Cited] = {}
    for one in cited:
        items = [other for other in evidence if _leads_to(one, other)]
        items.sort(key=lambda other: other.source.paragraph.start)
        for item in items or [one]:
            found = followed.get(item.source.paragraph_id, Cited(item))
            followed[item.source.paragraph_id] = replace(found, is_listed=found.is_listed or bool(items))
    return list(followed.values())


def split_items(passage: ScoredPassage) -> list[ScoredPassage]:
    """The passage once for each item that is to be quoted, with that item's sentences alone; the passage itself if it
    is no list, or if only one item answers."""
    items = _group_by_item(passage)
    if len(items) < 2:
        return [passage]
    best = max(sentence.score for item in items for sentence in item)
    wanted = [item for item in items if passage.is_listed or _compute_share(item, best) >= _ITEM_SHARE]
    if len(wanted) < 2:
        return [passage]
    return [replace(passage, sentences=tuple(item)) for item in wanted]


def _leads_to(one: Evidence, other: Evidence) -> bool:
    lead_in, item = one.source, other.source
    if lead_in.path != item.path or not _announces(lead_in.paragraph.text):
        return False
    announced = item.paragraph.context.rpartition("\n")[2]
    return bool(announced) and " ".join(lead_in.paragraph.text.split()).endswith(announced)


def _group_by_item(passage: ScoredPassage) -> list[list[Sentence]]:
    """The sentences of each item. A passage may begin with an item without its bullet, or with a lead-in, which is no
    item."""
    text = passage.evidence.text
    items: list[list[Sentence]] = []
    for sentence in passage.sentences:
        if not items or _begins_item(text, sentence.start):
            items.append([sentence])
        else:
            items[-1].append(sentence)
    if items and _announces(text[: items[0][-1].end]):
        del items[0]
    return items


def _announces(text: str) -> bool:
    """True if the text ends with a colon, whether or not in Markdown's emphasis."""
    return text.rstrip("*_ \r\n")[-1:] in (":", "：")


def _begins_item(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \t")
    return (not before or before[-1] in "\r\n") and MARKER.match(text, start) is not None


def _compute_share(item: Sequence[Sentence], best: float) -> float:
    """How likely the item's best answer is, as a share of the best of all items; 0 without a span: only the scores of
    spans are log-likelihoods."""
    scores = [sentence.score for sentence in item if sentence.span is not None]
    return math.exp(max(scores) - best) if scores else 0.0
