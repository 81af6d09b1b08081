"""Which sentences are quoted, and which places count as saying the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.sentences import split_sentences
from index.types import Span
from qa.answering.quotes import choose_quotes, cut_quote
from qa.answering.sentences import ScoredPassage
from tests.helpers.evidence import build_evidence, score

_TEXT = "The bridge was opened in 2019. It cost 12 million euros. The mayor came on foot."


def build_passage(
    text: str = _TEXT, *answers: tuple[str, float] | Span, path: str = "a.txt", start: int = 0
) -> ScoredPassage:
    """A passage that was read, with its sentences scored by the answers in it."""
    return score(build_evidence(text, *answers, path=path, start=start))


def test_the_sentence_with_the_likeliest_answer_is_quoted() -> None:
    """The quote is one sentence if that can stand alone, with the answering words marked."""
    quote = cut_quote(build_passage(_TEXT, ("2019", 9.0), ("12 million", 2.0)))
    assert quote.text == "The bridge was opened in 2019."
    assert quote.span == (25, 29)


@pytest.mark.parametrize(("below", "text"), [(2.2, _TEXT[:56]), (2.4, _TEXT[:30])])
def test_a_neighbour_that_answers_about_as_well_is_quoted_too(below: float, text: str) -> None:
    """A neighbour is quoted from a tenth of the best one on: exp(-2.2) is .11, exp(-2.4) is .09."""
    quote = cut_quote(build_passage(_TEXT, ("2019", 9.0), ("12 million", 9.0 - below)))
    assert quote.text == text


def test_a_sentence_that_leans_on_the_one_before_brings_it_along() -> None:
    """'It cost …' is quoted with the sentence that says what 'it' is."""
    quote = cut_quote(build_passage(_TEXT, ("12 million euros", 9.0)))
    assert quote.text == "The bridge was opened in 2019. It cost 12 million euros."


def test_an_answer_over_a_sentence_end_is_never_cut() -> None:
    """The quote goes on to the end of the sentence in which the answer ends."""
    quote = cut_quote(build_passage(_TEXT, ("2019. It cost 12 million", 9.0)))
    assert quote.text == "The bridge was opened in 2019. It cost 12 million euros."
    quote = cut_quote(build_passage(_TEXT, ("12 million euros. The mayor", 9.0), ("2019", 8.9)))
    assert quote.text == "It cost 12 million euros. The mayor came on foot."


def test_the_same_words_elsewhere_are_one_citation_that_names_both_places() -> None:
    """A text in two articles, or twice in one, is quoted once."""
    first = build_passage(_TEXT, ("2019", 9.0))
    copy = build_passage("THE BRIDGE was opened in 2019!", Span(25, 29, 8.0), path="b.txt", start=40)
    quotes = choose_quotes([first, copy], 5)
    assert len(quotes) == 1
    assert [(place.path, place.start, place.end) for place in quotes[0].also_in] == [("b.txt", 40, 70)]


def test_another_figure_is_another_quote() -> None:
    """Articles that disagree about a figure are both quoted, though nineteen of twenty-one words are the same."""
    words = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau"
    said = [build_passage(f"{words} {figure}.", path=f"{figure}.txt") for figure in ("2018", "2019", "once")]
    assert [one.text for one in choose_quotes(said, 5)] == [f"{words} 2018.", f"{words} 2019.", f"{words} once."]
    first, second = (build_passage(f"{words} {last}.", path=f"{last}.txt") for last in ("upsilon", "ypsilon"))
    assert len(choose_quotes([first, second], 5)) == 1


@pytest.mark.parametrize(("words", "quoted"), [(9, 1), (8, 2)])
def test_nine_of_ten_words_say_the_same(words: int, quoted: int) -> None:
    """With one more word to nine, a sentence says the same. With one more to eight, it does not."""
    said = " ".join("alpha beta gamma delta epsilon zeta eta theta iota".split()[:words])
    first, longer = build_passage(f"{said}."), build_passage(f"{said} more.", path="b.txt")
    assert len(choose_quotes([first, longer], 5)) == quoted


def test_short_sentences_say_the_same_in_the_same_words_alone() -> None:
    """In a short sentence every word counts, and the order does not."""
    said = [build_passage(text, path=f"{text}.txt") for text in ("He said so.", "So he said!", "He said no.")]
    assert [(one.text, len(one.also_in)) for one in choose_quotes(said, 5)] == [("He said so.", 1), ("He said no.", 0)]


def test_no_more_quotes_than_wanted_though_repetitions_are_still_named() -> None:
    """A passage beyond the limit that repeats a quote is named with that quote."""
    texts = ["The first says one thing.", "The second says another thing here.", "The first says one thing."]
    quotes = choose_quotes([build_passage(text, path=f"{n}.txt") for n, text in enumerate(texts)], 1)
    assert [(one.text, [place.path for place in one.also_in]) for one in quotes] == [(texts[0], ["2.txt"])]


@given(st.text(max_size=200), st.data())
def test_a_quote_is_cut_from_its_passage_and_holds_its_answer(text: str, data: st.DataObject) -> None:
    """A quote is a slice of any text, and holds the answer wherever the model saw it."""
    if not split_sentences(text):
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    quote = cut_quote(build_passage(text, Span(start, end, 3.0)))
    assert 0 <= quote.start < quote.end <= len(text)
    assert quote.text == text[quote.start : quote.end]
    if quote.span is not None:
        assert quote.start <= quote.span[0] < quote.span[1] <= quote.end
