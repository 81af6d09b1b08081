"""The way from question to answer, with the real models and a real index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from index.errors import DocumentsError, IndexStaleError, NotWantedError, UsageError
from index.search import search_candidates
from index.types import Candidate, Reading
from qa import models
from qa.answerer import Answerer, open_answerer
from qa.settings import Settings
from qa.types import Answer, Passage, Turn
from tests.helpers.hash_encoder import HashEncoder


def _assert_exact(answerer: Answerer, answer: Answer) -> None:
    for citation in answer.citations:
        text = answerer.load_article(citation.path).text
        assert text[citation.start : citation.end] == citation.quote
        assert text[citation.passage.start : citation.passage.end] == citation.passage.text
        assert citation.passage.start <= citation.start < citation.end <= citation.passage.end
        if citation.answer_span is not None:
            assert text[citation.answer_span.start : citation.answer_span.end] == citation.answer_span.text
            assert citation.start <= citation.answer_span.start < citation.answer_span.end <= citation.end


@pytest.mark.parametrize(
    ("question", "path", "holds"),
    [
        ("How large was China's trade with Russia?", "trade.txt", "$146.9 billion"),
        ("Did China condemn the invasion?", "trade.txt", "has not condemned"),
        ("Who announced the aid for Ukraine?", "trade.txt", "Zhao Lijian"),
        ("How high is the lighthouse?", "harbour.md", "33 metres"),
        ("Where is swimming forbidden in the harbour?", "harbour.md", "between the two piers"),
    ],
)
def test_a_question_is_answered_by_an_exact_quote(answerer: Answerer, question: str, path: str, holds: str) -> None:
    """The first citation holds the answer, and every quote is verbatim, to the character."""
    answer = answerer.ask(question)
    assert answer.answered
    assert answer.citations[0].path == path
    assert holds in answer.citations[0].quote
    assert [citation.number for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    _assert_exact(answerer, answer)


@pytest.mark.parametrize(
    "question",
    ["What is the population of Brazil?", "Who won the 2022 World Cup?", "What is the price of wheat in Egypt?"],
)
def test_a_question_about_nothing_in_the_articles_is_declined(answerer: Answerer, question: str) -> None:
    """A declined question cites nothing, lists what was closest, and says why."""
    answer = answerer.ask(question)
    assert not answer.answered
    assert not answer.citations
    assert answer.passages
    assert answer.reason


def test_the_reason_names_what_the_question_is_about(answerer: Answerer) -> None:
    """A word that names no subject is not reported as missing, even if no article holds it."""
    reason = answerer.ask("How much did the mayor of Atlantis say to give?").reason
    assert reason is not None
    assert "“Atlantis”" in reason
    assert not any(f"“{word}”" in reason for word in ("much", "say", "give"))


@pytest.mark.parametrize("question", ["???", "🌊", "— …"])
def test_a_question_without_words_has_its_own_reason(answerer: Answerer, question: str) -> None:
    """Nothing is said of the closest passage, because marks alone cannot be close to one."""
    answer = answerer.ask(question)
    assert not answer.answered
    assert answer.reason == "The question has no words to look for."


@pytest.mark.parametrize("question", ["Why?", "How much?", "What happened then?", "Tell me more."])
def test_a_question_about_nothing_is_declined_with_the_reason(answerer: Answerer, question: str) -> None:
    """Without an earlier question, 'Why?' is declined, because any answer would be a guess."""
    answer = answerer.ask(question)
    assert (answer.answered, answer.confidence) == (False, 0.0)
    assert answer.reason == "The question does not say what it is about."


def test_boilerplate_is_never_found(answerer: Answerer) -> None:
    """'Leave a Reply' is part of the text and of no passage."""
    assert "Leave a Reply" in answerer.load_article("trade.txt").text
    assert all("Leave a Reply" not in passage.text for passage in answerer.ask("Leave a reply").passages)


def test_the_closest_passages_come_before_the_answer(answerer: Answerer) -> None:
    """A face can show something while the cross-encoder reads."""
    early: list[tuple[Passage, ...]] = []
    answerer.ask("How high is the lighthouse?", on_passages=early.append)
    assert "33 metres" in early[0][0].text


def test_a_question_that_nobody_waits_for_is_left(answerer: Answerer) -> None:
    """A question that is given up while the passages are read stops there, and the next one is answered."""
    shown: list[tuple[Passage, ...]] = []
    asked: list[int] = []

    def wanted() -> bool:
        if shown:
            asked.append(1)
        return len(asked) < 2

    with pytest.raises(NotWantedError):
        answerer.ask("How high is the lighthouse?", on_passages=shown.append, wanted=wanted)
    assert shown
    assert answerer.ask("How high is the lighthouse?", wanted=lambda: True).answered


def test_a_follow_up_takes_its_subject_from_the_conversation(answerer: Answerer) -> None:
    """'And its clock?' finds the lighthouse. Asked as typed, nothing is added."""
    history = (Turn("When was the lighthouse of Lindau finished?", "in 1856 [1]"),)
    answer = answerer.ask("And its clock?", history)
    assert answer.asked_as == "When was the lighthouse of Lindau finished? And its clock?"
    assert answer.passages[0].path == "harbour.md"
    assert answerer.ask("And its clock?", history, as_typed=True).asked_as == "And its clock?"


class RecordingReader:
    """Records what it was asked, and finds the last passage it reads the most relevant."""

    name = "recording"
    finds_spans = False

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str], list[str] | None]] = []

    def read(
        self, question: str, texts: Sequence[str], contexts: Sequence[str] | None = None, **_: object
    ) -> list[Reading]:
        self.asked.append((question, list(texts), None if contexts is None else list(contexts)))
        return [Reading(100.0 * number) for number in range(len(texts))]


@pytest.fixture
def recorded(docs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Answerer, RecordingReader]]:
    """An answerer over twenty-two articles, with a cross-encoder that records what it reads."""
    reader = RecordingReader()
    for number in range(20):
        (docs / f"clock{number}.txt").write_text(f"Clocks\n\nClock number {number} strikes.\n", encoding="utf-8")
    monkeypatch.setattr("qa.models.load_encoder", lambda _: HashEncoder())
    monkeypatch.setattr("qa.models.load_cross_encoder", lambda _: reader)
    with closing(open_answerer(Settings(docs=docs, passages=15))) as opened:
        yield opened, reader


def test_what_is_read_is_what_was_understood(recorded: tuple[Answerer, RecordingReader], docs: Path) -> None:
    """The cross-encoder gets the question with what it took over and twelve passages with title and headings. The one
    that reads best is the first of the fifteen that are wanted."""
    answerer, reader = recorded
    history = (Turn("When was the lighthouse of Lindau finished?", "in 1856 [1]"),)
    evidence = answerer.gather_evidence("And its clock?", history)
    ((question, texts, contexts),) = reader.asked
    assert question == "When was the lighthouse of Lindau finished? And its clock?"
    assert contexts is not None
    assert "The harbour of Lindau\nBuilding" in contexts[texts.index(next(text for text in texts if "1856" in text))]
    assert (len(texts), len(evidence)) == (12, 15)
    assert [one.text for one in evidence[:12]] == texts[::-1]
    assert len(answerer.ask("And its clock?", history).passages) == 15
    with closing(open_answerer(Settings(docs=docs, passages=3))) as brief:
        assert len(brief.ask("And its clock?", history).passages) == 3
    assert len(reader.asked[-1][1]) == 12


def test_the_search_leans_on_the_conversation(
    recorded: tuple[Answerer, RecordingReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words and vector of the earlier question count, unless the question is asked as typed."""
    answerer, _ = recorded
    searched: list[tuple[str, float, list[float]]] = []

    def search(*arguments: Any, context: str, context_weight: float, **options: Any) -> list[Candidate]:
        searched.append((context, context_weight, arguments[2].tolist()))
        return search_candidates(*arguments, context=context, context_weight=context_weight, **options)

    monkeypatch.setattr("index.search.search_candidates", search)
    earlier, question = "When was the lighthouse of Lindau finished?", "Which clock was added later?"
    answerer.ask(question, (Turn(earlier, ""),))
    answerer.ask(question, (Turn(earlier, ""),), as_typed=True)
    alone, both = HashEncoder().encode_questions([question, f"{earlier} {question}"])
    (context, weight, vector), (no_context, _, as_typed) = searched
    assert (context, weight, no_context) == (earlier, 0.3, "")
    assert vector == pytest.approx((0.7 * alone + 0.3 * both).tolist())
    assert as_typed == pytest.approx(alone.tolist())


