"""How many passages are read, and what the cross-encoder's word counts."""

from index.types import Reading, Span
from qa.ranking import FEWEST_READ, FULL_WORDS, MOST_READ, READ_CHARACTERS, blend, build_leads, choose_depth


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
    """Half as much in a question of twice the words."""
    reading = Reading(4.0, (Span(0, 1, 3.0),), 1.0)
    short = blend(0.5, reading, FULL_WORDS) - 0.5
    assert blend(0.5, reading, 3) - 0.5 == short
    assert abs(blend(0.5, reading, 2 * FULL_WORDS) - 0.5 - short / 2) < 1e-12
    assert short > 0


def test_a_lead_is_told_over_the_best_of_the_others() -> None:
    """The first leads over the second, every other is behind the first."""
    assert build_leads([0.5, 1.25, 1.0]) == [-0.75, 0.25, -0.25]
    assert build_leads([0.5]) == [0.0]
    assert build_leads([]) == []
