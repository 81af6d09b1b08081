"""What is stored comes back as it was, and a snapshot is one generation, whatever a writer does."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.documents.source_files import load_file
from index.errors import UnreadableFileError
from index.search import search_candidates
from index.storage.records import PIECE
from index.storage.snapshot import has_index, load_generation, open_snapshot
from index.text.paragraphs import split_document
from index.types import Changes
from index.updating.build import refresh
from index.updating.freshness import find_changes
from tests.helpers.hash_encoder import HashEncoder
from tests.helpers.index_views import load_units, open_existing, view_answers, view_articles


def build(docs: Path, folder: Path) -> HashEncoder:
    """One refresh."""
    encoder = HashEncoder()
    refresh(docs, folder, lambda: encoder)
    return encoder


@settings(max_examples=25, deadline=None)
@given(
    texts=st.dictionaries(
        st.sampled_from(["a.txt", "b.md", "ü/ñ 東.txt", "c.txt"]),
        st.text(min_size=1, max_size=300) | st.lists(st.text(max_size=50), max_size=8).map("\n\n".join),
        min_size=1,
        max_size=3,
    )
)
def test_what_is_stored_comes_back(texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every document, paragraph and vector of a snapshot is what extractor, splitter and encoder made."""
    docs = tmp_path_factory.mktemp("store") / "docs"
    docs.mkdir()
    (docs / "always.txt").write_text("Something to index.")
    for name, text in texts.items():
        (docs / name).parent.mkdir(exist_ok=True)
        (docs / name).write_bytes(text.encode("utf-8"))
    folder = docs.parent / "index"
    encoder = build(docs, folder)
    with open_existing(folder) as snapshot:
        paths = {article.path for article in snapshot.list_articles()} | {skip.path for skip in snapshot.skipped}
        assert paths == {"always.txt", *texts}
        for article in list(snapshot.list_articles()):
            document = load_file(docs, article.path).document
            assert snapshot.load_article(article.path) == (article, document)
            units = load_units(snapshot, article.path)
            made = split_document(document, encoder.max_tokens, encoder.count_tokens)
            assert [unit.paragraph for unit in units] == made
            ids, vectors = snapshot.load_vectors([unit.paragraph_id for unit in units])
            by_id = {unit.paragraph_id: unit.paragraph for unit in units}
            for number, vector in zip(ids.tolist(), vectors, strict=True):
                expected = encoder.encode_questions([by_id[number].embedded_text])[0]
                assert np.array_equal(vector, expected.astype(np.float16).astype(np.float32))


def test_an_unreadable_file_is_listed_with_its_reason(tmp_path: Path) -> None:
    """The reason that the extractor gave is kept with the generation."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("Something to index.")
    (tmp_path / "docs" / "b.txt").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    build(tmp_path / "docs", tmp_path / "index")
    with pytest.raises(UnreadableFileError) as raised:
        load_file(tmp_path / "docs", "b.txt")
    with open_existing(tmp_path / "index") as snapshot:
        assert [(skip.path, skip.reason) for skip in snapshot.skipped] == [("b.txt", str(raised.value))]


def test_long_texts_are_cut_out_of_their_pieces(tmp_path: Path) -> None:
    """A paragraph across the border of two compressed pieces is whole."""
    docs = tmp_path / "docs"
    docs.mkdir()
    text = "\n\n".join(f"Paragraph {number} of a long article, with ü and 東 in it." for number in range(PIECE // 10))
    (docs / "long.txt").write_text(text, encoding="utf-8")
    build(docs, tmp_path / "index")
    with open_existing(tmp_path / "index") as snapshot:
        found = snapshot.load_article("long.txt")
        assert found is not None
        assert found[1].text == text
        assert found[0].characters == len(text) > 3 * PIECE
        for unit in load_units(snapshot, "long.txt"):
            assert text[unit.paragraph.start : unit.paragraph.end] == unit.paragraph.text


def test_neighbours_are_those_of_the_article(tmp_path: Path) -> None:
    """Neighbours reach to the borders of the article and never beyond."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in "ab":
        (docs / f"{name}.txt").write_text("\n\n".join(f"Unit {number} of article {name}." for number in range(4)))
    build(docs, tmp_path / "index")
    with open_existing(tmp_path / "index") as snapshot:
        units = load_units(snapshot, "a.txt")
        around = snapshot.load_neighbours(units[0].paragraph_id, before=2, after=1)
        assert around == units[:2]
        assert snapshot.load_neighbours(units[2].paragraph_id, before=1, after=9) == units[1:]


def test_a_snapshot_goes_on_showing_its_generation(tmp_path: Path) -> None:
    """After five builds and with its files removed, a snapshot gives the same answers as when it was opened."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("The lighthouse is white.\n\nFerries leave at nine.")
    encoder = build(docs, tmp_path / "index")
    questions = ["white lighthouse", "ferries"]
    snapshot = open_existing(tmp_path / "index")
    before = view_articles(snapshot), view_answers(snapshot, encoder, questions)
    for number in range(5):
        (docs / "a.txt").write_text(f"The lighthouse is red {number}.")
        build(docs, tmp_path / "index")
    assert not snapshot.is_current()
    assert (view_articles(snapshot), view_answers(snapshot, encoder, questions)) == before
    shutil.rmtree(tmp_path / "index" / "generations")
    assert view_answers(snapshot, encoder, questions) == before[1]
    snapshot.close()


def test_an_index_made_anew_under_an_open_one_is_another(tmp_path: Path) -> None:
    """If the folder is deleted and built again up to the same number, an open snapshot notices that it is old."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("The lighthouse is white.")
    build(docs, tmp_path / "index")
    with open_existing(tmp_path / "index") as snapshot:
        assert snapshot.is_current()
        shutil.rmtree(tmp_path / "index")
        assert not snapshot.is_current()
        (docs / "a.txt").write_text("The lighthouse is red.")
        build(docs, tmp_path / "index")
        assert load_generation(tmp_path / "index") == snapshot.info.generation
        assert not snapshot.is_current()


def test_there_is_no_index_before_the_first_build(tmp_path: Path) -> None:
    """Opening gives nothing instead of an error, and every file of the folder counts as new."""
    (tmp_path / "a.txt").write_text("text")
    folder = tmp_path / ".qa" / "docs"
    assert open_snapshot(folder) is None
    assert load_generation(folder) == 0
    assert not has_index(folder)
    assert find_changes(tmp_path, folder) == Changes(added=("a.txt",))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_an_index_that_cannot_be_written_can_be_read(tmp_path: Path) -> None:
    """A snapshot opens from a folder without permission to write."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("The lighthouse is white.")
    encoder = build(docs, tmp_path / "index")
    folders = [tmp_path / "index", *(path for path in (tmp_path / "index").rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with open_existing(tmp_path / "index") as snapshot:
            assert search_candidates(snapshot, "lighthouse", encoder.encode_questions(["lighthouse"])[0])
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)
