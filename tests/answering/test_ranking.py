"""How many passages are read, and what the cross-encoder's word counts."""

from index.types import Reading, Span
from qa.answering.ranking import (
    FEWEST_READ,
    FULL_WORDS,
    MOST_READ,
    READ_CHARACTERS,
    blend,
    choose_depth,
    compute_brevity,
)


def test_short_passages_are_read_up_to_the_most() -> None:
    """News: twelve of them."""
    assert choose_depth([300] * 50) == MOST_READ
    assert choose_depth([300] * 3) == 3
    assert choose_depth([]) == 0


def test_long_passages_are_read_as_far_as_time_allows() -> None:
    """As many as the room has, and the first four in any case."""
    assert choose_depth([READ_CHARACTERS // 6] * 50) == 6
    assert choose_depth([READ_CHARACTERS * 2] * 50) == FEWEST_READ


def test_the_cross_encoder_counts_less_in_a_long_question() -> None:
    """A quarter as much in a question of twice the words."""
    assert compute_brevity(3) == compute_brevity(FULL_WORDS) == 1.0
    assert compute_brevity(2 * FULL_WORDS) == 0.25
    reading = Reading(4.0, (Span(0, 1, 3.0),), 1.0)
    short, long = blend(0.5, reading, 1.0) - 0.5, blend(0.5, reading, 0.25) - 0.5
    assert short > 0
    assert abs(long - short / 4) < 1e-12


def test_an_answer_found_counts_and_one_not_found_does_not() -> None:
    """Above 0 the margin lifts a passage; below, all passages stand alike, however far below."""
    order = {margin: blend(0.5, Reading(1.0, (Span(0, 1, margin),), 0.0), 1.0) for margin in (-9.0, -1.0, 0.0, 3.0)}
    assert order[-9.0] == order[-1.0] == order[0.0] < order[3.0]
