"""Whatever happens to a folder, its index answers exactly like one built from scratch."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from index.engines import faiss_vectors as vectors
from index.engines import tantivy_words as lexical
from index.types import BuildReport
from index.updating import build, writing
from index.updating.build import refresh
from index.updating.freshness import find_changes
from tests.helpers.hash_encoder import HashEncoder
from tests.helpers.index_views import open_existing, view_answers, view_articles

if TYPE_CHECKING:
    from index.types import Vectors

_QUESTIONS = (
    "How high is the lighthouse of Lindau?",
    "trade with Russia",
    "swimming ferries harbour",
    "1856",
    "Leave a reply",
    "unheard words only",
    "the of and",
)
_PARAGRAPHS = (
    "The lighthouse of Lindau was finished in 1856 and is 33 metres high.",
    "China's trade with Russia grew to $146.9 billion in 2021.",
    "Swimming between the two piers is forbidden, because the ferries turn there.",
    "The harbour's clock was added a year later; the ferries wait for it.",
    "Leave a Reply",
    "Subscribe to our newsletter for more stories like this one",
    "Follow us on the radio every Sunday",
    "# Harbour",
    "# Trade",
    "- one ferry\n- two lighthouses\n- three piers of the harbour that nobody uses in winter",
    "Zürich naïve façade — “quoted” 東京 \N{SNOWMAN}",
    " ".join(f"word{number}" for number in range(90)) + ".",
)
_NAMES = ("a.txt", "A.txt", "b.md", "c.txt", "deep/d.txt", "deep/er/e.md", "f.txt")

_MEMORY = Path("/dev/shm")
"""A folder where syncing takes no time. Otherwise most of the time would go into waiting for the disk."""

texts = st.lists(st.sampled_from(_PARAGRAPHS), min_size=1, max_size=5).map("\n\n".join)
names = st.sampled_from(_NAMES)


_LINES = ("Read by the harbour radio of Lindau", "More stories from the coast")


class _Interrupted(HashEncoder):
    """The given encoder, until Ctrl-C comes after `batches` batches of two."""

    def __init__(self, encoder: HashEncoder, batches: int) -> None:
        super().__init__(encoder.name.removeprefix("hash-"))
        self._batches = batches

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Encodes like the encoder."""
        if self._batches == 0:
            raise KeyboardInterrupt
        self._batches -= 1
        return super().encode_passages(texts)


