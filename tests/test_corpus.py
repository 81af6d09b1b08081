"""The Python API: its names, its settings, and threads and tasks that share a corpus."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import index.errors
import qa
from index.errors import NotWantedError
from qa.answerer import Answerer
from qa.types import Answer
from tests.helpers.articles import write_articles

QUESTIONS = (
    "How high is the lighthouse?",
    "How large was China's trade with Russia?",
    "Where is swimming forbidden in the harbour?",
    "What is the population of Brazil?",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[qa.Corpus]:
    """Two articles, for tests that change nothing."""
    with qa.open(write_articles(tmp_path_factory.mktemp("corpus") / "docs")) as opened:
        yield opened


def without_times(answer: Answer) -> Answer:
    """What two answers to one question have in common."""
    return replace(answer, timings_ms={})


def test_the_names_are_these() -> None:
    """Every name here is public for good. Every error that a caller can meet is among them."""
    assert qa.__all__ == [
        "Answer",
        "Citation",
        "Corpus",
        "DocumentsError",
        "IndexDamagedError",
        "IndexFolderError",
        "IndexLockedError",
        "IndexStaleError",
        "ModelError",
        "QaError",
        "Settings",
        "StorageError",
        "Turn",
        "UnusableError",
        "UsageError",
        "open",
    ]
    assert all(getattr(qa, name).__name__ == name for name in qa.__all__)
    assert set(qa.__all__) <= set(dir(qa))
    internal = {"NotWantedError", "UnreadableFileError"}
    assert {name for name in vars(index.errors) if name.endswith("Error")} - internal <= set(qa.__all__)
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        getattr(qa, "opne")  # noqa: B009 - a name that type checkers know is not there


def test_a_question_is_answered_with_quotes_that_can_be_checked(corpus: qa.Corpus) -> None:
    """The text of the article is there to compare with."""
    answer = corpus.ask("How high is the lighthouse?")
    assert isinstance(answer, qa.Answer)
    assert answer.answered
    citation = answer.citations[0]
    assert isinstance(citation, qa.Citation)
    assert "33 metres" in citation.quote
    assert corpus.text(citation.path)[citation.start : citation.end] == citation.quote
    with pytest.raises(qa.DocumentsError, match=r"nowhere\.txt"):
        corpus.text("nowhere.txt")
    with pytest.raises(qa.UsageError, match="empty"):
        corpus.ask(" ")


def test_a_conversation_is_made_of_answers_or_of_turns(corpus: qa.Corpus) -> None:
    """Earlier answers are passed back as they are. What was kept elsewhere is passed as turns."""
    first = corpus.ask("When was the lighthouse of Lindau finished?")
    followed = corpus.ask("And its clock?", [first])
    assert followed.asked_as == f"{first.question} And its clock?"
    assert without_times(corpus.ask("And its clock?", [qa.Turn(first.question, first.text)])) == without_times(followed)
    assert corpus.ask("And its clock?", [first], as_typed=True).asked_as == "And its clock?"
    assert corpus.ask("Why?", [first, followed]).asked_as == f"{first.question} Why?"


def test_threads_may_ask_at_once(corpus: qa.Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight threads get the answer that one gets, and the Answerer never has two at a time."""
    expected = {question: without_times(corpus.ask(question)) for question in QUESTIONS}
    ask, inside, most = Answerer.ask, [], []

    def watched(*arguments: Any, **options: Any) -> Answer:
        inside.append(1)
        most.append(len(inside))
        try:
            return ask(*arguments, **options)
        finally:
            inside.pop()

    monkeypatch.setattr(Answerer, "ask", watched)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(corpus.ask, QUESTIONS * 4))
    assert [without_times(one) for one in answers] == [expected[question] for question in QUESTIONS * 4]
    assert max(most) == 1


def test_threads_may_open_and_change_the_articles_at_once(docs: Path) -> None:
    """The first question opens the index, and one corpus in many threads is one index, even while the folder
    changes."""
    corpus = qa.open(docs)

    def ask(number: int) -> Answer:
        if number == 4:
            (docs / "more.txt").write_text("Kites\n\nThe kite festival of Fanø began in 1985.\n", encoding="utf-8")
        return corpus.ask("How high is the lighthouse?")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert all("33 metres" in one.citations[0].quote for one in answers)
    time.sleep(2.1)  # as long as a check of the folder stays valid
    assert "1985" in corpus.ask("When did the kite festival of Fanø begin?").citations[0].quote
    corpus.close()


