"""Compares rankings with labels by the ir-measures library, which only this file imports."""

from __future__ import annotations

from collections.abc import Sequence

from qa.evaluation.measures import RANKED
from qa.evaluation.questions import Place, Question

RANKING_COLUMNS = ("hit@1", "hit@5", "hit@10", "mrr@10", "ndcg@10")


def score_rankings(questions: Sequence[Question], rankings: Sequence[Sequence[Place]]) -> list[dict[str, float] | None]:
    """The RANKING_COLUMNS of each question; None for one without labels.

    If a label names a whole article, all its passages count as one place. Of several passages of one block, the first
    counts.

    :param rankings: places for each question, best first.
    """
    import ir_measures
    from ir_measures import RR, Qrel, ScoredDoc, Success, nDCG

    names = dict(
        zip((Success @ 1, Success @ 5, Success @ RANKED, RR @ RANKED, nDCG @ RANKED), RANKING_COLUMNS, strict=True)
    )
    labels, run = [], []
    for number, (question, ranking) in enumerate(zip(questions, rankings, strict=True)):
        if not question.relevant:
            continue
        labels += [Qrel(str(number), _name(place), 1) for place in dict.fromkeys(question.relevant)]
        places = list(dict.fromkeys(_as_labelled(question, place) for place in ranking))[:RANKED]
        run += [ScoredDoc(str(number), _name(place), float(-rank)) for rank, place in enumerate(places)]
        # A question without any passage still counts, with one that no label names.
        run += [] if places else [ScoredDoc(str(number), "", 0.0)]
    scores: list[dict[str, float] | None] = [{} if question.relevant else None for question in questions]
    for metric in ir_measures.iter_calc(list(names), labels, run):
        found = scores[int(metric.query_id)]
        assert found is not None, "only questions with labels are scored"
        found[names[metric.measure]] = float(metric.value)
    return scores


def _as_labelled(question: Question, place: Place) -> Place:
    return (place[0], None) if (place[0], None) in question.relevant else place


def _name(place: Place) -> str:
    path, block = place
    return f"{block if block is not None else '*'}:{path}"
