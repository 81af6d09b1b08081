"""Habits: palette, footer, help, custom keys, themes, colours, sizes, a quick start, an even event loop."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from textual.app import SystemCommand
from textual.worker import WorkerFailed

from qa.tui.keys import ACTIONS, ASKING, EVERYWHERE, MOVING, READING, STEPPING, check_keys
from qa.tui.screens.article import ArticleScreen
from qa.tui.screens.prompt import PromptScreen
from qa.tui.screens.sessions import SessionsScreen
from qa.tui.screens.text import TextScreen
from qa.tui.widgets.question_box import QuestionBox
from qa.tui.widgets.sources import Sources
from tests.helpers.app import no_index, open_app
from tests.helpers.commands import run_python
from tests.helpers.recorded import RecordedAnswerer


def _titles(commands: Any) -> set[str]:
    return {command.title for command in commands if isinstance(command, SystemCommand)}


async def test_every_action_is_in_the_palette() -> None:
    """Whatever a key does can be found by name, everywhere. What would do nothing is left out."""
    answerer = RecordedAnswerer()
    async with open_app(answerer) as face:

        def titles() -> set[str]:
            return _titles(face.app.get_system_commands(face.app.screen))

        await face.ask("What do tides do?")
        never = {"Cancel", "Fold"}
        assert {one.label for one in (*EVERYWHERE, *ASKING, *READING, *STEPPING, *MOVING)} - never <= titles()
        assert {"Theme", "Quit"} <= titles()
        assert not titles() & never
        await face.ask("Nothing?")
        assert "Fold" in titles()
        answerer.gate.clear()
        await face.send("What do tides do?")
        assert "Cancel" in titles()
        answerer.gate.set()
        await face.until(lambda: not face.turns[-1].is_waiting)
        await face.press("escape", "enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        assert {"Find", "Next", "Previous", "Edit", "Original", "Copy quote", "Page down", "Help"} <= titles()
        assert not titles() & {"Next match", "Previous match"}
        await face.press("escape", "ctrl+s")
        await face.until(lambda: isinstance(face.app.screen, SessionsScreen))
        assert {"Rename", "Delete", "Help"} <= titles()
        assert "Undo" not in titles()
        await face.until(lambda: "1 session" in face.text)
        await face.press("f8")
        await face.until(lambda: "Undo" in titles())


async def test_the_palette_runs_actions() -> None:
    """An action picked by name does what its key does."""
    async with open_app() as face:
        await face.ask("What do tides do?")
        await face.press("ctrl+p")
        await face.type("copy citation")
        await face.until(lambda: "Copy the quote and its citation" in face.text)
        await face.press("enter")
        await face.until(lambda: face.app.clipboard)
        assert face.app.clipboard.startswith("> As the Earth turns")


async def test_the_footer_fits_the_focus() -> None:
    """The last line shows the keys of the focused pane, and always how to find all others."""
    async with open_app() as face:
        await face.ask("What do tides do?")
        assert "⏎ Ask" in face.text.splitlines()[-1]
        await face.press("escape")
        footer = face.text.splitlines()[-1]
        assert "⏎ Open" in footer
        assert "y Copy quote" in footer
        assert "^p All" in footer
        assert "Ask" not in footer


async def test_the_footer_says_what_escape_does() -> None:
    """It says nothing before the first question, then that Escape stops a running question, and then that it leads to
    the answers."""
    answerer = RecordedAnswerer()
    answerer.gate.clear()
    async with open_app(answerer) as face:
        assert "esc" not in face.text.splitlines()[-1]
        turn = await face.send("What do tides do?")
        assert "esc Cancel" in face.text.splitlines()[-1]
        answerer.gate.set()
        await face.until(lambda: not turn.is_waiting)
        assert "esc Answers" in face.text.splitlines()[-1]
        await face.press("escape")
        assert "i Question" in face.text.splitlines()[-1]
        assert "Fold" not in face.text.splitlines()[-1]
        await face.press("ctrl+n")
        assert "esc" not in face.text.splitlines()[-1]


async def test_help_for_the_focus() -> None:
    """? explains the focused pane and its keys. F1 does so while typing, and ? does if the box is empty."""
    async with open_app() as face:
        await face.press("question_mark")
        await face.until(lambda: isinstance(face.app.screen, TextScreen))
        assert "Type a question and press Enter." in face.text
        assert "(search-questions)" in face.text
        await face.press("escape")
        await face.type("Is it")
        await face.press("question_mark")
        assert face.app.main.box.text == "Is it?"
        await face.press("f1")
        await face.until(lambda: isinstance(face.app.screen, TextScreen))
        await face.press("q")
        await face.ask("What do tides do?")
        await face.press("escape", "question_mark")
        await face.until(lambda: "j and k move the cursor (┃) from quote to quote" in face.text)


async def test_keys_of_ones_own() -> None:
    """A key from [keys] takes the place of the usual one, in the binding, the footer and the help."""
    async with open_app(keys={"articles": "f4", "down": "w"}) as face:
        await face.ask("What do tides do?")
        assert "f4 Articles" in face.text.splitlines()[-1]
        await face.press("escape", "w")
        assert face.app.main.conversation.place == 1
        await face.press("j")
        assert face.app.main.conversation.place == 1
        await face.press("f4")
        await face.until(lambda: "2 of 2 articles" in face.text)


async def test_keys_that_cannot_be_used_are_reported() -> None:
    """The error for a name that does not exist has the nearest one, and the other keys still work."""
    async with open_app(keys={"artikles": "f4", "sessions": "f9"}) as face:
        await face.until(lambda: face.said)
        assert "[keys] has no action 'artikles'; did you mean 'articles'?" in face.said
        await face.press("f9")
        await face.until(lambda: "No sessions found." in face.text)


async def test_a_key_of_the_boxs_own_editing() -> None:
    """If a key that deletes or moves in the question box is given to an action, it runs the action there. The other
    keys still edit."""
    async with open_app(keys={"articles": "ctrl+k", "cancel": "ctrl+w", "search-questions": "ctrl+a"}) as face:
        await face.type("one two")
        await face.press("home", "ctrl+k")
        await face.until(lambda: "2 of 2 articles" in face.text)
        await face.press("escape", "ctrl+w")
        assert face.app.main.box.text == "one two"
        await face.press("end", "ctrl+u")
        assert face.app.main.box.text == ""
        await face.press("ctrl+a")
        await face.until(lambda: "Earlier questions" in face.text)


async def test_what_is_said_names_the_keys_as_they_are_set() -> None:
    """The first screen and the hints name the keys of qa.toml."""
    async with open_app(keys={"articles": "f4", "help": "f9", "sessions": "f6,ctrl+s"}) as face:
        assert "Enter asks    F4 articles    F6 sessions" in face.text
        assert "F9 help" in face.text
    async with open_app(no_index, ready=False, keys={"refresh": "f6"}) as face:
        await face.until(lambda: "Press F6 to try again." in face.text)


async def test_the_keys_below_a_list_show_enter(tmp_path: Path) -> None:
    """What Enter does is shown where it does something: in lists, and where a line is asked for. So is undo."""
    async with open_app(data=tmp_path) as face:
        await face.ask("What do tides do?")
        await face.press("ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        assert "⏎ Open" in face.text.splitlines()[-2]
        await face.press("escape", "f3")
        await face.until(lambda: "No problems" in face.text)
        assert "⏎" not in face.text.splitlines()[-2]
        await face.press("escape", "ctrl+s")
        await face.until(lambda: "1 session" in face.text)
        assert "⏎ Open" in face.text.splitlines()[-2]
        assert "Undo" not in face.text
        await face.press("f2")
        await face.until(lambda: isinstance(face.app.screen, PromptScreen))
        assert "⏎ Done" in face.text
        await face.press("escape", "f8")
        await face.until(lambda: "^z Undo" in face.text)


async def test_a_key_pressed_twice_opens_one_list() -> None:
    """While the answerer is busy, a list takes a moment. Pressing the key again still opens one list."""
    async with open_app() as face:
        await face.pilot.press("ctrl+o", "ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        await face.press("escape")
        await face.until(lambda: face.app.screen is face.app.main)


async def test_one_of_two_actions_of_a_key() -> None:
    """Escape cancels, and leads to the answers if nothing runs. If one of the two gets another key, the other keeps
    Escape."""
    answerer = RecordedAnswerer()
    answerer.gate.clear()
    async with open_app(answerer, keys={"cancel": "ctrl+w"}) as face:
        turn = await face.send("What do tides do?")
        await face.press("escape")
        assert turn.is_waiting
        await face.press("ctrl+w")
        assert not turn.is_waiting
        await face.press("escape")
        assert face.app.main.conversation.has_focus
        answerer.gate.set()


async def test_a_key_of_the_filters_own_editing(tmp_path: Path) -> None:
    """The same holds in the list of sessions, where ctrl+d deletes a character."""
    async with open_app(data=tmp_path, keys={"delete": "ctrl+d"}) as face:
        await face.ask("What do tides do?")
        await face.press("ctrl+s")
        await face.until(lambda: "1 session" in face.text)
        await face.press("ctrl+d")
        await face.until(lambda: "1 deleted" in face.text)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"articles": "f4", "sessions": "f4"}, "articles and sessions both use 'f4'; give one of them another key"),
        ({"articles": "ctrl+s"}, "articles and sessions both use 'ctrl+s'"),
        ({"articles": "enter"}, "articles and ask both use 'enter'"),
        ({"find": "n"}, "find and next both use 'n'"),
        ({"problems": " "}, 'problems is empty; write a key such as "f4"'),
        ({"artikles": "f4"}, "no action 'artikles'; did you mean 'articles'?"),
        ({"sources": "ctrl+shift+hyperspace"}, "sources: 'ctrl+shift+hyperspace' is not a key"),
        ({"sources": "F4"}, "sources: 'F4' is not a key"),
        ({"articles": "a"}, "articles: 'a' types a character"),
        ({"delete": "question_mark"}, "delete: '?' types a character"),
    ],
)
def test_keys_that_are_refused(keys: dict[str, str], said: str) -> None:
    """Each is refused in one sentence, and the other keys still work."""
    usable, [told] = check_keys({**keys, "down": "w"})
    assert said in told
    assert usable["down"] == "w"
    assert len(usable) == len(keys)


def test_keys_that_are_taken() -> None:
    """There is no clash if another setting frees the key, if it is given with several keys, or if it belongs
    elsewhere."""
    keys = {"articles": "ctrl+s", "sessions": "ctrl+o,f4", "find": "ctrl+f", "undo": "ctrl+f", "help-here": "h"}
    assert check_keys(keys) == (keys, [])
    assert check_keys({action.name: action.keys for action in ACTIONS if action.keys})[1] == []


def test_names_of_actions_are_unique() -> None:
    """A name in [keys] means one action only."""
    assert len({action.name for action in ACTIONS}) == len(ACTIONS)


async def test_40_by_12_keeps_the_question_box() -> None:
    """At 40x12 the question box is whole, quotes can be read, and the sources are a tab away."""
    async with open_app(size=(110, 32)) as face:
        await face.ask("What do tides do?")
        await face.pilot.resize_terminal(40, 12)
        await face.pilot.pause(0.1)
        box = face.app.main.box
        assert box.region.bottom <= 11
        assert box.region.height >= 3
        assert box.region.width == 40
        await face.type("typed")
        assert "typed" in face.text
        assert "[Conversation]" in face.text
        await face.press("f2")
        assert isinstance(face.app.focused, Sources)
        assert "[Sources]" in face.text
        await face.until(lambda: "twice a day." in face.text)
        await face.press("f2")
        assert "[Conversation]" in face.text


async def test_where_the_sources_are() -> None:
    """The sources are beside the conversation from 100 columns, below it from 80, and in a tab under 80."""
    async with open_app(size=(120, 30)) as face:
        await face.ask("What do tides do?")
        main = face.app.main
        sources, conversation = main.query_one(Sources), main.conversation
        assert sources.region.x > conversation.region.x
        assert sources.region.y == conversation.region.y
        await face.pilot.resize_terminal(90, 30)
        await face.pilot.pause(0.1)
        assert sources.region.y > conversation.region.y
        assert sources.region.x == conversation.region.x
        await face.pilot.resize_terminal(60, 30)
        await face.pilot.pause(0.1)
        assert not sources.display
        await face.pilot.click(main.query_one("PaneTabs"), offset=(18, 0))
        await face.pilot.pause(0.1)
        assert sources.display
        assert not conversation.display


async def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR no colour is sent to the terminal, and the bar still shows the chosen quote."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app() as face:
        sent: list[str] = []
        driver = face.app._driver
        assert driver is not None
        monkeypatch.setattr(driver, "write", sent.append)
        await face.ask("What do tides do?")
        await face.press("escape", "j", "k", "ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        await face.press("escape")
        await face.until(lambda: face.app.screen is face.app.main)
        codes = {code for codes in re.findall(r"\x1b\[([0-9;]*)m", "".join(sent)) for code in codes.split(";")}
        assert not codes & {*map(str, range(30, 39)), *map(str, range(40, 49)), *map(str, range(90, 108))}, codes
        assert "┃ [1]" in face.text
        assert "│ [2]" in face.text


@pytest.mark.parametrize("theme", ["textual-light", "textual-dark", "nord", "ansi-dark"])
async def test_themes(theme: str) -> None:
    """Every kind of theme draws an answer, also the one for 16 colours."""
    async with open_app(theme=theme) as face:
        if theme not in face.app.available_themes:
            pytest.skip(f"this Textual has no {theme}")
        await face.ask("What do tides do?")
        await face.press("escape", "enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        assert face.app.theme == theme


async def test_500_turns(tmp_path: Path) -> None:
    """A session of 500 turns opens with its last ones in sight, scrolls, and takes another question."""
    from qa.sessions.store import open_sessions
    from tests.helpers.recorded import build_answer

    store = open_sessions(tmp_path)
    session_id = store.create_session("Long", "/articles")
    for _ in range(500):
        store.save_answer(store.add_question(session_id, "What do tides do?"), build_answer("What do tides do?"))
    store.close()
    async with open_app(data=tmp_path, session_id=session_id) as face:
        await face.until(lambda: len(face.turns) == 500, 60)
        conversation = face.app.main.conversation
        # Turns are drawn in steps, each after a layout. The number of refreshes is not promised.
        await face.until(lambda: "[3]" in face.text)
        conversation.focus()
        spent = time.process_time()
        for _ in range(20):
            await face.press("k")
        for _ in range(20):
            await face.press("ctrl+u")
        print(f"{(time.process_time() - spent) / 40 * 1000:.1f} ms of CPU a key press with 500 turns")
        await face.press("g")
        await face.until(lambda: conversation.scroll_offset.y < 10 and conversation._first == 0)
        turn = await face.ask("How high is the highest tide?")
        assert turn.answer is not None
        await face.until(lambda: conversation.scroll_offset.y == conversation.max_scroll_y)


async def test_mistakes_are_not_swallowed() -> None:
    """A bug in the answerer ends the app with its traceback, instead of an answer that never comes."""

    class Broken(RecordedAnswerer):
        def ask(self, *_: Any, **__: Any) -> Any:
            raise ZeroDivisionError

    async def run() -> None:
        async with open_app(Broken()) as face:
            await face.send("What do tides do?")
            await face.pilot.pause(0.3)

    with pytest.raises(WorkerFailed, match="ZeroDivisionError"):
        await run()


def test_the_first_paint_imports_nothing_heavy() -> None:
    """Until the app is drawn, no numpy, no model, no index and no network is imported."""
    code = "import sys, qa.tui.app; print(*sys.modules)"
    printed = run_python(code)
    heavy = {"numpy", "faiss", "onnxruntime", "tokenizers", "tantivy", "torch", "sentence_transformers", "click"}
    assert not (heavy | {"qa.answerer", "index.storage.snapshot"}) & set(printed.split())


async def test_opened_in_the_background() -> None:
    """In a page without the focus, what is typed first goes into the question box."""
    async with open_app() as face:
        face.app.app_focus = False
        face.app.main.set_focus(None)
        face.app._last_focused_on_app_blur = None
        await face.pilot.pause()
        await face.type("ab")
        assert face.app.main.box.text == "ab"


async def test_the_question_box_has_the_focus() -> None:
    """The app begins in the question box."""
    async with open_app(ready=False) as face:
        assert isinstance(face.app.focused, QuestionBox)
