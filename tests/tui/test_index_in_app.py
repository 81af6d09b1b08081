"""The index in the app: first build, following the folder, progress, problems, errors, and indexing in another
process."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from index.errors import DocumentsError
from index.types import Changes, Progress, Skipped
from qa.settings import Settings
from qa.tui.app import build_index_command
from qa.tui.background.index_process import IndexingProcess
from qa.tui.background.upkeep import UpkeepOptions
from qa.tui.screens.problems import ProblemsScreen
from qa.types import Asks
from tests.helpers.app import no_index, open_app
from tests.helpers.recorded import RecordedAnswerer


def _copy_articles(source: Path, target: Path) -> Path:
    target.mkdir()
    for path in source.iterdir():
        shutil.copy(path, target / path.name)
    return target


def _open_real(documents: Path) -> Asks:
    from qa.answerer import open_answerer

    return open_answerer(Settings(docs=documents, refresh=False, threshold=0.0))


def _printing(*records: object, code: int = 0) -> UpkeepOptions:
    """Replaces indexing by a process that prints these lines and ends with `code`."""
    lines = "".join(json.dumps(one) + "\n" for one in records)
    program = f"import sys; sys.stderr.write({lines!r}); sys.exit({code})"
    return UpkeepOptions([sys.executable, "-c", program])


async def test_first_build_and_following_the_folder(real_documents: Path, tmp_path: Path) -> None:
    """If there is no index, another process builds it. A changed article is indexed and found without a question."""
    documents = _copy_articles(real_documents, tmp_path / "docs")
    upkeep = UpkeepOptions(build_index_command(Settings(docs=documents)), seconds_between_looks=0.2)
    async with open_app(lambda: _open_real(documents), ready=False, upkeep=upkeep, documents=documents) as face:
        await face.until(lambda: "indexing" in face.text, 30)
        typed = await face.send("Where did the oldest tide mill stand?")
        await face.until(lambda: not typed.is_waiting, 60)
        await face.until(lambda: "● fresh" in face.text, 60)
        assert "2 articles" in face.text
        assert "! 1 skipped" in face.text
        assert typed.answer is not None
        assert "Nendrum" in typed.answer.text
        (documents / "new.txt").write_text("Whales\n\nThe blue whale Big Blue weighs 190 tonnes.\n", encoding="utf-8")
        await face.until(lambda: "3 articles" in face.text, 60)
        await face.until(lambda: "● fresh" in face.text, 60)
        answer = (await face.ask("How heavy is the blue whale Big Blue?")).answer
        assert answer is not None
        assert "190 tonnes" in answer.text
        assert face.app.focused is face.app.main.box


async def test_progress_never_takes_the_focus() -> None:
    """While the index is built, a bar shows how far it is, and typing goes on."""
    progress = {
        "stage": "embedding",
        "articles_done": 2,
        "articles_total": 2,
        "paragraphs_done": 30,
        "paragraphs_total": 120,
        "seconds": 3.0,
    }
    program = (
        f"import sys, time; sys.stderr.write({json.dumps(progress) + chr(10)!r}); sys.stderr.flush(); time.sleep(60)"
    )
    upkeep = UpkeepOptions([sys.executable, "-c", program])
    async with open_app(no_index, ready=False, upkeep=upkeep) as face:
        await face.until(lambda: "30/120 paragraphs" in face.text)
        assert "embedding ━" in face.text
        assert "25%" in face.text
        assert "10/s" in face.text
        assert "0:09 left" in face.text
        await face.type("still typing")
        assert face.app.main.box.text == "still typing"
        process = face.app.upkeep._process
        assert process is not None
    # If the app is closed in the middle of it, the process ends too.
    assert process._process is not None
    await process._process.wait()
    assert process._process.returncode not in (None, 0)


async def test_no_articles() -> None:
    """If the folder has no articles, the middle of the screen says so, with the next step."""
    sentence = "/articles: there is no article in this folder; put text files into it."

    def open_nothing() -> Asks:
        raise DocumentsError(sentence)

    async with open_app(open_nothing, ready=False) as face:
        await face.until(lambda: "there is no article in this folder; put text" in face.text)
        assert "○ no index" in face.text
        assert "F5" in face.text


async def test_tried_again_with_f5() -> None:
    """F5 tries again, because the cause may be gone."""
    ready: list[Asks] = []

    def open_when_ready() -> Asks:
        if not ready:
            raise DocumentsError("not yet; wait.")
        return ready[0]

    async with open_app(open_when_ready, ready=False) as face:
        await face.until(lambda: "not yet" in face.text)
        ready.append(RecordedAnswerer())
        await face.press("f5")
        await face.until(lambda: "● fresh" in face.text)
        assert "Ask about the articles" in face.text


async def test_f5_says_what_it_found() -> None:
    """F5 is always answered, even if nothing changed."""
    async with open_app() as face:
        await face.press("f5")
        await face.until(lambda: "The index is up to date: nothing changed." in face.said)


async def test_f5_if_the_index_is_left_as_it_is(tmp_path: Path) -> None:
    """With --no-refresh nothing is indexed automatically, but F5 indexes."""
    told = tmp_path / "told"
    done = json.dumps({"done": True, "generation": 4})
    program = f"import sys; open({str(told)!r}, 'a').write('indexed;'); print({done!r}, file=sys.stderr)"
    upkeep = UpkeepOptions([sys.executable, "-c", program], refresh=False, seconds_between_looks=0.05)
    async with open_app(RecordedAnswerer(changes=Changes(added=("new.txt",))), upkeep=upkeep) as face:
        assert "◐ stale" in face.text
        await face.pilot.pause(0.3)
        assert not told.exists()
        await face.press("f5")
        await face.until(told.exists)
        await face.pilot.pause(0.3)
        assert told.read_text(encoding="utf-8") == "indexed;"


async def test_indexing_that_fails_says_why() -> None:
    """The last sentence of the indexing process is shown and listed under problems."""
    upkeep = _printing({"error": "the disk is full; free some space and run `qa index` again."}, code=3)
    async with open_app(no_index, ready=False, upkeep=upkeep) as face:
        await face.until(lambda: "the disk is full" in face.text)
        await face.press("f3")
        await face.until(lambda: isinstance(face.app.screen, ProblemsScreen))
        await face.until(lambda: "! the disk is full; free some space" in face.text)


async def test_indexing_that_cannot_be_started() -> None:
    """A missing program is reported in a sentence."""
    async with open_app(no_index, ready=False, upkeep=UpkeepOptions(["/no/such/program"])) as face:
        await face.until(lambda: "indexing could not be started" in face.text)


async def test_very_many_skipped_files() -> None:
    """The last line of the indexing process may have any length."""
    program = (
        "import json, sys; one = {'path': 'a.png', 'reason': 'not text'}; "
        "print(json.dumps({'done': True, 'generation': 4, 'skipped': [one] * 20_000}), file=sys.stderr)"
    )
    report = await IndexingProcess([sys.executable, "-c", program], lambda _: None).run()
    assert len(report.skipped) == 20_000


async def test_indexing_that_dies_without_a_word() -> None:
    """A process that prints something else, or nothing, is reported too."""
    async with open_app(no_index, ready=False, upkeep=_printing(code=9)) as face:
        await face.until(lambda: "code 9" in face.text)


async def test_problems_list_each_file_with_its_reason() -> None:
    """f3 lists every skipped file, and says so if there is none."""
    answerer = RecordedAnswerer(
        skipped=(Skipped("a\x1b[2J.png", "not text (a PNG image)"), Skipped("b.txt", "permission denied"))
    )
    async with open_app(answerer) as face:
        assert "! 2 skipped" in face.text
        await face.press("f3")
        await face.until(lambda: isinstance(face.app.screen, ProblemsScreen))
        await face.until(lambda: "! a␛[2J.png: not text (a PNG image)" in face.text)
        assert "! b.txt: permission denied" in face.text
        await face.press("escape")
    async with open_app() as face:
        await face.press("f3")
        await face.until(lambda: "No problems" in face.text)


async def test_stale_is_said_as_long_as_it_stays_stale() -> None:
    """Without refreshing, the header says stale, and so does every answer."""
    async with open_app(RecordedAnswerer(changes=Changes(added=("new.txt",)))) as face:
        assert "◐ stale" in face.text
        await face.ask("What do tides do?")
        assert face.turns[0].note == "the index was not up to date"
        assert "not up to date" in face.text


async def test_rebuild_from_the_palette(tmp_path: Path) -> None:
    """The palette offers to build the index anew, and the process gets --rebuild."""
    told = tmp_path / "told"
    done = json.dumps({"done": True, "generation": 4})
    program = (
        f"import sys; open({str(told)!r}, 'a').write(' '.join(sys.argv[1:]) + ';'); print({done!r}, file=sys.stderr)"
    )
    async with open_app(RecordedAnswerer(), upkeep=UpkeepOptions([sys.executable, "-c", program])) as face:
        await face.press("ctrl+p")
        await face.type("rebuild")
        await face.until(lambda: "Rebuild index" in face.text)
        await face.press("enter")
        await face.until(told.exists)
        assert told.read_text(encoding="utf-8") == "--rebuild;"
        await face.until(lambda: "The index was rebuilt." in face.said)


def test_index_command() -> None:
    """The indexing process gets the options that decide what the index is, as a list."""
    command = build_index_command(Settings(docs=Path("/a b"), model="m; rm", reranker="none"))
    assert command == [
        sys.executable, "-m", "qa", "--docs", "/a b", "--model", "m; rm", "--reranker", "none",
        "index", "--progress-json",
    ]  # fmt: skip


async def test_only_progress_is_taken_for_progress() -> None:
    """A notice, or a record of a later version, does not move the bar."""
    progress = {"schema": 1, "stage": "embedding", "articles_done": 1, "articles_total": 2, "paragraphs_done": 3,
                "paragraphs_total": 4, "seconds": 0.5}  # fmt: skip
    done = {"schema": 1, "done": True, "generation": 2, "articles": 2, "paragraphs": 4, "embedded": 4, "skipped": []}
    command = _printing({"schema": 1, "notice": "Waiting."}, progress, {"schema": 1, "other": 1}, done).index_command
    assert command is not None
    shown: list[Progress] = []
    report = await IndexingProcess(command, shown.append).run()
    assert [one.paragraphs_done for one in shown] == [3]
    assert report.embedded == 4
