"""Finds labels that name something the index does not have: a wrong path in a question file would otherwise look like
a bad search."""

from __future__ import annotations

from collections.abc import Sequence

from index.text.blocks import split_blocks
from qa.evaluation.questions import Question
from qa.types import Asks


def describe_lost_labels(questions: Sequence[Question], answerer: Asks) -> str | None:
    """A sentence on the labels whose article or block the open index does not have; None if there are none."""
    counts = _count_blocks(questions, answerer)
    lost = [
        (question.identifier, path, block)
        for question in questions
        for path, block in question.relevant
        if counts[path] is None or (block is not None and block >= (counts[path] or 0))
    ]
    if not lost:
        return None
    identifier, path, block = lost[0]
    named = path if counts[path] is None or block is None else f"paragraph {block} of {path}"
    count = "1 label names" if len(lost) == 1 else f"{len(lost):,} labels name"
    return (
        f'warning: {count} something the index does not have, first {named} (question {identifier}); correct "doc" '
        'and "paragraph", which counts blocks between blank lines from 0'
    )


def _count_blocks(questions: Sequence[Question], answerer: Asks) -> dict[str, int | None]:
    """Number of blocks of each article that a label names; None if the index has no such article."""
    known = {article.path for article in answerer.list_articles()}
    paths = {path for question in questions for path, _ in question.relevant}
    return {path: len(split_blocks(answerer.load_article(path).text)) if path in known else None for path in paths}
