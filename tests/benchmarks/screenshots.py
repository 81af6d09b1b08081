"""Makes the README's pictures: `python -m tests.benchmarks.screenshots` asks the real answerer over `docs_src/`.

The pictures are what Textual draws, as SVG, in `tests/benchmarks/pictures/`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from qa.sessions.store import open_sessions
from qa.settings import Settings
from qa.tui.app import AppOptions, QaApp
from qa.tui.screens.article import ArticleScreen
from qa.types import Asks

PICTURES = Path(__file__).parent / "pictures"
DOCUMENTS = Path(__file__).parents[2] / "docs_src"
SIZE = (120, 34)
QUESTION = "Did China condemn the invasion?"
SECOND = "How large was China's trade with Russia?"
DECLINED = "Who won the football world cup in 2022?"
_SECONDS = 60.0


async def _until(pilot: Pilot[None], met: Callable[[], object]) -> None:
    ends = time.monotonic() + _SECONDS
    while not met():
        if time.monotonic() > ends:
            raise TimeoutError("the app did not come so far in a minute")
        await pilot.pause(0.05)
    await pilot.pause(0.2)


async def _ask(app: QaApp, pilot: Pilot[None], question: str) -> None:
    app.main.box.focus()
    app.main.box.put(question)
    await pilot.press("enter")
    await _until(pilot, lambda: app.main.conversation.turns and not app.main.conversation.turns[-1].is_waiting)


def _save(app: QaApp, name: str) -> Path:
    path = PICTURES / f"{name}.svg"
    path.write_text(app.export_screenshot(title="qa"), encoding="utf-8")
    return path


async def make_pictures(folder: Path) -> list[Path]:
    """Asks, and saves the conversation, the article at the quote, and a declined question."""
    documents = folder / DOCUMENTS.name
    shutil.copytree(DOCUMENTS, documents)

    def open_answerer() -> Asks:
        from qa.answerer import open_answerer as open_it

        return open_it(Settings(docs=documents))

    app = QaApp(open_answerer, AppOptions(Path(DOCUMENTS.name)), lambda: open_sessions(folder / "data"))
    made = []
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, lambda: app.answerer.is_open)
        await _ask(app, pilot, QUESTION)
        await _ask(app, pilot, SECOND)
        made.append(_save(app, "answer"))
        await pilot.press("escape", "g", "enter")
        await _until(pilot, lambda: isinstance(app.screen, ArticleScreen))
        made.append(_save(app, "article"))
        await pilot.press("escape")
        await _ask(app, pilot, DECLINED)
        await pilot.press("escape", "space")
        await pilot.pause(0.3)
        made.append(_save(app, "declined"))
    return made


def main() -> None:
    """Makes all pictures and prints where they are."""
    PICTURES.mkdir(exist_ok=True)
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    with tempfile.TemporaryDirectory() as folder:
        for path in asyncio.run(make_pictures(Path(folder))):
            print(path)


if __name__ == "__main__":
    main()
