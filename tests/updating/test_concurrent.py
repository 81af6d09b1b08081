"""Many processes ask while another one writes: every answer is of one whole generation, and nobody waits for the
writer."""

from __future__ import annotations

import multiprocessing
import re
import traceback
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from index.search import search_candidates
from index.storage.locks import hold_writer_lock
from index.storage.snapshot import Snapshot
from index.updating.build import refresh
from tests.helpers.hash_encoder import HashEncoder
from tests.helpers.index_views import open_existing

_ARTICLES = 6
_PATIENCE = 300.0
"""Seconds after which a process counts as hanging."""


def write_edition(docs: Path, number: int) -> None:
    """Writes articles that all name their edition. One more article comes and goes with each edition."""
    for article in range(_ARTICLES):
        parts = [f"Edition {number} of article {article}, part {part}, about ferries." for part in range(3)]
        (docs / f"{article}.txt").write_text("\n\n".join(parts))
    (docs / f"extra{number - 1}.txt").unlink(missing_ok=True)
    (docs / f"extra{number}.txt").write_text(f"Edition {number} has this too, about ferries.")


def ask(snapshot: Snapshot, encoder: HashEncoder) -> set[int]:
    """The editions that an answer and the articles of its snapshot name."""
    question = "Which edition is about ferries?"
    candidates = search_candidates(snapshot, question, encoder.encode_questions([question])[0], depth=30)
    texts = [one.paragraph.text for one in snapshot.load_paragraphs([found.paragraph_id for found in candidates])]
    assert len(texts) == snapshot.info.paragraphs == 3 * _ARTICLES + 1
    for article in list(snapshot.list_articles()):
        found = snapshot.load_article(article.path)
        assert found is not None
        texts.append(found[1].text)
    return {int(number) for text in texts for number in re.findall(r"Edition (\d+)", text)}


def read_all_the_time(folder: Path, stop: Event, results: Queue[Any]) -> None:
    """Opens the index and asks twice, again and again, in a process of its own, until it is stopped. Puts (answers,
    generations seen), or an error."""
    try:
        encoder = HashEncoder()
        seen: list[int] = []
        while True:
            ending = stop.is_set()
            with open_existing(folder) as snapshot:
                editions = ask(snapshot, encoder)
                assert ask(snapshot, encoder) == editions
                assert len(editions) == 1, editions
                seen.append(snapshot.info.generation)
            if ending:
                break
        assert seen == sorted(seen)
        results.put((len(seen), len(set(seen)), seen[-1]))
    except BaseException:  # noqa: BLE001 - handed to the test, which fails with it
        results.put(traceback.format_exc())


def write_editions(docs: Path, folder: Path, first: int, last: int, results: Queue[Any]) -> None:
    """Writes one generation after the other, in a process of its own."""
    try:
        encoder = HashEncoder()
        for number in range(first, last + 1):
            write_edition(docs, number)
            refresh(docs, folder, lambda: encoder)
        results.put("written")
    except BaseException:  # noqa: BLE001 - handed to the test, which fails with it
        results.put(traceback.format_exc())


def _ask_while_writing(tmp_path: Path, readers: int, rebuilds: int) -> None:
    docs, folder = tmp_path / "docs", tmp_path / "index"
    docs.mkdir()
    write_edition(docs, 1)
    refresh(docs, folder, HashEncoder)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["numpy", "faiss", "tantivy", "index.updating.build", "index.search"])
    stop = context.Event()
    results: Queue[Any] = context.Queue()
    written: Queue[Any] = context.Queue()
    processes = [context.Process(target=read_all_the_time, args=(folder, stop, results)) for _ in range(readers)]
    processes.append(context.Process(target=write_editions, args=(docs, folder, 2, rebuilds + 1, written)))
    for process in processes:
        process.start()
    assert written.get(timeout=_PATIENCE) == "written"
    stop.set()
    outcomes = [results.get(timeout=_PATIENCE) for _ in range(readers)]
    for process in processes:
        process.join(timeout=_PATIENCE)
    assert all(isinstance(outcome, tuple) for outcome in outcomes), outcomes
    assert {last for _, _, last in outcomes} == {rebuilds + 1}
    assert max(generations for _, generations, _ in outcomes) > 1
    assert [path.name for path in (folder / "generations").iterdir()] == [f"{rebuilds + 1:06}"]


def test_readers_see_whole_generations(tmp_path: Path) -> None:
    """Four processes ask while another one rebuilds ten times. In the end only the newest generation is on the disk."""
    _ask_while_writing(tmp_path, readers=4, rebuilds=10)


@pytest.mark.long
def test_twenty_readers_see_whole_generations_of_fifty(tmp_path: Path) -> None:
    """Twenty processes ask while another one rebuilds fifty times."""
    _ask_while_writing(tmp_path, readers=20, rebuilds=50)


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """An answer comes even while the lock is held and a transaction is open in the middle of a build."""
    docs, folder = tmp_path / "docs", tmp_path / "index"
    docs.mkdir()
    write_edition(docs, 1)
    refresh(docs, folder, HashEncoder)
    asked = []

    class Asking(HashEncoder):
        def encode_passages(self, texts: Any) -> Any:
            with open_existing(folder) as snapshot:
                asked.append(ask(snapshot, HashEncoder()))
            return super().encode_passages(texts)

    write_edition(docs, 2)
    refresh(docs, folder, Asking)
    with hold_writer_lock(folder, wait=False), open_existing(folder) as snapshot:
        asked.append(ask(snapshot, HashEncoder()))
    assert asked == [{1}, {2}]
