"""The final order of the passages: how many are read, and how much the cross-encoder counts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from index.types import Reading
from qa.answering.confidence import estimate_probability
from qa.answering.evidence import Evidence
from qa.answering.ranking import blend, build_evidence, choose_read, compute_brevity, rank
from tests.helpers.evidence import build_candidate, build_reading, build_source

SHORT = "How high is the lighthouse?"
LONG = " ".join(["word"] * 28)


def found(count: int, characters: int = 300) -> list[Evidence]:
    """Passages with these numbers of characters, in the order of the search."""
    return [build_evidence(build_candidate(number), build_source("x" * characters, number)) for number in range(count)]


def order(evidence: Sequence[Evidence]) -> list[int]:
    """The numbers of the passages."""
    return [one.source.paragraph_id for one in evidence]


def rank_two(question: str, *passages: tuple[float, float, float]) -> list[int]:
    """The order of two passages with these values of (fused score, relevance, margin)."""
    found = [
        build_evidence(build_candidate(number, fused=fused), build_source(number=number))
        for number, (fused, _, _) in enumerate(passages)
    ]
    readings = [build_reading("Text.", ("Text", margin), relevance=relevance) for _, relevance, margin in passages]
    return order(rank(question, found, readings))


def test_twelve_short_passages_are_read() -> None:
    """Short passages, as in news, are read up to the twelfth."""
    assert len(choose_read(found(50))) == 12
    assert len(choose_read(found(3))) == 3
    assert choose_read([]) == []


def test_long_passages_are_read_as_far_as_time_allows() -> None:
    """Passages are read up to 9,000 characters together, but always the first four."""
    assert len(choose_read(found(50, 1_500))) == 6
    assert len(choose_read(found(50, 1_501))) == 5
    assert order(choose_read(found(50, 20_000))) == [0, 1, 2, 3]


@pytest.mark.parametrize(("words", "brevity"), [(0, 1.0), (3, 1.0), (14, 1.0), (15, 0.8711), (28, 0.25), (45, 0.0968)])
def test_brevity_is_whole_up_to_fourteen_words(words: int, brevity: float) -> None:
    """Brevity is 1 up to fourteen words, and then falls with the square of the length."""
    assert compute_brevity(words) == pytest.approx(brevity, abs=1e-4)


@pytest.mark.parametrize(("lead", "first"), [(0.03, 1), (0.05, 0)])
def test_two_logits_of_relevance_outweigh_a_cosine_of_three_hundredths(lead: float, first: int) -> None:
    """Each logit of relevance counts .02, so two of them count more than the .03 by which the other passage leads."""
    assert rank_two(SHORT, (0.5 + lead, 1.0, 0.0), (0.5, 3.0, 0.0))[0] == first


@pytest.mark.parametrize(("lead", "first"), [(0.03, 1), (0.05, 0)])
def test_two_logits_of_margin_count_as_much(lead: float, first: int) -> None:
    """Each logit of margin above 0 counts .02."""
    assert rank_two(SHORT, (0.5 + lead, 1.0, 1.0), (0.5, 1.0, 3.0))[0] == first


def test_an_answer_that_was_not_found_is_not_evidence() -> None:
    """All margins below 0 count the same."""
    assert rank_two(SHORT, (0.5, 1.0, -9.0), (0.499, 1.0, -1.0)) == [0, 1]
    assert rank_two(SHORT, (0.5, 1.0, -9.0), (0.499, 1.0, 1.0)) == [1, 0]


def test_in_a_long_question_the_cross_encoder_counts_a_quarter() -> None:
    """With 28 words, a lead that wins in a short question (.08 against .05) does not win (.02)."""
    passages = (0.55, 1.0, 0.0), (0.5, 3.0, 2.0)
    assert rank_two(SHORT, *passages) == [1, 0]
    assert rank_two(LONG, *passages) == [0, 1]
    assert blend(0.5, build_reading("Text.", ("Text", 2.0), relevance=3.0), 0.25) == pytest.approx(0.525)


def test_the_length_of_the_question_decides_the_probability_too() -> None:
    """The same reading gives another probability in a long question."""
    reading = build_reading("Text.", ("Text", 5.0))
    for question, brevity in ((SHORT, 1.0), (LONG, 0.25)):
        (one,) = rank(question, [build_evidence(build_candidate(), build_source())], [reading])
        assert one.probability == estimate_probability(build_candidate(), reading, brevity)


def test_what_was_not_read_stands_last_and_below() -> None:
    """A cosine of .9 is not a probability of .9. The score of an unread passage is that of the least likely passage
    that was read."""
    candidates = [build_candidate(number, dense=0.9, fused=2.0 * number) for number in range(3)]
    readings = [build_reading("Text.", ("Text", margin)) for margin in (-9.0, 9.0)]
    ranked = rank(SHORT, [build_evidence(one, build_source(number=one.paragraph_id)) for one in candidates], readings)
    assert order(ranked) == [1, 0, 2]
    assert ranked[0].probability > ranked[1].probability == ranked[2].probability
    assert ranked[2].reading is None


def test_a_passage_that_was_only_found_has_its_cosine() -> None:
    """If nothing reads, each passage keeps its cosine. So does an unread one whose cosine is below all that was
    read."""
    one = build_evidence(build_candidate(dense=0.9, fused=0.7), build_source())
    assert (one.probability, one.order, one.reading) == (0.9, 0.7, None)
    assert rank(SHORT, [one], []) == [one]
    far = build_evidence(build_candidate(dense=0.1), build_source())
    assert rank(SHORT, [one, far], [Reading(5.0)])[1] == far
