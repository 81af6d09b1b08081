"""Answers and sources: moving, opening, searching, copying and editing."""

from __future__ import annotations

import base64
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, OptionList

from index.errors import UsageError
from index.types import Skipped
from qa.tui.screens.article import ArticleScreen, find_matches
from qa.tui.screens.articles import ArticlesScreen
from qa.tui.terminal.clipboard import explain_refusal
from qa.tui.terminal.desktop import render_place
from qa.tui.terminal.programs import build_editor_command, build_opener_command, find_line
from qa.tui.widgets.article_text import ArticleText
from qa.tui.widgets.sources import SourceCard, Sources
from qa.types import Answer
from tests.helpers.app import Face, open_app, settle
from tests.helpers.recorded import SPRING, TEXTS, TIDES, RecordedAnswerer


async def _answered(face: Face, question: str = "What do tides do?") -> None:
    await face.ask(question)
    face.app.main.conversation.focus()
    await face.pilot.pause()


async def test_moving_through_citations_moves_the_sources() -> None:
    """j and k, n and p, arrows, g and G go from quote to quote, and the sources follow."""
    async with open_app() as face:
        await _answered(face)
        conversation, sources = face.app.main.conversation, face.app.main.query_one(Sources)

        def chosen() -> list[int]:
            return [card.number for card in sources.query(SourceCard) if card.has_class("-chosen")]

        assert (conversation.place, chosen()) == (0, [0])
        for key, place in [
            ("j", 1),
            ("n", 2),
            ("j", 2),
            ("k", 1),
            ("p", 0),
            ("G", 2),
            ("g", 0),
            ("down", 1),
            ("up", 0),
        ]:
            await face.press(key)
            assert conversation.place == place, key
            assert chosen() == [place], key


async def test_the_cursor_stays_in_sight() -> None:
    """When the conversation scrolls by pages, the cursor comes along, so Enter never opens a quote that is out of
    sight."""
    async with open_app(size=(90, 26)) as face:
        for _ in range(6):
            await _answered(face)
        conversation = face.app.main.conversation
        for key in ("pageup", "ctrl+u", "pageup", "g", "pagedown", "ctrl+d"):
            await face.press(key)
            await face.until(lambda: "┃ [" in face.text)
        assert conversation.current is not face.turns[-1]


async def test_the_sources_pane_moves_too() -> None:
    """In the sources, the same keys move the same cursor, and Enter opens the article."""
    async with open_app() as face:
        await _answered(face)
        await face.press("f2")
        assert isinstance(face.app.focused, Sources)
        await face.press("j")
        assert face.app.main.conversation.place == 1
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        assert "mills.txt" in face.text


async def test_enter_opens_the_article_at_the_quote() -> None:
    """The quote is marked in its paragraph and in sight. n and p go to the next citation, in another article too."""
    async with open_app(size=(80, 12)) as face:
        await _answered(face, "How high is the highest tide?")
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        await face.pilot.pause()
        text = face.app.screen.query_one(ArticleText)
        assert text.scroll_offset.y > 0
        barred = [line for line in face.text.splitlines() if "┃" in line]
        assert "Spring tides in the Bay of Fundy reach 16.3" in barred[0]
        assert barred[0].split()[0] == "12"
        assert [TIDES[mark.start : mark.end] for mark in text._marks] == [SPRING, "16.3 metres"]
        await face.press("escape")
        assert face.app.screen is face.app.main


async def test_next_citation_in_the_article() -> None:
    """n goes through all citations of the answer, starts again after the last, and loads the other article."""
    async with open_app() as face:
        await _answered(face)
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        assert "citation 1 of 3" in face.text
        await face.press("n")
        await face.until(lambda: "citation 2 of 3" in face.text)
        assert "mills.txt" in face.text
        assert "A tide mill keeps the water" in face.text
        await face.press("n")
        await face.until(lambda: "citation 3 of 3" in face.text)
        await face.press("p", "p", "p")
        await face.until(lambda: "citation 3 of 3" in face.text)