def test_a_wrong_question_is_refused(answerer: Answerer) -> None:
    """The error is the same sentence in every face."""
    with pytest.raises(UsageError, match="empty"):
        answerer.ask("  ")


def test_an_unknown_article_is_named(answerer: Answerer) -> None:
    """The error names an article that is not there."""
    with pytest.raises(DocumentsError, match=r"nowhere\.txt"):
        answerer.load_article("nowhere.txt")


def test_the_state_of_the_index_is_known(answerer: Answerer) -> None:
    """The state has what a header shows."""
    state = answerer.load_state()
    assert state.info.articles == 2
    assert not state.changes
    assert [article.path for article in answerer.list_articles()] == ["harbour.md", "trade.txt"]


def test_a_changed_folder_is_answered_from_its_new_text(docs: Path) -> None:
    """The next answerer answers from the edited text, never from a stale index."""
    open_answerer(Settings(docs=docs)).close()
    article = docs / "harbour.md"
    article.write_text(article.read_text("utf-8").replace("33 metres", "35 metres"), encoding="utf-8")
    answerer = open_answerer(Settings(docs=docs))
    answer = answerer.ask("How high is the lighthouse?")
    answerer.close()
    assert "35 metres" in answer.citations[0].quote


def test_without_refresh_a_stale_index_answers_and_says_so(docs: Path) -> None:
    """With `--no-refresh` the old text answers, and a warning names the file. Without an index it is an error."""
    with pytest.raises(IndexStaleError, match="has no index yet"):
        open_answerer(Settings(docs=docs, refresh=False))
    open_answerer(Settings(docs=docs)).close()
    article = docs / "harbour.md"
    article.write_text(article.read_text("utf-8").replace("33 metres", "35 metres"), encoding="utf-8")
    told: list[str] = []
    answerer = open_answerer(Settings(docs=docs, refresh=False), tell=told.append)
    answer = answerer.ask("How high is the lighthouse?")
    answerer.close()
    assert "33 metres" in answer.citations[0].quote
    assert "harbour.md" in told[0]


