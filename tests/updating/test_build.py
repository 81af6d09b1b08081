"""What a refresh does: exactly what changed, and one sentence if something is in the way."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from index.errors import DocumentsError, IndexDamagedError, IndexLockedError, UsageError
from index.models.encoder import load_encoder
from index.search import search_candidates
from index.storage import generation_files
from index.storage.folder import locate_index_folder
from index.storage.locks import hold_writer_lock
from index.storage.schema import DATABASE_NAME
from index.storage.snapshot import open_snapshot
from index.types import BuildReport, Changes, Progress
from index.updating import build
from index.updating.build import refresh
from index.updating.freshness import find_changes
from index.updating.limits import Limits
from index.updating.writing import ORPHAN_GENERATIONS
from tests.helpers.hash_encoder import HashEncoder
from tests.helpers.index_views import open_existing, view_answers, view_articles

_QUESTIONS = ("lighthouse ferries", "word3 word4", "changed words")


class Place:
    """A documents folder, its index, and an encoder that remembers what it embedded."""

    def __init__(self, top: Path) -> None:
        self.docs = top / "docs"
        self.docs.mkdir()
        self.folder = locate_index_folder(self.docs)
        self.encoder = HashEncoder()
        self.loads = 0
        self.notices: list[str] = []

    def write(self, name: str, *paragraphs: str) -> Path:
        path = self.docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(paragraphs), encoding="utf-8")
        # Dated long ago, because a file that was written just now is read again to be sure.
        old = path.stat().st_mtime_ns - 10_000_000_000
        os.utime(path, ns=(old, old))
        return path

    def load(self) -> HashEncoder:
        self.loads += 1
        return self.encoder

    def refresh(self, **options: bool) -> BuildReport:
        return refresh(
            self.docs, self.folder, self.load, model=self.encoder.name, notice=self.notices.append, **options
        )

    def find(self, question: str) -> list[str]:
        """The paths of the articles found, best first."""
        with open_existing(self.folder) as snapshot:
            candidates = search_candidates(snapshot, question, self.encoder.encode_questions([question])[0])
            return [one.path for one in snapshot.load_paragraphs([found.paragraph_id for found in candidates])]

    def view(self) -> object:
        with open_existing(self.folder) as snapshot:
            return view_articles(snapshot), view_answers(snapshot, self.encoder, _QUESTIONS)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Three small articles without an index."""
    made = Place(tmp_path)
    made.write("a.txt", "The harbour", "The lighthouse is white.", "Ferries leave at nine.")
    made.write("b.txt", "The trade", "Trade grew to 146.9 billion.", "Nobody condemned it.")
    made.write("deep/c.md", "# The mountains", "Snow lies until May.")
    return made


def test_the_default_model_finds_the_meaning(tmp_path: Path) -> None:
    """With the real encoder, a question finds a paragraph that shares no word with it."""
    place = Place(tmp_path)
    place.write(
        "a.txt", "The ferry leaves the pier at nine in the morning.", "The lighthouse was painted white last year."
    )
    place.write("b.txt", "Exports of timber doubled.", "The parliament votes in autumn.")
    report = refresh(place.docs, place.folder, load_encoder)
    assert (report.articles, report.embedded, report.generation) == (2, report.paragraphs, 1)
    encoder = load_encoder()
    question = "What colour does the beacon have?"
    with open_existing(place.folder) as snapshot:
        best = search_candidates(snapshot, question, encoder.encode_questions([question])[0])[0]
        assert "lighthouse" in snapshot.load_paragraphs([best.paragraph_id])[0].paragraph.text
        assert best.dense is not None
        assert 0 < best.dense <= 1


def test_a_second_refresh_does_nothing(place: Place) -> None:
    """If nothing changed, there is no generation, no model and no file that is read."""
    place.refresh()
    report = place.refresh()
    assert (report.generation, report.embedded, report.changes, place.loads) == (1, 0, Changes(), 1)


