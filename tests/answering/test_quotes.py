"""Which sentences are quoted, and what is said to repeat them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from index.text.sentences import split_sentences
from index.types import Candidate, Paragraph, Reading, Span, StoredParagraph
from qa.answering.evidence import Evidence, score_sentences
from qa.answering.quotes import choose_quotes, cut_quote

_TEXT = "The bridge was opened in 2019. It cost 12 million euros. The mayor came on foot."


def build_evidence(text: str, spans: tuple[Span, ...], path: str = "a.txt", start: int = 0) -> Evidence:
    """A passage that was read, with its sentences scored by the spans."""
    paragraph = Paragraph(0, 0, start, start + len(text), 1, text)
    evidence = Evidence(
        Candidate(1, 0.5, 1.0, 0.5), StoredParagraph(1, path, "A", None, paragraph), Reading(1.0, spans, 0.0), 1.0
    )
    return replace(evidence, sentences=score_sentences("?", evidence, None))


def span_of(text: str, words: str, score: float) -> Span:
    """The place of `words` in `text`."""
    start = text.index(words)
    return Span(start, start + len(words), score)


def test_the_sentence_with_the_likeliest_answer_is_quoted() -> None:
    """One sentence where it stands alone, with the answering words."""
    quote = cut_quote(build_evidence(_TEXT, (span_of(_TEXT, "2019", 9.0), span_of(_TEXT, "12 million", 2.0))))
    assert quote.text == "The bridge was opened in 2019."
    assert quote.span == (25, 29)


def test_a_neighbour_that_answers_about_as_well_is_quoted_too() -> None:
    """exp(8.5 - 9) = .61 is over a tenth: both sentences."""
    quote = cut_quote(build_evidence(_TEXT, (span_of(_TEXT, "2019", 9.0), span_of(_TEXT, "12 million", 8.5))))
    assert quote.text == "The bridge was opened in 2019. It cost 12 million euros."


def test_a_sentence_that_leans_on_the_one_before_brings_it_along() -> None:
    """'It cost …' says of what."""
    quote = cut_quote(build_evidence(_TEXT, (span_of(_TEXT, "12 million euros", 9.0),)))
    assert quote.text == "The bridge was opened in 2019. It cost 12 million euros."


def test_an_answer_over_a_sentence_end_is_never_cut() -> None:
    """The quote reaches to the end of the sentence in which its answer ends."""
    quote = cut_quote(build_evidence(_TEXT, (span_of(_TEXT, "2019. It cost 12 million", 9.0),)))
    assert quote.text == "The bridge was opened in 2019. It cost 12 million euros."


def test_the_same_words_elsewhere_are_one_citation_that_names_both_places() -> None:
    """Wire copy in two articles, or a sentence twice in one."""
    first = build_evidence(_TEXT, (span_of(_TEXT, "2019", 9.0),))
    copy = build_evidence("THE BRIDGE was opened in 2019!", (Span(25, 29, 8.0),), path="b.txt", start=40)
    quotes = choose_quotes([first, copy], 5)
    assert len(quotes) == 1
    assert [(place.path, place.start, place.end) for place in quotes[0].also_in] == [("b.txt", 40, 70)]


def test_another_figure_is_another_quote() -> None:
    """Articles that disagree are both shown."""
    first = build_evidence(_TEXT, (span_of(_TEXT, "2019", 9.0),))
    other = build_evidence("The bridge was opened in 2018.", (Span(25, 29, 8.0),), path="b.txt")
    assert len(choose_quotes([first, other], 5)) == 2


@given(st.text(max_size=200), st.data())
def test_a_quote_is_cut_from_its_passage_and_holds_its_answer(text: str, data: st.DataObject) -> None:
    """Whatever the text and wherever the model saw an answer."""
    if not split_sentences(text):
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    quote = cut_quote(build_evidence(text, (Span(start, end, 3.0),)))
    assert 0 <= quote.start < quote.end <= len(text)
    assert quote.text == text[quote.start : quote.end]
    if quote.span is not None:
        assert quote.start <= quote.span[0] < quote.span[1] <= quote.end
