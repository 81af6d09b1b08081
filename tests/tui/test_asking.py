"""Asking: typing, history, stages, queue, cancelling and follow-ups."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from textual import events

from index.types import Reading
from qa.sessions.store import TurnState, open_sessions
from qa.settings import Settings
from qa.tui.turns import Stage
from qa.tui.widgets.question_box import QuestionBox
from qa.types import Asks
from tests.helpers.app import open_app
from tests.helpers.recorded import RecordedAnswerer


async def test_ask_with_the_real_answerer(real_answerer: Asks) -> None:
    """A typed question is answered with a quote that stands in its article, and the sources show it."""
    async with open_app(real_answerer) as face:
        await face.type("How high are spring tides in the Bay of Fundy?")
        await face.press("enter")
        await face.until(lambda: face.turns and not face.turns[0].is_waiting)
        answer = face.turns[0].answer
        assert answer is not None
        assert answer.answered
        first = answer.citations[0]
        article = await face.app.load_article(first.path)
        assert article.text[first.start : first.end] == first.quote
        assert "16.3" in first.quote
        assert "[1]" in face.text
        assert first.label in face.text.replace("\n", "")
        assert face.app.main.box.text == ""


async def test_declined_with_the_real_answerer(real_documents: Path) -> None:
    """A question that the articles do not answer is declined, with the closest passages folded below."""
    from qa.answerer import open_answerer

    settings = Settings(docs=real_documents, threshold=1.0)
    async with open_app(lambda: open_answerer(settings)) as face:
        turn = await face.ask("Who won the football world cup in 1990?")
        assert turn.state is TurnState.DECLINED
        assert "Not in the articles." in face.text
        assert "▸" in face.text
        face.app.main.conversation.focus()
        await face.press("space")
        assert "▾" in face.text
        assert turn.places == turn.closest != ()


async def test_several_lines() -> None:
    """Enter asks. Shift+Enter and ctrl+j begin a new line."""
    answerer = RecordedAnswerer()
    async with open_app(answerer) as face:
        await face.type("one")
        await face.press("shift+enter")
        await face.type("two")
        await face.press("ctrl+j")
        await face.type("three")
        assert face.app.main.box.text == "one\ntwo\nthree"
        await face.press("enter")
        await face.until(lambda: answerer.asked)
        assert answerer.asked[0][0] == "one\ntwo\nthree"


async def test_an_empty_question_is_not_asked() -> None:
    """Enter in an empty box does nothing."""
    answerer = RecordedAnswerer()
    async with open_app(answerer) as face:
        await face.press("space", "enter")
        assert face.turns == []
        assert answerer.asked == []


async def test_history_is_kept_between_runs(tmp_path: Path) -> None:
    """Up and down go through earlier questions, also of earlier runs, and back to what was being typed."""
    async with open_app(data=tmp_path) as face:
        await face.ask("What do tides do?")
        await face.ask("Nothing?")
    async with open_app(data=tmp_path) as face:
        box = face.app.main.box
        await face.until(lambda: box.questions)
        await face.type("dra")
        await face.press("up")
        assert box.text == "Nothing?"
        await face.press("up", "up")
        assert box.text == "What do tides do?"
        await face.press("down", "down")
        assert box.text == "dra"


async def test_up_moves_the_cursor_inside_a_question_of_several_lines() -> None:
    """Up fetches an earlier question only from the first line."""
    async with open_app() as face:
        await face.ask("What do tides do?")
        box = face.app.main.box
        box.put("one\ntwo")
        await face.press("up")
        assert (box.text, box.cursor_location[0]) == ("one\ntwo", 0)
        await face.press("up")
        assert box.text == "What do tides do?"


async def test_search_in_history() -> None:
    """ctrl+r filters the earlier questions, and Enter puts one into the box."""
    async with open_app() as face:
        for question in ("What do tides do?", "How high is the highest tide?", "Nothing?"):
            await face.ask(question)
        face.app.main.box.focus()
        await face.press("ctrl+r")
        await face.type("high")
        await face.until(lambda: "Nothing?" not in face.text.split("Search")[-1])
        await face.press("enter")
        await face.until(lambda: face.app.main.box.text != "")
        assert face.app.main.box.text == "How high is the highest tide?"


async def test_stages() -> None:
    """The closest passages appear at once, and the quotes when they are scored."""
    answerer = RecordedAnswerer()
    answerer.gate.clear()
    async with open_app(answerer) as face:
        turn = await face.send("How high is the highest tide?")
        await face.until(lambda: turn.stage is Stage.READING)
        assert "reading the closest passages" in face.text
        assert "When Sun and Moon stand in one line" in face.text
        assert "[1]" not in face.text
        answerer.gate.set()
        await face.until(lambda: not turn.is_waiting)
        assert "[1]" in face.text


async def test_questions_queue_in_order() -> None:
    """More questions may be asked while one runs. They are answered one after the other."""
    answerer = RecordedAnswerer()
    answerer.gate.clear()
    async with open_app(answerer) as face:
        first = await face.send("How high is the highest tide?")
        second = await face.send("What do tides do?")
        third = await face.send("Nothing?")
        await face.until(lambda: first.stage is Stage.READING)
        assert second.stage is third.stage is Stage.QUEUED
        assert "waiting for the question before it" in face.text
        answerer.gate.set()
        await face.until(lambda: not third.is_waiting)
        assert [question for question, _, _ in answerer.asked] == [turn.question for turn in (first, second, third)]


async def test_asked_while_the_answerer_opens() -> None:
    """A question that is typed while models load waits, says so, and is answered when they are ready."""
    may_open = threading.Event()
    answerer = RecordedAnswerer()

    def open_slowly() -> Asks:
        may_open.wait(10)
        return answerer

    async with open_app(open_slowly, ready=False) as face:
        turn = await face.send("How high is the highest tide?")
        assert "waiting for the index and the models" in face.text
        assert answerer.asked == []
        may_open.set()
        await face.until(lambda: not turn.is_waiting)
        assert turn.state is TurnState.ANSWERED


@pytest.mark.parametrize("before_passages", [True, False])
async def test_escape_cancels(before_passages: bool, tmp_path: Path) -> None:
    """Escape stops the question that runs, and the next one is answered. An answer that comes too late is not shown."""
    answerer = RecordedAnswerer(before_passages=before_passages)
    answerer.gate.clear()
    async with open_app(answerer, data=tmp_path) as face:
        first = await face.send("How high is the highest tide?")
        await face.until(lambda: answerer.asked)
        await face.press("escape")
        assert first.state is TurnState.CANCELLED
        assert "cancelled" in face.text
        answerer.gate.set()
        second = await face.ask("What do tides do?")
        assert first.answer is None
        assert second.state is TurnState.ANSWERED
    store = open_sessions(tmp_path)
    [session] = store.list_sessions()
    assert [turn.state for turn in store.load_turns(session.session_id)] == ["cancelled", "answered"]
    store.close()


async def test_escape_stops_a_reading_that_has_begun(real_answerer: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    """The passages that are being read when Escape is pressed are the last ones, so the next question need not wait."""
    from index.models.cross_encoder import OnnxCrossEncoder
    from index.models.onnx_runtime import count_processors

    began, may_go_on = threading.Event(), threading.Event()
    read: list[str] = []
    read_one = OnnxCrossEncoder._read_one

    def hold(self: OnnxCrossEncoder, question: list[int], context: str, text: str) -> Reading:
        read.append(text)
        began.set()
        may_go_on.wait(20)
        return read_one(self, question, context, text)

    monkeypatch.setattr(OnnxCrossEncoder, "_read_one", hold)
    async with open_app(real_answerer) as face:
        turn = await face.send("How high are spring tides in the Bay of Fundy?")
        await face.until(began.is_set)
        await face.press("escape")
        assert turn.state is TurnState.CANCELLED
        may_go_on.set()
        await face.until(lambda: face.app.main.is_idle)
        assert len(turn.passages) > count_processors() >= len(read)
        assert (await face.ask("How high are spring tides in the Bay of Fundy?")).state is TurnState.ANSWERED


async def test_escape_cancels_what_waits() -> None:
    """A question that is cancelled while it waits is never asked."""
    answerer = RecordedAnswerer()
    answerer.gate.clear()
    async with open_app(answerer) as face:
        await face.send("How high is the highest tide?")
        second = await face.send("What do tides do?")
        await face.press("escape", "escape")
        assert second.state is TurnState.CANCELLED
        answerer.gate.set()
        await face.ask("Nothing?")
        assert [question for question, _, _ in answerer.asked] == ["How high is the highest tide?", "Nothing?"]


async def test_a_follow_up_says_how_it_was_understood() -> None:
    """'asked as' stands below a follow-up, and r asks again without the conversation."""
    answerer = RecordedAnswerer()
    async with open_app(answerer) as face:
        await face.ask("How high is the highest tide?")
        turn = await face.ask("And the oldest mill?")
        assert "asked as: How old is the oldest mill that the tide drives?" in face.text
        assert answerer.asked[-1] == ("And the oldest mill?", 1, False)
        face.app.main.conversation.focus()
        await face.press("r")
        await face.until(lambda: len(face.turns) == 3 and not face.turns[2].is_waiting)
        assert answerer.asked[-1] == ("And the oldest mill?", 2, True)
        assert turn.question == face.turns[2].question
        assert "asked as typed" in face.text or face.turns[2].as_typed


async def test_an_error_is_a_sentence_in_the_conversation() -> None:
    """The error of a question stands in its place, and the next question is answered."""
    async with open_app() as face:
        turn = await face.ask("Break")
        assert turn.state is TurnState.FAILED
        assert "! the question cannot be meant; ask another." in face.text
        assert (await face.ask("What do tides do?")).state is TurnState.ANSWERED


async def test_nothing_slow_in_the_event_loop() -> None:
    """The answerer is called in a thread of its own only."""
    answerer = RecordedAnswerer()
    async with open_app(answerer) as face:
        await face.ask("What do tides do?")
        assert answerer.threads == {"qa-answerer"}
        assert threading.current_thread().name != "qa-answerer"
    assert answerer.closed


async def test_leaving_does_not_wait_for_loading() -> None:
    """The app ends at once, even while models are still being loaded."""
    may_open = threading.Event()

    def open_slowly() -> Asks:
        may_open.wait(20)
        return RecordedAnswerer()

    async with open_app(open_slowly, ready=False) as face:
        await face.pilot.pause(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    may_open.set()


async def test_pasted_text_is_made_safe() -> None:
    """Escape sequences and overrides in pasted text become visible characters before they are drawn."""
    async with open_app() as face:
        box = face.app.main.box
        box.insert("a\x1b]52;c;aGk=\x07b\u202ec")
        assert box.text == "a␛]52;c;aGk=␇b\ufffdc"
        assert isinstance(face.app.focused, QuestionBox)


async def test_keys_in_a_burst_keep_their_order() -> None:
    """If keys come while the app is busy, or from a program, Enter ends a question before the letters that follow."""
    async with open_app() as face:
        driver = face.app._driver
        assert driver is not None
        for character in "one\ntwx\bo\nthree":
            key = {"\n": "enter", "\b": "backspace"}.get(character, character)
            pressed = events.Key(key, character)
            pressed.set_sender(face.app)
            driver.send_message(pressed)
        await face.until(lambda: len(face.turns) == 2 and face.app.main.box.text == "three")
        assert [turn.question for turn in face.turns] == ["one", "two"]


async def test_hints_name_the_keys_that_are_set() -> None:
    """The hint below a question names the key that was chosen in the settings."""
    async with open_app(keys={"ask-as-typed": "t", "fold": "f4"}) as face:
        await face.ask("How old is the oldest mill?")
        await face.ask("And the oldest mill?")
        assert "(t: ask as typed)" in face.text.replace("\n", " ")
        await face.ask("Nothing?")
        assert "(f4: unfold)" in face.text