def test_only_the_new_paragraph_of_an_edited_article_is_embedded(place: Place) -> None:
    """One changed paragraph costs one embedding, in an article of any length."""
    place.refresh()
    place.encoder.embedded.clear()
    place.write("a.txt", "The harbour", "The lighthouse is red now.", "Ferries leave at nine.")
    report = place.refresh()
    assert report.changes == Changes(changed=("a.txt",))
    assert [text.splitlines()[-1] for text in place.encoder.embedded] == ["The lighthouse is red now."]
    assert place.find("red lighthouse")[0] == "a.txt"


def test_a_rename_embeds_nothing_and_needs_no_model(place: Place) -> None:
    """A new name changes nothing else. A file that is moved over an article replaces it."""
    place.refresh()
    (place.docs / "a.txt").rename(place.docs / "deep" / "z.txt")
    report = place.refresh()
    assert report.changes == Changes(renamed=(("a.txt", "deep/z.txt"),))
    assert (report.embedded, place.loads) == (0, 1)
    assert place.find("lighthouse")[0] == "deep/z.txt"
    (place.docs / "deep" / "z.txt").replace(place.docs / "b.txt")
    report = place.refresh()
    assert report.embedded == 0
    assert report.articles == 2
    assert set(place.find("lighthouse trade")) == {"b.txt", "deep/c.md"}


def test_a_folder_that_was_copied_and_removed_is_renamed(place: Place) -> None:
    """Files of one size with new inodes and times are recognised by their bytes, each of them once."""
    for number in range(40):
        place.write(f"one/{number:02}.txt", f"The ferry number {number // 2:02} is green.")
    place.refresh()
    for number in range(40):
        place.write(f"two/{number:02}.txt", f"The ferry number {number // 2:02} is green.")
        (place.docs / "one" / f"{number:02}.txt").unlink()
    expected = tuple((f"one/{number:02}.txt", f"two/{number:02}.txt") for number in range(40))
    assert find_changes(place.docs, place.folder) == Changes(renamed=expected)
    report = place.refresh()
    assert (report.changes.renamed, report.embedded, place.loads) == (expected, 0, 1)


def test_names_that_change_places_embed_nothing(place: Place) -> None:
    """Two files that swap their names are two renames."""
    place.refresh()
    (place.docs / "a.txt").rename(place.docs / "x")
    (place.docs / "b.txt").rename(place.docs / "a.txt")
    (place.docs / "x").rename(place.docs / "b.txt")
    assert place.refresh().embedded == 0
    assert place.find("lighthouse")[0] == "b.txt"


def test_a_touch_reads_one_file_and_makes_no_generation(place: Place) -> None:
    """A new time with the same bytes is no change, and the file is not read twice."""
    place.refresh()
    os.utime(place.docs / "a.txt", ns=(5, 5))
    assert not find_changes(place.docs, place.folder)
    assert place.refresh().generation == 1


def test_a_write_within_the_same_instant_is_noticed(place: Place) -> None:
    """A file that was written just before it was read is read again, even if size and time are the same."""
    path = place.write("a.txt", "The lighthouse is white.")
    os.utime(path)
    place.refresh()
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"white", b"black"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert find_changes(place.docs, place.folder) == Changes(changed=("a.txt",))


def test_a_write_that_puts_the_time_back_is_noticed(place: Place) -> None:
    """A file with its old size and an old time is noticed, because the file system keeps the time of the change."""
    path = place.write("a.txt", "The lighthouse is white.")
    place.refresh()
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"white", b"black"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert find_changes(place.docs, place.folder) == Changes(changed=("a.txt",))


@pytest.mark.parametrize("seconds", [-(10**9), 0, 10**10])
def test_a_file_of_any_date_is_an_article(place: Place, seconds: int) -> None:
    """A file may be dated before 1970, or after 2262, when the nanoseconds no longer fit into the database."""
    os.utime(place.docs / "a.txt", (seconds, seconds))
    assert place.refresh().articles == 3
    assert not find_changes(place.docs, place.folder)
    assert place.refresh().generation == 1