class FolderMachine(RuleBasedStateMachine):
    """A folder, what is done to it, and the index that follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="folder-", dir=_MEMORY if _MEMORY.is_dir() else None))
        self.docs = self.top / "docs"
        self.docs.mkdir()
        self.folder = self.top / ".qa" / "docs"
        self.encoder = HashEncoder()
        self.written = 0
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(build, "_BATCH", 2)
        self.patch.setattr(build, "_LARGEST_BATCH", 2)
        # Vectors of deleted paragraphs expire, which has a test of its own. Forty steps are longer than they last.
        self.patch.setattr(writing, "ORPHAN_GENERATIONS", 1000)
        self.seen: set[tuple[str, str]] = set()
        """(encoder, text) of everything embedded so far."""

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.top, ignore_errors=True)

    @property
    def files(self) -> list[str]:
        return sorted(path.relative_to(self.docs).as_posix() for path in self.docs.rglob("*") if path.is_file())

    def refresh(self) -> BuildReport:
        return refresh(self.docs, self.folder, lambda: self.encoder, fingerprint=self.encoder.fingerprint)

    @initialize(text=texts, others=st.lists(texts, max_size=4), large=st.booleans())
    def begin(self, text: str, others: list[str], large: bool) -> None:
        if large:  # as in a large index: removed paragraphs stay in the files, and the delta moves into the base
            self.patch.setattr(lexical, "_PURGE_LIMIT", 0)
            self.patch.setattr(lexical, "_DEAD_SHARE", 0.8)
            self.patch.setattr(vectors, "_DELTA_LIMIT", 6)
        (self.docs / "first.txt").write_text("Something that always stays.\n\n" + text)
        self._age(self.docs / "first.txt")
        for name, other in zip(_NAMES[:4], others, strict=False):
            self.write(name, other, "utf-8")
        self.refresh()

    @rule(name=names, text=texts, encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
    def write(self, name: str, text: str, encoding: str) -> None:
        """Adds or edits a file, or changes only its encoding."""
        path = self.docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
        self._age(path)

    @rule(line=st.sampled_from(_LINES), share=st.integers(1, 3), add=st.booleans())
    def brand(self, line: str, share: int, add: bool) -> None:
        """Puts the same line at the end of every n-th article, or takes it away."""
        for name in self.files[::share]:
            path = self.docs / name
            if name != "first.txt" and path.read_bytes()[:1].isascii() and not path.read_bytes().startswith(b"\x89"):
                without = path.read_bytes().replace(b"\n\n" + line.encode(), b"")
                path.write_bytes(without + (b"\n\n" + line.encode() if add else b""))
                self._age(path)
        self.check()

    @rule(batches=st.integers(0, 2))
    def interrupt(self, batches: int) -> None:
        """Builds until an interruption after some batches. What is finished is there for the next build, and for no
        reader."""
        interrupted = _Interrupted(self.encoder, batches)
        with contextlib.suppress(KeyboardInterrupt):
            refresh(self.docs, self.folder, lambda: interrupted, fingerprint=interrupted.fingerprint)
        self.seen |= {(self.encoder.name, text) for text in interrupted.embedded}

    @rule(name=names, first=texts, second=texts)
    def change_mind(self, name: str, first: str, second: str) -> None:
        """Saves again while the index of the earlier save is being made."""
        self.write(name, first, "utf-8")
        self.interrupt(0)
        self.write(name, second, "utf-8")
        self.check()

    @precondition(lambda self: len(self.files) > 1)
    @rule(data=st.data())
    def change_encoding(self, data: st.DataObject) -> None:
        path = self._pick(data)
        raw = path.read_bytes()
        if not raw.startswith((b"\xff\xfe", b"\xef\xbb\xbf", b"\x89PNG")):
            path.write_text(raw.decode(), encoding="utf-16")
            self._age(path)

    @precondition(lambda self: len(self.files) > 1)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self._pick(data).unlink()

    @precondition(lambda self: len(self.files) > 1)
    @rule(data=st.data(), name=names)
    def rename(self, data: st.DataObject, name: str) -> None:
        """Gives a file another name, another case or another folder, or moves it over another file."""
        target = self.docs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        self._pick(data).replace(target)

    @precondition(lambda self: len(self.files) > 2)
    @rule(data=st.data())
    def swap(self, data: st.DataObject) -> None:
        one, other = self._pick(data), self._pick(data)
        if one != other:
            spare = self.top / "spare"
            one.replace(spare)
            other.replace(one)
            spare.replace(other)

    @precondition(lambda self: len(self.files) > 1)
    @rule(data=st.data(), step=st.integers(-5, 5))
    def touch(self, data: st.DataObject, step: int) -> None:
        path = self._pick(data)
        times = path.stat().st_mtime_ns + step * 1_000_000_000
        os.utime(path, ns=(times, times))

    @precondition(lambda self: len(self.files) > 1)
    @rule(data=st.data())
    def make_unreadable(self, data: st.DataObject) -> None:
        self._pick(data).write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01")

    @rule(seed=st.sampled_from("ab"))
    def change_model(self, seed: str) -> None:
        self.encoder = HashEncoder(seed)

    @rule()
    def check(self) -> None:
        """Checks that the index answers like one made from nothing, knows that it is fresh, and embedded nothing it had
        before."""
        self.encoder.embedded.clear()
        report = self.refresh()
        again = [text for text in self.encoder.embedded if (self.encoder.name, text) in self.seen]
        assert not again
        assert len(set(self.encoder.embedded)) == report.embedded == len(self.encoder.embedded)
        self.seen |= {(self.encoder.name, text) for text in self.encoder.embedded}
        assert not find_changes(self.docs, self.folder)
        self._compare_with_scratch()

    def _compare_with_scratch(self) -> None:
        scratch = self.top / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        refresh(self.docs, scratch, lambda: self.encoder)
        with open_existing(self.folder) as ours, open_existing(scratch) as theirs:
            assert view_articles(ours) == view_articles(theirs)
            assert view_answers(ours, self.encoder, _QUESTIONS) == view_answers(theirs, self.encoder, _QUESTIONS)
            assert ours.figures == theirs.figures
            assert ours.skipped == theirs.skipped
            assert ours.info.paragraphs == theirs.info.paragraphs

    def _age(self, path: Path) -> None:
        """Makes files look as if they were written long ago, each time a little later, because a file that was written
        just now is read again anyway."""
        self.written += 1
        os.utime(path, ns=(self.written * 10**9, self.written * 10**9))

    def _pick(self, data: st.DataObject) -> Path:
        return self.docs / data.draw(st.sampled_from([name for name in self.files if name != "first.txt"]))


class TestFolder(FolderMachine.TestCase):  # type: ignore[name-defined,misc]
    """The short form."""

    settings = settings(max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.long
class TestFolderLong(FolderMachine.TestCase):  # type: ignore[name-defined,misc]
    """The same with many more sequences."""

    settings = settings(
        max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