async def test_tasks_may_ask_at_once(corpus: qa.Corpus) -> None:
    """The event loop goes on while questions are answered."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    counting = asyncio.create_task(count())
    answers = await asyncio.gather(*(corpus.ask_async(question) for question in QUESTIONS))
    counting.cancel()
    assert turns > 10
    expected = [without_times(corpus.ask(question)) for question in QUESTIONS]
    assert [without_times(one) for one in answers] == expected
    followed = await corpus.ask_async("And its clock?", [answers[0]])
    assert followed.context == answers[0].question


async def test_a_task_that_is_cancelled_is_left_at_once(corpus: qa.Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread of the task stops too, and the next question is answered."""
    began, ended = threading.Event(), threading.Event()

    def ask_for_ever(*_: Any, wanted: Any, **__: Any) -> Answer:
        began.set()
        gives_up = time.monotonic() + 10
        while wanted():
            assert time.monotonic() < gives_up
            time.sleep(0.001)
        ended.set()
        raise NotWantedError

    with monkeypatch.context() as patch:
        patch.setattr(Answerer, "ask", ask_for_ever)
        asking = asyncio.create_task(corpus.ask_async("How high is the lighthouse?"))
        waiting = asyncio.create_task(corpus.ask_async("How high is the lighthouse?"))
        await asyncio.to_thread(began.wait, 10)
        waiting.cancel()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await asyncio.to_thread(ended.wait, 10)
    assert (await corpus.ask_async("How high is the lighthouse?")).answered


async def test_a_corpus_is_opened_and_closed_beside_the_event_loop(docs: Path) -> None:
    """`async with` opens and closes a corpus. A question after its end is refused."""
    async with qa.open(docs) as corpus:
        assert (await corpus.ask_async("How high is the lighthouse?")).answered
    async with qa.open(docs) as again:
        again.close()
    with pytest.raises(RuntimeError, match="closed"):
        await corpus.ask_async("How high is the lighthouse?")
    with pytest.raises(RuntimeError, match="closed"):
        async with corpus:
            pass


async def test_opening_can_be_cancelled(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was being opened is closed as soon as it is there."""
    began, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Slow:
        def close(self) -> None:
            closed.set()

    def open_slowly(*_: Any, **__: Any) -> Slow:
        began.set()
        go_on.wait(10)
        return Slow()

    monkeypatch.setattr("qa.corpus.open_answerer", open_slowly)
    opening = asyncio.create_task(qa.open(docs).__aenter__())
    await asyncio.to_thread(began.wait, 10)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    go_on.set()
    assert await asyncio.to_thread(closed.wait, 10)


def test_a_closed_corpus_is_refused(docs: Path) -> None:
    """A corpus can be closed twice, and also if it was never opened."""
    corpus = qa.open(docs)
    corpus.close()
    corpus.close()
    for use in (corpus.__enter__, lambda: corpus.ask("Who?"), lambda: corpus.text("trade.txt")):
        with pytest.raises(RuntimeError, match="closed"):
            use()


def test_settings_come_from_where_the_command_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments win over variables, variables over `qa.toml`, and `qa.toml` over the defaults."""
    write_articles(tmp_path / "docs_src")
    (tmp_path / "qa.toml").write_text('passages = 7\nthreshold = 0.7\nreranker = "of-file"\n', encoding="utf-8")
    monkeypatch.setenv("QA_PASSAGES", "8")
    monkeypatch.setenv("QA_THRESHOLD", "0.8")
    monkeypatch.chdir(tmp_path)
    settings = qa.open(passages=9, model=Path("of-argument"), refresh=False).settings
    assert settings == qa.Settings(
        docs=tmp_path / "docs_src",
        model="of-argument",
        reranker="of-file",
        passages=9,
        threshold=0.8,
        refresh=False,
    )
    assert qa.open("docs_src", threshold=0.0).settings.threshold == 0.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threshold": 1.5}, "a threshold of 1.5 has no meaning"),
        ({"passages": 0}, "0 passages"),
        ({"passages": "5"}, "'passages' has the wrong type; write a whole number"),
        ({"refresh": 1}, "'refresh' has the wrong type"),
    ],
)
def test_a_wrong_setting_is_refused_when_the_corpus_is_opened(docs: Path, options: dict[str, Any], said: str) -> None:
    """The error has the words of the command."""
    with pytest.raises(qa.UsageError, match=said):
        qa.open(docs, **options)


def test_a_folder_that_is_not_there_is_refused_when_the_corpus_is_opened(tmp_path: Path) -> None:
    """The error comes before a model is loaded."""
    with pytest.raises(qa.DocumentsError, match="no such folder"):
        qa.open(tmp_path / "nowhere")
    with pytest.raises(qa.QaError):
        qa.Corpus(qa.Settings(docs=tmp_path / "nowhere"))


def test_notices_go_to_the_log(docs: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A notice has no control characters, whatever a file is called."""
    (docs / "a\x1b[31m.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\0")
    with caplog.at_level(logging.INFO, logger="qa"), qa.open(docs, reranker="none") as corpus:
        assert corpus.ask("How high is the lighthouse?").passages
    (docs / "trade.txt").write_text("Something else.\n", encoding="utf-8")
    with qa.open(docs, reranker="none", refresh=False) as stale:
        assert stale.ask("How high is the lighthouse?").passages
    skipped, changed = (record for record in caplog.records if record.name == "qa")
    assert skipped.levelno == changed.levelno == logging.WARNING
    assert skipped.message.startswith("skipped a")
    assert "\x1b" not in skipped.message
    assert changed.message.startswith("the index is stale: trade.txt changed")