def test_going_back_to_an_earlier_text_embeds_nothing(place: Place) -> None:
    """A vector is kept for as many generations as promised, and then it is gone."""
    place.refresh()
    before = (place.docs / "a.txt").read_text()
    place.write("a.txt", "Something quite different.")
    place.refresh()
    place.write("a.txt", before)
    assert place.refresh().embedded == 0
    (place.docs / "a.txt").unlink()
    for number in range(ORPHAN_GENERATIONS + 2):
        place.write("b.txt", f"Text number {number}")
        place.refresh()
    place.write("a.txt", before)
    assert place.refresh().embedded > 0


def test_a_deleted_article_leaves_no_trace(place: Place) -> None:
    """Neither its words nor its name are in any file of the index."""
    place.write("secret.txt", "Xylophonequartz is the password of Vvanessa.")
    place.refresh()
    with open_existing(place.folder) as snapshot:
        assert snapshot.load_article("secret.txt") is not None
    (place.docs / "secret.txt").unlink()
    report = place.refresh()
    assert report.changes == Changes(deleted=("secret.txt",))
    files = [path for path in place.folder.rglob("*") if path.is_file()]
    for path in files:
        assert not any(
            word in path.read_bytes().lower() for word in (b"xylophonequartz", b"vvanessa", b"secret.txt")
        ), path
    with closing(sqlite3.connect(place.folder / DATABASE_NAME)) as database:
        assert database.execute("SELECT count(*) FROM texts").fetchone()[0] == 3


def test_all_articles_deleted_is_an_empty_index(place: Place) -> None:
    """Nothing is found and nothing breaks. New articles are indexed again."""
    place.refresh()
    for path in list(place.docs.rglob("*.*")):
        path.unlink()
    assert place.refresh().articles == 0
    assert place.find("lighthouse") == []
    place.write("new.txt", "The lighthouse is back.")
    place.refresh()
    assert place.find("lighthouse") == ["new.txt"]


def test_a_folder_without_articles_is_an_error(tmp_path: Path) -> None:
    """There is nothing to index, and the sentence says what to do."""
    place = Place(tmp_path)
    with pytest.raises(DocumentsError, match=r"holds no articles; put"):
        place.refresh()


def test_a_file_that_cannot_be_read_is_skipped_until_it_changes(place: Place) -> None:
    """It is reported every time, tried once, and stops no other file."""
    path = place.docs / "bad.txt"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    first = place.refresh()
    assert [skip.path for skip in first.skipped] == ["bad.txt"]
    assert first.articles == 3
    second = place.refresh()
    assert (second.skipped, second.generation) == (first.skipped, 1)
    with open_existing(place.folder) as snapshot:
        assert snapshot.skipped == first.skipped
    path.write_text("Readable lighthouse now.")
    third = place.refresh()
    assert (third.skipped, third.articles) == ((), 4)
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR again")
    fourth = place.refresh()
    assert (fourth.articles, fourth.changes) == (3, Changes(deleted=("bad.txt",)))  # nothing is left of an article


def test_what_repeats_in_many_articles_is_found(place: Place) -> None:
    """The article of a paragraph alone decides if the paragraph is searched."""
    for number in range(8):
        place.write(f"n{number}.txt", f"Story {number} tells of word{number}.", "Brought to you by Lindau radio")
    place.refresh()
    assert set(place.find("brought lindau radio")[:8]) == {f"n{number}.txt" for number in range(8)}


def test_another_model_is_another_space(place: Place) -> None:
    """Everything is embedded again, and one sentence says so. Going back to the first model embeds nothing."""
    place.refresh()
    place.encoder = HashEncoder("b")
    report = place.refresh()
    assert report.embedded == report.paragraphs
    assert place.notices == ["The index was made with hash-a: embedding all paragraphs again with hash-b."]
    with open_existing(place.folder) as snapshot:
        assert (snapshot.info.model, snapshot.info.fingerprint) == ("hash-b", place.encoder.fingerprint)
    place.encoder = HashEncoder("a")
    assert place.refresh().embedded == 0


