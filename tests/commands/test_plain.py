"""The conversation line by line: words only, nothing drawn over, follow-ups and sources by command."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from index.errors import DocumentsError
from qa.plain import PROMPT, Keeping, run_plain
from qa.sessions.store import open_sessions
from qa.types import Asks
from tests.helpers.hostile import NASTY, assert_harmless, hostile_answer
from tests.helpers.recorded import RecordedAnswerer


class Typing(io.StringIO):
    """A terminal that someone types into."""

    def isatty(self) -> bool:
        return True


def converse(
    *lines: str, answerer: RecordedAnswerer | None = None, typed: bool = False, keeping: Keeping | None = None
) -> tuple[int, str]:
    """The exit code, and everything that was said."""
    source = Typing("\n".join(lines) + "\n") if typed else io.StringIO("\n".join(lines) + "\n")
    target = io.StringIO()
    code = run_plain(lambda: answerer or RecordedAnswerer(), source, target, keeping)
    return code, target.getvalue()


def test_an_answer_in_words() -> None:
    """Each quote is followed by its place with the line, and then comes the confidence."""
    code, said = converse("How high is the highest tide?")
    assert said.splitlines() == [
        "Quote 1: Spring tides in the Bay of Fundy reach 16.3 metres, the highest on Earth.",
        "Source 1: Why the sea rises twice a day, 2021-06-04, tides.md line 12",
        "Confidence: 86%",
        "",
    ]
    assert code == 0


def test_declined() -> None:
    """A declined question is said to be not in the articles, a command shows the passages, and the exit code is 1."""
    code, said = converse("Who discovered Neptune?", "/closest")
    assert said.startswith("Not in the articles. The closest passage is about spring tides.\n3 closest passages")
    assert "Passage 2, Mills that the sea drives, mills.txt line 3:" in said
    assert code == 1


def test_a_follow_up_goes_on_from_a_question_without_an_answer() -> None:
    """A question that the articles do not answer still counts for the next one."""
    answerer = RecordedAnswerer()
    converse("How high is the highest tide?", "Who discovered Neptune?", "And when?", answerer=answerer)
    assert [turns for _, turns, _ in answerer.asked] == [0, 1, 2]


def test_commands() -> None:
    """Commands show a paragraph and the help, ask again as typed, and report an unknown command."""
    answerer = RecordedAnswerer()
    _, said = converse(
        "/closest", "/show 1", "What do tides do?", "/show 3", "And the oldest mill?", "/typed", "/new", "/help", "/x",
        answerer=answerer,
    )  # fmt: skip
    assert "There are no passages yet" in said
    assert "The last answer has no quote with that number" in said
    assert "When Sun and Moon stand in one line" in said
    assert "Asked as: How old is the oldest mill that the tide drives?" in said
    assert "/quit       leave" in said
    assert "There is no command /x;" in said
    assert [one[1:] for one in answerer.asked] == [(0, False), (1, False), (2, True)]


def test_quit_ends_it() -> None:
    """Nothing after /quit is asked."""
    answerer = RecordedAnswerer()
    converse("/quit", "What do tides do?", answerer=answerer)
    assert answerer.asked == []
    assert answerer.closed


def test_prompts_are_for_people() -> None:
    """A terminal gets a prompt and a greeting. A pipe gets neither."""
    _, said = converse("What do tides do?", typed=True)
    assert said.startswith("Ask about the articles.")
    assert said.count(PROMPT) == 2
    assert PROMPT not in converse("What do tides do?")[1]


def test_errors_are_reported_and_do_not_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A question that fails is reported on stderr, and the next one is answered."""
    code, said = converse("Break", "What do tides do?")
    assert "the question cannot be meant; ask another." in capsys.readouterr().err
    assert "Quote 1:" in said
    assert code == 0


def test_a_conversation_is_kept_and_goes_on(tmp_path: Path) -> None:
    """A conversation is saved as it goes. When it is continued, its answers are history and the last one can be shown;
    /new begins another one."""
    converse("What do tides do?", "Break", "Nothing?", keeping=Keeping(open_sessions(tmp_path), "/articles"))
    with closing(open_sessions(tmp_path)) as store:
        [session] = store.list_sessions()
        states = [turn.state for turn in store.load_turns(session.session_id)]
    assert states == ["answered", "failed", "declined"]
    answerer = RecordedAnswerer()
    keeping = Keeping(open_sessions(tmp_path), "/articles", session.session_id)
    _, said = converse("/closest", "And the oldest mill?", "/new", "Nothing?", answerer=answerer, keeping=keeping)
    assert said.startswith("Continuing after 3 questions. The last one was: Nothing?\nNot in the")
    assert "Passage 1," in said
    assert [one[1:] for one in answerer.asked] == [(2, False), (0, False)]
    with closing(open_sessions(tmp_path)) as store:
        assert [one.turns for one in store.list_sessions()] == [1, 4]
        assert store.load_questions()[-1] == "Nothing?"


def test_a_conversation_that_cannot_be_kept_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error is reported once."""
    store = open_sessions(tmp_path)
    store.close()
    _, said = converse("What do tides do?", "Nothing?", keeping=Keeping(store, "/articles"))
    assert "Quote 1:" in said
    assert "Not in the articles" in said
    assert capsys.readouterr().err.count("The conversation is not being saved:") == 1


def test_no_index(capsys: pytest.CaptureFixture[str]) -> None:
    """If nothing can be asked, there is a sentence and its exit code."""

    def open_nothing() -> Asks:
        raise DocumentsError("/x: there is no such folder; name one with --docs DIR.")

    assert run_plain(open_nothing, io.StringIO(""), io.StringIO()) == 3
    assert "there is no such folder" in capsys.readouterr().err


def test_hostile_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text of articles reaches the terminal as words only."""
    for text in NASTY:
        answerer = RecordedAnswerer()
        answer = hostile_answer("x", text, text)
        monkeypatch.setattr(answerer, "ask", lambda *_, answer=answer, **__: answer)
        _, said = converse("x", "/show 1", "/closest", f"/{text}"[:20], answerer=answerer)
        assert_harmless(said.replace("\t", " "))


@pytest.mark.parametrize(("terminal_name", "options"), [("dumb", []), ("xterm-256color", ["--plain"])])
def test_a_first_build_on_a_terminal(terminal_name: str, options: list[str], tmp_path: Path) -> None:
    """A terminal that cannot be drawn on, such as a shell inside an editor, gets lines instead of the app. Neither
    there nor with --plain is anything drawn over, not even the progress of the first build."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "tides.txt").write_text("Tides\n\nThe moon pulls the sea.\n", encoding="utf-8")
    environment = {**os.environ, "TERM": terminal_name, "QA_DATA_DIR": str(tmp_path / "data")}
    terminal, inside = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "qa", "--docs", str(tmp_path / "docs"), *options],
        env=environment, stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(inside)
        os.write(terminal, b"/quit\n")
        drawn = _read_to_end(terminal)
        os.close(terminal)
    assert process.returncode == 0
    assert b"/help lists the commands" in drawn
    assert b"\x1b" not in drawn


def _read_to_end(terminal: int) -> bytes:
    drawn = b""
    while True:
        try:
            drawn += os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody is left on the other side
            return drawn
