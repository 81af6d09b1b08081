"""A documents folder that is renamed keeps its index: nothing is embedded again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from index.storage.folder import locate_index_folder
from index.storage.locks import hold_writer_lock
from index.storage.schema import DATABASE_NAME
from index.storage.snapshot import has_index, load_model
from index.types import BuildReport
from index.updating.adoption import adopt_index
from index.updating.build import refresh
from tests.helpers.hash_encoder import HashEncoder
from tests.helpers.minilm import find_minilm


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Six articles with an index."""
    made = tmp_path / "docs"
    made.mkdir()
    for number in range(6):
        (made / f"{number}.txt").write_text(f"Article {number} is about lighthouse number {number}.\n\nIt is tall.")
    _refresh(made)
    return made


def _refresh(docs: Path) -> BuildReport:
    return refresh(docs, locate_index_folder(docs), HashEncoder)


def test_a_renamed_folder_keeps_its_index(docs: Path) -> None:
    """The index moves to the new name, and a refresh has nothing to do."""
    before = locate_index_folder(docs)
    renamed = docs.rename(docs.with_name("articles"))
    assert adopt_index(renamed) == before
    assert not before.exists()
    report = _refresh(renamed)
    assert (report.embedded, report.articles, bool(report.changes)) == (0, 6, False)
    assert adopt_index(renamed) is None


def test_what_changed_with_the_name_is_noticed(docs: Path) -> None:
    """If the folder is renamed and edited, only what is new is embedded."""
    renamed = docs.rename(docs.with_name("articles"))
    (renamed / "0.txt").write_text("Something else stands here now.")
    (renamed / "new.txt").write_text("A seventh article.")
    assert adopt_index(renamed) is not None
    report = _refresh(renamed)
    assert (report.embedded, report.articles) == (2, 7)
    assert report.changes.changed == ("0.txt",)


def test_the_index_of_another_folder_is_left_alone(docs: Path) -> None:
    """An index is not taken over if its folder is still there, held other files, or has a writer at work."""
    folder = locate_index_folder(docs)
    copy = Path(shutil.copytree(docs, docs.with_name("copy")))
    assert adopt_index(copy) is None
    gone = docs.rename(docs.parent.parent / f"{docs.parent.name}-gone")
    assert adopt_index(copy) is None, "a copy's files are other files"
    back = gone.rename(docs.with_name("articles"))
    with hold_writer_lock(folder, wait=False):
        assert adopt_index(back) is None
    assert has_index(folder)
    assert adopt_index(back) == folder


def test_a_damaged_index_is_not_taken_over(docs: Path) -> None:
    """The renamed folder gets an index of its own, and the damaged one stays to be examined."""
    folder = locate_index_folder(docs)
    (folder / DATABASE_NAME).write_bytes(b"no database" * 1000)
    renamed = docs.rename(docs.with_name("articles"))
    assert adopt_index(renamed) is None
    assert _refresh(renamed).embedded > 0
    assert has_index(folder)


def test_the_commands_take_it_over_with_its_model(tmp_path: Path) -> None:
    """`qa ask` and `qa index` over a renamed folder embed nothing and keep the model of the index."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "tower.txt").write_text("The lighthouse of Lindau is 33 metres high.")
    model = str(find_minilm())
    _qa(docs, "--model", model, "index")
    renamed = docs.rename(tmp_path / "articles")
    asked = _qa(renamed, "ask", "--json", "How high is the lighthouse?")
    assert "embedding" not in asked.stderr
    assert json.loads(asked.stdout)["index"]["model"] == model
    again = renamed.rename(tmp_path / "texts")
    done = _qa(again, "index", "--progress-json")
    assert json.loads(done.stderr.splitlines()[-1])["embedded"] == 0
    assert load_model(locate_index_folder(again)) == model


def _qa(docs: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "qa", "--docs", str(docs), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True)