def test_other_weights_under_the_same_name_are_noticed(place: Place) -> None:
    """If the loaded encoder turns out to be another one, everything is embedded again."""
    place.refresh()
    other = HashEncoder("b")
    other.name = place.encoder.name
    place.encoder = other
    place.write("new.txt", "One more about ferries.")
    report = place.refresh()
    assert report.embedded == report.paragraphs
    assert place.find("ferries")


def test_progress_counts_to_the_end(place: Place) -> None:
    """Each stage ends with everything done."""
    seen: list[Progress] = []
    refresh(place.docs, place.folder, place.load, seen.append)
    last = {progress.stage: progress for progress in seen}
    assert last["reading"].articles_done == last["reading"].articles_total == 3
    assert last["embedding"].paragraphs_done == last["embedding"].paragraphs_total == len(place.encoder.embedded)
    assert last["writing"].articles_done == 3


class _Interrupted(HashEncoder):
    """An encoder that is interrupted by Ctrl-C after some batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches = batches

    def encode_passages(self, texts: Sequence[str]) -> object:  # type: ignore[override]
        if self.batches == 0:
            raise KeyboardInterrupt
        self.batches -= 1
        return super().encode_passages(texts)


def test_ctrl_c_leaves_a_usable_index_and_loses_no_embedding(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The earlier generation answers, and the next build goes on where this one ended."""
    place.refresh()
    monkeypatch.setattr(build, "_BATCH", 5)
    monkeypatch.setattr(build, "_LARGEST_BATCH", 5)
    for number in range(10):
        place.write(f"n{number}.txt", *(f"Paragraph {number} {part} about ferries." for part in range(3)))
    interrupted = _Interrupted(batches=4)
    with pytest.raises(KeyboardInterrupt):
        refresh(place.docs, place.folder, lambda: interrupted)
    assert set(place.find("ferries lighthouse trade")) == {"a.txt", "b.txt", "deep/c.md"}
    place.encoder.embedded.clear()
    assert place.refresh().embedded == 30 - 20
    assert not set(interrupted.embedded) & set(place.encoder.embedded)


def test_too_little_memory_is_reported_before_anything_is_embedded(place: Place) -> None:
    """The error names the memory that is needed, and the existing index stays."""
    with pytest.raises(
        UsageError, match=r"50 MB of memory is too little to index \d+ paragraphs; give at least \d+ MB"
    ):
        refresh(place.docs, place.folder, place.load, limits=Limits(memory=50 << 20))
    assert place.encoder.embedded == []
    with pytest.raises(UsageError, match="There must be at least one job, not 0"):
        Limits(jobs=0)
    assert refresh(place.docs, place.folder, place.load, limits=Limits(memory=500 << 20, jobs=3)).articles == 3


def test_a_file_too_large_for_the_memory_allowed_is_reported(place: Place) -> None:
    """The memory of a build grows with its largest file, not with the number of files."""
    (place.docs / "big.txt").write_text("The ferries and the lighthouse, told at length. " * 200_000)
    with pytest.raises(UsageError, match=r"350 MB of memory is too little to read big\.txt of 9 MB; give at least 467"):
        refresh(place.docs, place.folder, place.load, limits=Limits(memory=350 << 20))
    assert place.encoder.embedded == []