@pytest.mark.parametrize(
    ("threshold", "question", "answered"),
    [(0.0, "What is the population of Brazil?", True), (0.99, "How high is the lighthouse?", False)],
)
def test_the_threshold_can_be_chosen(docs: Path, threshold: float, question: str, answered: bool) -> None:
    """At 0 the closest passage is quoted, whatever it is worth. A high threshold declines what the default answers."""
    with closing(open_answerer(Settings(docs=docs, threshold=threshold))) as opened:
        assert opened.ask(question).answered is answered


def test_a_missing_folder_is_reported_before_a_model_is_loaded(tmp_path: Path) -> None:
    """The commonest mistake has a sentence of its own."""
    with pytest.raises(DocumentsError, match="--docs DIR"):
        open_answerer(Settings(docs=tmp_path / "nowhere"))


def test_without_a_reranker_there_are_still_exact_quotes(docs: Path) -> None:
    """`--reranker none` is faster and quotes by shared words."""
    answerer = open_answerer(Settings(docs=docs, reranker="none"))
    answer = answerer.ask("How large was China's trade with Russia?")
    _assert_exact(answerer, answer)
    answerer.close()
    assert answer.citations[0].path == "trade.txt"


def test_the_index_keeps_its_model_and_another_one_is_noticed(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of two models are never compared: the index is made again first, or not used."""
    told: list[str] = []
    with closing(open_answerer(Settings(docs=docs, reranker="none"))) as opened:
        assert opened.ask("How high is the lighthouse of Lindau?").passages
    other = HashEncoder("b")
    monkeypatch.setattr("qa.models.load_encoder", lambda _: other)
    with (
        closing(open_answerer(Settings(docs=docs, reranker="none", refresh=False))) as stale,
        pytest.raises(IndexStaleError, match="made with another model than hash-b; run `qa index`"),
    ):
        stale.ask("How high is the lighthouse of Lindau?")
    with closing(open_answerer(Settings(docs=docs, reranker="none"), tell=told.append)) as remade:
        assert remade.ask("How high is the lighthouse of Lindau?").index.model == "hash-b"
    assert told == ["The index was made with bge-small-en-v1.5: embedding all paragraphs again with hash-b."]


def test_the_encoder_is_the_one_named_then_that_of_the_index_then_the_default(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Indexing and asking choose the encoder in the same way."""
    open_answerer(Settings(docs=docs, reranker="none")).close()
    loaded: list[tuple[str | None, int | None]] = []
    monkeypatch.setattr("index.models.encoder.load_encoder", lambda name, *, threads: loaded.append((name, threads)))
    models.load_encoder(Settings(docs=docs))
    models.load_encoder(Settings(docs=docs, model="other"), threads=2)
    models.load_encoder(Settings(docs=tmp_path / "new"))
    assert loaded == [("bge-small-en-v1.5", None), ("other", 2), (None, None)]


def test_damaged_files_are_made_again_before_the_answer(docs: Path) -> None:
    """A damaged file costs a moment and a sentence, but not the answer."""
    told: list[str] = []
    with closing(open_answerer(Settings(docs=docs))) as opened:
        opened.ask("How high is the lighthouse of Lindau?")
    for path in (docs.parent / ".qa" / docs.name / "generations").rglob("part0.faiss"):
        path.unlink()
    with closing(open_answerer(Settings(docs=docs), tell=told.append)) as repaired:
        assert repaired.ask("How high is the lighthouse of Lindau?").answered
    assert [sentence for sentence in told if "making them again" in sentence]