async def test_back_from_the_article() -> None:
    """The cursor of the conversation is on the citation that was shown last."""
    async with open_app() as face:
        await _answered(face)
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        await face.press("n")
        await face.until(lambda: "citation 2 of 3" in face.text)
        await face.press("escape")
        await face.until(lambda: face.app.main.conversation.place == 1)
        assert face.app.screen is face.app.main


async def test_an_article_opened_from_the_list_has_no_citations() -> None:
    """The footer offers neither to go to a citation nor to copy one."""
    async with open_app() as face:
        await face.press("ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        footer = face.text.splitlines()[-1]
        assert "e Edit" in footer
        assert "Next" not in footer
        assert "Copy" not in footer


async def test_a_copy_of_what_is_marked_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is marked with the mouse and copied with ctrl+c is reported like every copy, also if it may not arrive."""
    async with open_app() as face:
        await _answered(face)
        view = face.app.main.conversation._views[0]
        await face.pilot.mouse_down(view, offset=(4, 3))
        await face.pilot.mouse_up(view, offset=(20, 3))
        await face.press("ctrl+c")
        assert face.app.clipboard
        assert face.app.clipboard in TIDES
        assert face.said == [f"Copied the text: {len(face.app.clipboard)} characters."]
        monkeypatch.setenv("TERM", "linux")
        await face.press("i")
        await face.type("words")
        await face.press("shift+home", "ctrl+c")
        assert face.app.clipboard == "words"
        assert "does not accept copies from programs" in face.said[-1]


async def test_search_in_the_article() -> None:
    """/ marks and counts every match, ] and [ go through them, and Escape first closes the search."""
    async with open_app() as face:
        await _answered(face, "How high is the highest tide?")
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        await face.press("slash")
        await face.type("BULGE")
        assert "match 1 of 3" in face.text
        await face.press("enter")
        await face.press("right_square_bracket")
        assert "match 2 of 3" in face.text
        await face.press("left_square_bracket", "left_square_bracket")
        assert "match 3 of 3" in face.text
        await face.press("escape")
        assert isinstance(face.app.screen, ArticleScreen)
        assert "match" not in face.text
        await face.press("slash")
        await face.type("no such words")
        await face.press("enter")
        assert "Not found in this article." in face.said
        await face.press("escape", "escape")
        assert face.app.screen is face.app.main


async def test_passages_of_a_declined_question_can_be_opened() -> None:
    """The closest passages, unfolded, are places like citations."""
    async with open_app() as face:
        await face.ask("Nothing?")
        face.app.main.conversation.focus()
        await face.press("space", "j", "enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        assert "passage 2 of 3" in face.text


async def test_list_of_articles() -> None:
    """ctrl+o lists what is indexed, and what is skipped and why. Typing filters, and Enter opens."""
    answerer = RecordedAnswerer(skipped=(Skipped("scan.png", "not text (a PNG image)"),))
    async with open_app(answerer) as face:
        await face.press("ctrl+o")
        await face.until(lambda: isinstance(face.app.screen, ArticlesScreen) and "tides.md" in face.text)
        assert "scan.png" in face.text
        assert "not text (a PNG image)" in face.text
        assert "2 of 2 articles, 1 file skipped (!)" in face.text
        await face.type("sea 2021")
        await face.until(lambda: "mills.txt" not in face.text)
        assert face.app.screen.query_one(OptionList).option_count == 1
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        assert "Why the sea rises twice a day" in face.text


async def test_ten_thousand_articles_filter_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long list shows its first 200 lines and says so."""
    from qa.types import ArticleSummary

    answerer = RecordedAnswerer()
    articles = [ArticleSummary(f"{number:05}.txt", f"Title {number}", None, 1) for number in range(10_000)]
    monkeypatch.setattr(answerer, "list_articles", lambda: iter(articles))
    async with open_app(answerer) as face:
        await face.press("ctrl+o")
        await face.until(lambda: "200 of 10,000 shown" in face.text)
        await face.type("title 9999")
        await face.until(lambda: "09999.txt" in face.text)


async def test_copy_reaches_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """y copies the quote, c the quote and citation as Markdown, Y the whole answer, and each says so."""
    async with open_app() as face:
        await _answered(face, "How high is the highest tide?")
        written: list[str] = []
        driver = face.app._driver
        assert driver is not None
        monkeypatch.setattr(driver, "write", written.append)
        await face.press("y")
        assert written == [f"\x1b]52;c;{base64.b64encode(SPRING.encode()).decode()}\a"]
        assert f"Copied the quote: {len(SPRING)} characters." in face.said
        await face.press("c")
        assert face.app.clipboard.startswith(f"> {SPRING}\n")
        assert "— [1] *Why the sea rises twice a day*, 2021-06-04, `tides.md:12`" in face.app.clipboard
        await face.press("Y")
        assert face.app.clipboard.startswith("## How high is the highest tide?")


async def test_a_terminal_that_takes_no_copies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If a copy may not arrive, the message says why, and a file holds the copy."""
    monkeypatch.setenv("TERM_PROGRAM", "Apple_Terminal")
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path))
    async with open_app() as face:
        await _answered(face, "How high is the highest tide?")
        await face.press("y")
        assert (tmp_path / "copied.txt").read_text(encoding="utf-8") == SPRING
        assert "Apple Terminal does not accept copies" in face.said[-1]
        assert str(tmp_path / "copied.txt") in face.said[-1]


def test_which_terminals_take_copies() -> None:
    """Terminals that are known to refuse copies, and texts that are too long, are reported with the reason."""
    assert explain_refusal("a", {"TERM": "xterm-256color"}) is None
    assert "linux" in (explain_refusal("a", {"TERM": "linux"}) or "")
    assert "VTE" in (explain_refusal("a", {"VTE_VERSION": "7006"}) or "")
    assert "too long" in (explain_refusal("a" * 60_000, {}) or "")


async def test_nothing_to_copy_is_said() -> None:
    """If there is no quote under the cursor, copying says what to do."""
    async with open_app() as face:
        await _answered(face, "Nothing?")
        await face.press("y")
        assert "There is no quote under the cursor. Move it with j and k." in face.said


async def test_marked_text_is_copied() -> None:
    """ctrl+c copies text marked with the mouse, without the bars in front of quotes."""
    async with open_app() as face:
        await _answered(face, "How high is the highest tide?")
        view = face.app.main.conversation._views[0]
        face.app.screen._select_all_in_widget(view)
        await face.press("ctrl+c")
        assert "Spring tides in the Bay of Fundy" in face.app.clipboard
        assert "┃" not in face.app.clipboard


async def test_marked_text_of_an_article_keeps_its_lines() -> None:
    """A paragraph marked over rows of the screen is copied as it stands in the article."""
    async with open_app(size=(60, 20)) as face:
        await face.press("ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        text = face.app.screen.query_one(ArticleText)
        await face.until(lambda: "A tide mill keeps" in face.text)
        row = next(number for number, line in enumerate(face.text.splitlines()) if "A tide mill" in line)
        await face.pilot.mouse_down(text, offset=(8, row - text.region.y))
        await face.pilot.mouse_up(text, offset=(20, row + 3 - text.region.y))
        await face.press("ctrl+c")
        marked = face.app.clipboard
        assert marked.startswith("A tide mill keeps the water")
        assert marked in TEXTS["mills.txt"]
        assert len(marked) > 100


async def test_edit_opens_the_editor_at_the_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """e starts $EDITOR with the file and the line, as a list and without a shell."""
    told = tmp_path / "told"
    editor = tmp_path / "vim"
    editor.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{told}"\n', encoding="utf-8")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", f"{editor} -c 'set nu; quit'")
    async with open_app() as face:
        monkeypatch.setattr(type(face.app._driver), "can_suspend", property(lambda _: True))
        await _answered(face, "How high is the highest tide?")
        await face.press("e")
        await face.until(told.exists)
        assert told.read_text(encoding="utf-8").splitlines() == ["-c", "set nu; quit", "+12", "/articles/tides.md"]


def test_the_line_in_the_file_itself(tmp_path: Path) -> None:
    """The line is the one in the source of a page, the one the words moved to in a changed file, and none in a PDF."""
    page = tmp_path / "page.html"
    page.write_text("<html>\n<body>\n<p>One.\n<p>Spring <b>tides</b> in\nthe Bay.\n", encoding="utf-8")
    assert find_line(page, 2, "Spring tides in the Bay.") == 4
    article = tmp_path / "tides.md"
    article.write_text(TIDES, encoding="utf-8")
    assert find_line(article, 12, SPRING) == 12
    assert find_line(article, 3, SPRING) == 12
    assert find_line(article, 3, "words that stand nowhere") == 3
    assert find_line(article, 99, "words that stand nowhere") == TIDES.count("\n") + 1
    assert find_line(tmp_path / "gone.txt", 5, "x") == 5
    (tmp_path / "wide.txt").write_bytes("One.\nTwo.".encode("utf-16"))
    assert find_line(tmp_path / "wide.txt", 2, "Two.") == 2
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 ...")
    with pytest.raises(UsageError, match="not a text file; press o"):
        find_line(tmp_path / "a.pdf", 1, "x")


async def test_edit_without_an_editor() -> None:
    """Without $EDITOR, the message says what to set."""
    async with open_app() as face:
        await _answered(face)
        await face.press("e")
        await face.until(lambda: face.said)
        assert "set the variable EDITOR" in face.said[-1]


def test_editor_commands() -> None:
    """Each editor gets the line in its own way, and the name of a file is never an option or a command."""
    path = Path("/docs/-rf; $(x).txt")
    assert build_editor_command(path, 7, {"EDITOR": "nano"}) == ["nano", "+7", str(path)]
    assert build_editor_command(path, 7, {"EDITOR": "hx"}) == ["hx", f"{path}:7"]
    assert build_editor_command(path, 7, {"VISUAL": "code -w", "EDITOR": "x"}) == ["code", "-w", "--goto", f"{path}:7"]
    assert build_editor_command(path, 7, {"EDITOR": "my-editor"}) == ["my-editor", str(path)]
    assert build_editor_command(Path("-x"), 1, {"EDITOR": "vi"})[-1] == str(Path.cwd() / "-x")


async def test_open_original(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """o starts the program for the kind of file. If there is none, the message names what is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    async with open_app() as face:
        await _answered(face)
        await face.press("o")
        await face.until(lambda: face.said)
        assert "is not installed" in face.said[-1]
    opener = tmp_path / "xdg-open"
    told = tmp_path / "told"
    opener.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{told}"\n', encoding="utf-8")
    opener.chmod(0o755)
    assert build_opener_command(Path("/articles/a.txt")) in (
        ["xdg-open", "/articles/a.txt"],
        ["open", "/articles/a.txt"],
    )
    async with open_app() as face:
        await _answered(face)
        await face.press("o")
        await face.until(lambda: face.said)
        assert told.read_text(encoding="utf-8") == "/articles/tides.md"
        assert face.said == [f"Opened with {opener.name}."]
        opener.write_text("#!/bin/sh\nexit 4\n", encoding="utf-8")
        await face.press("o")
        await face.until(lambda: len(face.said) == 2)
        assert "could not open the file (exit code 4)" in face.said[1]


async def test_mouse() -> None:
    """A click puts the cursor on a quote, and a second one opens its article."""
    async with open_app() as face:
        await face.ask("What do tides do?")
        row = next(number for number, line in enumerate(face.text.splitlines()) if "[2]" in line)
        await face.pilot.click(offset=(8, row))
        await face.pilot.pause()
        assert face.app.main.conversation.place == 1
        await face.pilot.click(offset=(8, row), times=2)
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        assert "mills.txt" in face.text


async def test_an_article_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the article of a source left the index, the message says so and what to do."""
    async with open_app() as face:
        await _answered(face)
        monkeypatch.delitem(TEXTS, "tides.md")
        await face.press("enter")
        await face.until(lambda: face.said)
        assert "there is no such article" in face.said[-1]
        assert face.app.screen is face.app.main


async def test_long_lines_and_large_articles_scroll(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of a megabyte is wrapped in a thread and scrolls to a quote at its end."""
    from qa.types import ArticleView
    from tests.helpers.recorded import build_answer

    text = "wide 東京 word " * 70_000 + SPRING
    async with open_app() as face:
        place = build_answer("How high is the highest tide?").citations[0]
        article = ArticleView("a.txt", "Long", None, text, "/articles/a.txt")
        start = text.index(SPRING)
        from dataclasses import replace

        from qa.tui.turns import place_of_citation

        moved = place_of_citation(replace(place, start=start, end=start + len(SPRING), answer_span=None))
        await face.app.push_screen(ArticleScreen(face.app, article, [moved]))
        await face.until(lambda: "Bay of Fundy" in face.text, 20)
        assert any("┃" in line for line in face.text.splitlines())
        await face.press("g")
        assert face.text.splitlines()[1].strip().startswith("1")
        assert face.app.screen.query_one(Input).display is False


def test_markdown_of_a_place() -> None:
    """A copied citation names title, date, place and characters."""
    from qa.tui.turns import place_of_citation
    from tests.helpers.recorded import build_answer

    shown = render_place(place_of_citation(build_answer("How old is the oldest mill?").citations[0]))
    assert shown.startswith(
        "> its timber was felled in the year 619\n>\n> — [1] *Mills that the sea drives*, `mills.txt:4`"
    )


async def test_half_pages_of_the_sources_take_the_cursor_along() -> None:
    """ctrl+d and ctrl+u in the sources keep the cursor in sight, and at the end move it to the last source."""
    async with open_app(size=(110, 20)) as face:
        await _answered(face)
        await face.press("f2")
        assert face.app.main.conversation.place == 0
        for _ in range(4):
            await face.press("ctrl+d")
        await face.until(lambda: face.app.main.conversation.place == 2)
        assert "┃ [3]" in face.text or "┃ Spring" in face.text
        for _ in range(4):
            await face.press("ctrl+u")
        await face.until(lambda: face.app.main.conversation.place == 0)


async def test_half_pages_of_what_fits_move_the_cursor() -> None:
    """If everything is in sight, ctrl+d goes to the last quote and ctrl+u to the first."""
    async with open_app(size=(110, 60)) as face:
        await _answered(face)
        await face.press("ctrl+d")
        await face.until(lambda: face.app.main.conversation.place == 2)
        await face.press("ctrl+u")
        await face.until(lambda: face.app.main.conversation.place == 0)
        await face.press("f2", "ctrl+d")
        await face.until(lambda: face.app.main.conversation.place == 2)


async def test_another_size_keeps_the_quote_in_sight() -> None:
    """When the window shrinks and grows, cursor, source and the quote in its article stay on the screen."""
    async with open_app(size=(110, 32)) as face:
        for _ in range(5):
            await _answered(face)
        await face.press("g", "n", "n")
        for size in ((60, 14), (90, 26), (40, 12), (110, 20)):
            await face.pilot.resize_terminal(*size)
            await settle(face)
            assert "┃ [3]" in face.text, size
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        for size in ((40, 12), (110, 12), (60, 10), (120, 40), (40, 12)):
            await face.pilot.resize_terminal(*size)
            await settle(face)
            assert "16.3" in face.text, size


async def test_what_was_on_top_of_an_article_stays_there() -> None:
    """Away from the quote, another width leaves the text in its place."""
    async with open_app(size=(60, 8)) as face:
        await face.press("ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        await face.press("down", "enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        await face.until(lambda: "Why the sea" in face.text)
        await face.press("ctrl+d", "j", "j", "j")
        text = face.app.screen.query_one(ArticleText)
        top = text.top_line
        assert top > 3
        for width in (62, 64, 66, 68, 60):
            await face.pilot.resize_terminal(width, 8)
            await settle(face)
            assert text.top_line == top


async def test_a_long_title_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A headline of any length leaves the first lines of its article in sight, and is cut below a quote."""
    answerer = RecordedAnswerer()
    title = "A headline that goes on and on about councils, hospitals and schools " * 3
    load, ask = answerer.load_article, answerer.ask
    monkeypatch.setattr(answerer, "load_article", lambda path: replace(load(path), title=title))

    def answer(*args: Any, **options: Any) -> Answer:
        found = ask(*args, **options)
        return replace(found, citations=tuple(replace(one, title=title) for one in found.citations))

    monkeypatch.setattr(answerer, "ask", answer)
    async with open_app(answerer, size=(80, 24)) as face:
        await _answered(face, "How high is the highest tide?")
        quote = face.text.split("Sources")[0]
        assert quote.count("A headline that goes on") == 1
        assert "… · 2021-06-04" in " ".join(quote.replace("┃", "").split())
        await face.press("enter")
        for size in ((120, 30), (70, 24), (40, 12)):
            await face.pilot.resize_terminal(*size)
            await settle(face)
            assert "citation 1 of 1" in face.text, size
            assert "tides.md:12" in face.text, size


async def test_search_over_the_ends_of_lines() -> None:
    """Words that a line end separates are found. The first match is one in sight, not the first in the article."""
    assert find_matches("the tide is\nhighest: a  spring", "tide is HIGHEST: a spring") == [(4, 30)]
    assert find_matches("a.b", "a b") == []
    async with open_app(size=(60, 8)) as face:
        await face.press("ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        await face.press("down", "enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        await face.until(lambda: "Why the sea" in face.text)
        await face.press("G", "slash")
        await face.type("moon")
        assert "match 4 of 4" in face.text


async def test_enter_twice_opens_one_article() -> None:
    """Enter pressed twice while the answerer is busy opens the article once, and Escape stops a question meanwhile."""
    answerer = RecordedAnswerer()
    async with open_app(answerer) as face:
        await _answered(face, "How high is the highest tide?")
        answerer.gate.clear()
        waiting = await face.send("What do tides do?")
        await face.until(lambda: waiting.passages)
        face.app.main.conversation.focus()
        await face.press("k", "enter", "enter")
        face.app.main.box.focus()
        await face.press("escape")
        assert not waiting.is_waiting
        answerer.gate.set()
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        await face.press("escape")
        await settle(face)
        assert face.app.screen is face.app.main


async def test_the_sources_of_a_declined_question_are_places() -> None:
    """Beside a declined question, n goes to a passage and unfolds them, and Enter opens one at once."""
    async with open_app(size=(70, 24)) as face:
        turn = await face.ask("Nothing?")
        await face.press("f2", "enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        assert "passage 1 of 3" in face.text
        await face.press("escape")
        assert not turn.unfolded
        await face.press("n", "n")
        await face.until(lambda: face.app.main.conversation.place == 1)
        assert turn.unfolded
        await face.press("y")
        assert face.app.clipboard == turn.places[1].text


async def test_more_matches_than_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a search stopped counting, the count says so."""
    answerer = RecordedAnswerer()
    load = answerer.load_article
    monkeypatch.setattr(answerer, "load_article", lambda path: replace(load(path), text="tide " * 11_000))
    async with open_app(answerer) as face:
        await face.press("ctrl+o")
        await face.until(lambda: "2 of 2 articles" in face.text)
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, ArticleScreen))
        await face.press("slash")
        await face.type("tide")
        assert "match 1 of 10,000 or more" in face.text