def test_files_are_read_ahead_within_the_memory_allowed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many threads do not hold many large files at once, and every file is read all the same."""
    for number in range(30):
        (place.docs / f"{number:02}.txt").write_text(f"The ferry number {number} is green. " * 20)
    monkeypatch.setattr(Limits, "ahead", 1000)
    assert refresh(place.docs, place.folder, place.load, limits=Limits(jobs=8)).articles == 33


def test_two_writers(place: Place) -> None:
    """One of two writers works. The other ends with a sentence, or says that it waits and then works."""
    place.refresh()
    place.write("new.txt", "One more about ferries.")
    with hold_writer_lock(place.folder, wait=False):
        with pytest.raises(IndexLockedError, match=r"another process \(number \d+\) is writing"):
            place.refresh(wait=False)
        thread = threading.Thread(target=place.refresh)
        thread.start()
        while not place.notices:
            thread.join(timeout=0.01)
    thread.join()
    assert "waiting for it to end" in place.notices[0]
    assert place.find("ferries")


def test_a_foreign_folder_is_left_alone(place: Place) -> None:
    """A folder that is not an index is neither read nor written."""
    place.folder.mkdir(parents=True)
    (place.folder / "thesis.txt").write_text("mine")
    with pytest.raises(IndexDamagedError, match=r"thesis.txt, which is not part of an index; move it away"):
        place.refresh()
    assert [path.name for path in place.folder.iterdir()] == ["thesis.txt"]


def test_another_programs_database_is_left_alone(place: Place) -> None:
    """A foreign database is refused in one sentence."""
    place.folder.mkdir(parents=True)
    with closing(sqlite3.connect(place.folder / DATABASE_NAME)) as database:
        database.execute("CREATE TABLE mine (value)")
    with pytest.raises(
        IndexDamagedError, match=r"not an index of this program; move it away or run `qa index --rebuild`"
    ):
        place.refresh()
    with pytest.raises(IndexDamagedError, match="not an index of this program"):
        open_existing(place.folder)


def _derived_files(place: Place) -> list[Path]:
    return sorted(path for path in (place.folder / "generations").rglob("*") if path.is_file())


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "empty"])
def test_every_damaged_file_is_noticed_and_made_again(place: Place, damage: str) -> None:
    """A damaged file is never searched. Opening the index says what to do, and the next build makes the file again from
    the database, without a model."""
    place.refresh()
    expected = place.view()
    for number in range(len(_derived_files(place))):
        path = _derived_files(place)[number]
        if path.name.endswith(".lock") or (damage in ("flip", "cut", "empty") and not path.stat().st_size):
            continue
        _damage(path, damage)
        with pytest.raises(IndexDamagedError, match=r"damaged or missing .*; run `qa index`\."):
            open_existing(place.folder)
        place.notices.clear()
        report = place.refresh()
        assert report.embedded == 0
        assert place.notices == [
            f"{place.folder}: files of the index are damaged or missing; making them again from its database."
        ]
        assert place.view() == expected
    assert place.loads == 1


def _damage(path: Path, kind: str) -> None:
    """Puts a damaged file in place of the old one. Cutting a file that is mapped would end the process that reads
    it."""
    content = bytearray(path.read_bytes())
    path.unlink()
    if kind == "flip":
        content[len(content) // 2] ^= 0x10
    if kind != "remove":
        path.write_bytes({"cut": content[:-1], "empty": b""}.get(kind, content))


def test_a_check_reads_large_files_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check finds a flipped bit in a file too large to be read every time, even if size and time are the same."""
    monkeypatch.setattr(generation_files, "_ALWAYS_READ", 0)
    place.refresh()
    path = next(path for path in _derived_files(place) if path.name == "part0.faiss")
    status = path.stat()
    _damage(path, "flip")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert place.refresh().generation == 1
    assert place.refresh(check=True).generation == 2
    assert "making them again" in place.notices[-1]
    _damage(next(path for path in _derived_files(place) if path.name == "part0.faiss"), "flip")
    assert place.refresh().generation == 3


