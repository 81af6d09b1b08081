"""If there is an answer, what it cites, and what the reason says if there is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from qa.answering.answer import AnswerOptions, build_answer, choose_cited, estimate_confidence, explain
from qa.answering.confidence import choose_threshold
from qa.answering.evidence import Evidence
from qa.answering.follow_ups import understand
from qa.types import Answer, IndexInfo, Turn
from tests.helpers.evidence import build_evidence

QUESTION = "When was the bridge opened?"
TEXT = "The bridge was opened in 2019."


def decide(evidence: Sequence[Evidence], question: str = QUESTION, *, passages: int = 5) -> Answer:
    """The answer by the default threshold."""
    options = AnswerOptions(choose_threshold(None), passages)
    return build_answer(understand(question, ()), evidence, None, options, IndexInfo(1, 2, 3, "model"))


def likely(*probabilities: float) -> list[Evidence]:
    """Passages with these probabilities, each with a sentence of its own."""
    return [
        build_evidence(f"Bridge number{n} was opened.", (f"number{n}", 5.0), number=n, probability=one, path=f"{n}.txt")
        for n, one in enumerate(probabilities)
    ]


def cited(answer: Answer) -> list[str]:
    """The articles that are cited, in order."""
    return [one.path for one in answer.citations]


@pytest.mark.parametrize(("probability", "answered"), [(0.55, True), (0.5499, False)])
def test_an_answer_is_given_from_the_threshold_on(probability: float, answered: bool) -> None:
    """The threshold is .55. Below it nothing is cited, and the answer has a reason."""
    answer = decide([build_evidence(TEXT, ("2019", 5.0), probability=probability)])
    assert (answer.answered, answer.confidence) == (answered, probability)
    assert (bool(answer.citations), answer.reason is None) == (answered, answered)
    assert [one.text for one in answer.passages] == [TEXT]


def test_the_first_passage_alone_says_how_sure_the_answer_is() -> None:
    """The confidence is the probability of the first passage, because the highest of twelve is high by luck."""
    assert estimate_confidence(QUESTION, likely(0.6, 0.9)) == 0.6
    assert decide(likely(0.5, 0.9)).answered is False
    assert (decide([]).answered, decide([]).confidence) == (False, 0.0)


def test_passages_about_as_likely_as_the_first_are_cited() -> None:
    """A passage is cited from .75 of the first one's probability on, and never below the threshold."""
    assert cited(decide(likely(0.96, 0.72, 0.71, 0.8))) == ["0.txt", "1.txt", "3.txt"]
    assert cited(decide(likely(0.6, 0.55, 0.5))) == ["0.txt", "1.txt"]


def test_what_was_not_read_is_not_cited_beside_what_was() -> None:
    """A cosine of .9 is not a probability of .9."""
    read, unread = build_evidence(number=1), build_evidence(number=2, is_read=False)
    assert choose_cited([read, unread], 0.5) == [read]


def test_without_a_cross_encoder_cosines_decide() -> None:
    """If no passage was read, all are judged by their cosines."""
    first, close, far = (build_evidence(probability=one, is_read=False) for one in (0.9, 0.8, 0.2))
    assert choose_cited([first, close, far], 0.5) == [first, close]
    assert choose_cited([], 0.5) == []


def test_five_quotes_of_the_first_eight_passages() -> None:
    """Of the sixth to the eighth passage, only one that repeats a quote is named, beside that quote."""
    passages = likely(*[0.9] * 7)
    copy, late = (
        build_evidence("Bridge number0 was opened.", ("number0", 5.0), number=n, path=f"{n}.txt") for n in (7, 8)
    )
    answer = decide([*passages, copy, late])
    assert cited(answer) == ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]
    assert [place.path for place in answer.citations[0].also_in] == ["7.txt"]


def test_a_cited_lead_in_stands_for_its_items() -> None:
    """The items are looked for among all passages, though none of them would be cited alone."""
    lead_in = build_evidence("The town promised this:", ("town", 5.0), number=1)
    items = build_evidence(
        "Roads.\n- Free housing.",
        ("Roads", 1.0),
        number=2,
        start=30,
        context="A\nThe town promised this:",
        probability=0.1,
    )
    assert [one.quote for one in decide([lead_in, items]).citations] == ["Roads.", "- Free housing."]


def test_a_citation_counts_in_the_article() -> None:
    """Offsets and lines count in the article, with any line ends. The score is that of the passage."""
    text = "Before.\r\nIt opened in 2019."
    (one,) = decide([build_evidence(text, ("2019", 5.0), start=100, probability=0.8)]).citations
    assert (one.number, one.start, one.end, one.line, one.score) == (1, 100, 127, 1, 0.8)
    assert one.answer_span is not None
    assert (one.answer_span.start, one.answer_span.text) == (122, "2019")
    assert (one.passage.start, one.passage.text) == (100, text)
    (alone,) = decide([build_evidence("Before.\r\nThe bridge opened.", ("bridge", 5.0))]).citations
    assert (alone.quote, alone.line) == ("The bridge opened.", 2)


def test_as_many_passages_as_wanted_are_listed() -> None:
    """The passages keep their order, cited or not."""
    answer = decide(likely(0.9, 0.1, 0.2), passages=2)
    assert [(one.path, one.score) for one in answer.passages] == [("0.txt", 0.9), ("1.txt", 0.1)]


def test_a_follow_up_is_answered_as_it_was_understood() -> None:
    """The answer has the question as typed, as asked, and the question it leaned on."""
    asked = understand("And its cost?", (Turn(QUESTION, "2019 [1]"),))
    answer = build_answer(asked, likely(0.9), None, AnswerOptions(0.5, 5), IndexInfo(1, 2, 3, "model"))
    assert (answer.question, answer.context) == ("And its cost?", QUESTION)
    assert answer.asked_as == f"{QUESTION} And its cost?"
    assert decide(likely(0.9)).context is None


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("???", "The question has no words to look for."),
        ("Why?", "The question does not say what it is about."),
        ("Who opened the bridge in Atlantis?", "nothing of “Atlantis” (confidence 0.30, 0.55 is needed)."),
        ("Why was the bridge opened?", "does not seem to answer (confidence 0.30, 0.55 is needed)."),
        ("Rome, Paris, Berlin or London bridge?", "nothing of “Rome”, “Paris”, “Berlin” (confidence"),
        ("How much did the bridge get?", "is about this but does not seem to answer"),
    ],
)
def test_the_reason_says_what_came_closest_and_what_is_missing(question: str, said: str) -> None:
    """The reason names at most three missing words, and none that says nothing about a subject."""
    reason = explain(question, [build_evidence(TEXT)], 0.3, 0.55)
    assert said in reason
    assert ("a.txt (line 1)" in reason) == ("closest" in reason)


def test_nothing_found_has_a_reason_of_its_own() -> None:
    """If a search finds no paragraph, the reason says so."""
    assert explain(QUESTION, [], 0.0, 0.55) == "No paragraph has anything to do with the question."


@pytest.mark.parametrize("confidence", [0.5499, 0.546])
def test_a_confidence_that_rounds_to_the_threshold_is_just_below_it(confidence: float) -> None:
    """The reason does not say 'confidence 0.55, 0.55 is needed'."""
    reason = explain(QUESTION, [build_evidence(TEXT)], confidence, 0.55)
    assert "(confidence just below the 0.55 that is needed)" in reason


def test_a_question_about_nothing_is_never_answered() -> None:
    """A question without a subject is declined even if a passage has a probability of .99."""
    answer = decide(likely(0.99), "Why?")
    assert (answer.answered, answer.confidence, answer.citations) == (False, 0.0, ())