def test_a_copied_index_is_used_as_it_is(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files with other times and the same bytes are not damaged, and their bytes are read once."""
    monkeypatch.setattr(generation_files, "_ALWAYS_READ", 0)
    place.refresh()
    for path in _derived_files(place):
        os.utime(path, ns=(1, 1))
    assert place.refresh().generation == 1
    assert place.notices == []
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert place.find("lighthouse")


def _flip_in_database(place: Place, offset: int) -> None:
    path = place.folder / DATABASE_NAME
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.write_bytes(content)


def test_a_damaged_database_is_reported_or_harmless_and_can_be_rebuilt(place: Place) -> None:
    """Whichever byte is flipped, there is no traceback and no wrong quote. A rebuild ends with the same answers and
    embeds little."""
    for number in range(30):
        place.write(f"n{number}.txt", *(f"Paragraph {number} {part} about ferries, word{number}." for part in range(3)))
    place.refresh()
    expected = place.view()
    kept = place.folder.parent / "kept"
    shutil.copytree(place.folder, kept)
    size = (kept / DATABASE_NAME).stat().st_size
    for offset in [*random.Random(3).sample(range(size), 25), 3, 20, 100]:
        shutil.rmtree(place.folder)
        shutil.copytree(kept, place.folder)
        _flip_in_database(place, offset)
        _expect_sound_or_error(place, expected, offset)
        place.encoder.embedded.clear()
        place.refresh(rebuild=True)
        assert place.view() == expected, offset
        assert len(place.encoder.embedded) < 96


def _expect_sound_or_error(place: Place, expected: object, offset: int) -> None:
    try:
        seen = place.view()
    except IndexDamagedError as error:
        message = str(error)
    else:
        assert seen == expected, offset
        return
    assert "run `qa index" in message


def test_a_check_repairs_a_flipped_vector(place: Place) -> None:
    """The damaged vector is made again, and all others are kept."""
    place.refresh()
    expected = place.view()
    with closing(sqlite3.connect(place.folder / DATABASE_NAME)) as database, database:
        database.execute("UPDATE vectors SET body = zeroblob(length(body)) WHERE id = 2")
    with pytest.raises(IndexDamagedError, match="vector of paragraph"):
        place.view()
    place.encoder.embedded.clear()
    place.refresh(check=True)
    assert place.view() == expected
    assert len(place.encoder.embedded) == 1


def test_a_rebuild_of_a_sound_index_embeds_nothing(place: Place) -> None:
    """Everything is read and written again, and the vectors are found by their texts."""
    place.refresh()
    expected = place.view()
    place.encoder.embedded.clear()
    report = place.refresh(rebuild=True)
    assert (report.embedded, report.generation, place.encoder.embedded) == (0, 2, [])
    assert place.view() == expected


def _set_format(place: Place, number: int) -> None:
    with closing(sqlite3.connect(place.folder / DATABASE_NAME)) as database:
        database.execute(f"PRAGMA user_version = {number}")


def test_a_newer_format_is_refused(place: Place) -> None:
    """An index of a later version of the program is not opened."""
    place.refresh()
    _set_format(place, 99)
    with pytest.raises(IndexDamagedError, match="has format 99 and this program reads"):
        place.refresh()
    place.refresh(rebuild=True)
    assert place.find("lighthouse")


def test_an_older_format_is_made_anew_with_its_embeddings(place: Place) -> None:
    """A new version of the program embeds nothing again."""
    place.refresh()
    _set_format(place, 1)
    assert open_snapshot(place.folder) is None
    assert set(find_changes(place.docs, place.folder).added) == {"a.txt", "b.txt", "deep/c.md"}
    place.encoder.embedded.clear()
    assert place.refresh().embedded == 0
    assert place.find("lighthouse")


def test_the_index_stands_beside_the_documents_and_is_hidden_from_git(place: Place) -> None:
    """The index is in `.qa/NAME`, which has a `.gitignore`."""
    place.refresh()
    assert place.folder == place.docs.parent / ".qa" / "docs"
    assert (place.folder / ".gitignore").read_text() == "*\n"
    assert (place.folder.parent / ".gitignore").read_text() == "*\n"


def test_if_nothing_can_be_written_the_index_is_in_the_users_cache(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Documents on a read-only disk can be asked too, and two folders with the same name do not share an index."""
    monkeypatch.setenv("QA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    one = locate_index_folder(place.docs)
    other = locate_index_folder(tmp_path / "elsewhere" / "docs")
    assert one.is_relative_to(tmp_path / "cache")
    assert one != other
