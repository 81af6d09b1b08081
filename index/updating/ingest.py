"""Ingests what changed in the documents folder: extracts it, splits it and stages it for embedding and publishing.
Several threads read files ahead; they are split and staged in order."""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from index.documents.source_files import LoadedFile, load_file
from index.errors import UnreadableFileError
from index.storage import records
from index.storage.schema import rollback
from index.text.paragraphs import SPLIT_VERSION, split_document
from index.types import Document, Encoder, Progress, ProgressCallback, Skipped, SourceFile
from index.updating.freshness import FolderScan, is_doubtful
from index.updating.limits import Limits
from index.updating.staging import StagedArticle, find_space, has_vector, load_staged, save_staged

_COMMIT_SECONDS = 0.5
_READ_AHEAD = 2
"""Files that each thread reads before they are needed."""


class SpaceChangedError(Exception):
    """The encoder that was loaded is not the one the index was made with: everything has to be embedded again."""


class LazyEncoder:
    """An encoder that is loaded when it is first needed."""

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._encoder: Encoder | None = None

    @property
    def is_loaded(self) -> bool:
        """True after the first `get`."""
        return self._encoder is not None

    def get(self) -> Encoder:
        """Loads the encoder at the first call.

        :raises ModelError: if it cannot be loaded.
        """
        if self._encoder is None:
            self._encoder = self._load()
        return self._encoder


@dataclass(slots=True)
class Work:
    """What a build has to do, as far as it is known."""

    scan: FolderScan
    everything: bool
    """Read every file, whether it changed or not."""
    waiting: list[str] = field(default_factory=list)
    """Paths of the articles that are staged, in order."""
    failed: list[tuple[Skipped, SourceFile]] = field(default_factory=list)
    """Files that could not be read."""
    paragraphs: int = 0
    """In the articles that are staged and split."""
    missing: int = 0
    """Of these, those to embed."""
    embedded: int = 0

    def bases(self) -> dict[str, str | None]:
        """The files to read, each with the path of the article it follows; None if it is new."""
        changes = self.scan.changes
        bases: dict[str, str | None] = dict.fromkeys(changes.added)
        bases |= {path: path for path in changes.changed}
        bases |= {target: source for source, target in changes.renamed}
        if self.everything:
            bases = {path: bases.get(path, path) for path in self.scan.files}
        return bases

    @property
    def deleted(self) -> list[str]:
        """Paths of articles whose file is gone or can no longer be read."""
        bases = self.bases()
        lost = [base for skip, _ in self.failed if (base := bases[skip.path])]
        return [*self.scan.changes.deleted, *lost]

    @property
    def skipped(self) -> list[tuple[Skipped, SourceFile | None]]:
        """All files left out, by path."""
        return sorted([*self.scan.skipped, *self.failed], key=lambda pair: pair[0].path)


@dataclass(frozen=True, slots=True)
class _Read:
    """A file as a thread read it."""

    looked_ns: int
    """When, just before it was opened."""
    loaded: LoadedFile | None
    reason: str
    """Why it could not be read; empty if it could."""


class Ingest:
    """Brings one build's changes into the stage."""

    def __init__(
        self,
        docs: Path,
        database: sqlite3.Connection,
        stage: sqlite3.Connection,
        encoder: LazyEncoder,
        progress: ProgressCallback,
        limits: Limits,
    ) -> None:
        self._docs = docs
        self._database = database
        self._stage = stage
        self._encoder = encoder
        self._progress = progress
        self._limits = limits
        self._state = records.load_state(database)

    def run(self, work: Work) -> None:
        """Stages every file that has to be read, committing twice a second, and counts what has to be embedded.

        :raises SpaceChangedError: if the encoder turns out not to be the one the index was made with.
        """
        bases = work.bases()
        missing: set[bytes] = set()
        began = committed = time.monotonic()
        self._stage.execute("BEGIN IMMEDIATE")
        try:
            for done, (file, staged, reading) in enumerate(self._read_ahead(work, bases), start=1):
                article = staged or self._make(work, file, bases[file.path], reading)
                if article is not None:
                    work.waiting.append(file.path)
                    self._note_missing(work, article, missing)
                if time.monotonic() - committed > _COMMIT_SECONDS:
                    self._stage.execute("COMMIT")
                    self._stage.execute("BEGIN IMMEDIATE")
                    committed = time.monotonic()
                self._progress(Progress("reading", done, len(bases), 0, 0, time.monotonic() - began))
            self._stage.execute("COMMIT")
        except BaseException:
            rollback(self._stage)
            raise
        work.missing = len(missing)

    def _read_ahead(
        self, work: Work, bases: dict[str, str | None]
    ) -> Iterator[tuple[SourceFile, StagedArticle | None, Future[_Read] | None]]:
        """Each file in order, with what an earlier build staged for it, or with the thread that reads it."""
        ahead: deque[tuple[SourceFile, StagedArticle | None, Future[_Read] | None]] = deque()
        held = 0
        with ThreadPoolExecutor(self._limits.jobs) as pool:
            for path in sorted(bases):
                file = work.scan.files[path]
                while ahead and (held + file.size > self._limits.ahead or len(ahead) > _READ_AHEAD * self._limits.jobs):
                    held -= ahead[0][0].size
                    yield ahead.popleft()
                staged = self._take_up(file, bases[path], work.everything)
                ahead.append((file, staged, None if staged else pool.submit(_read_file, self._docs, path)))
                held += file.size
            while ahead:
                yield ahead.popleft()

    def _take_up(self, file: SourceFile, base: str | None, everything: bool) -> StagedArticle | None:
        """What an earlier build staged for the file, if it is still valid."""
        article = load_staged(self._stage, file.path)
        if article is None or article.base != base or is_doubtful(file.mtime_ns, article.looked_ns):
            return None
        if article.file != file or (everything and article.paragraphs is None):
            return None
        return article if article.split == self._split_key() else None

    def _make(
        self, work: Work, file: SourceFile, base: str | None, reading: Future[_Read] | None
    ) -> StagedArticle | None:
        """Splits a file and stages it; notes it and returns None if it could not be read."""
        assert reading is not None
        read = reading.result()
        if read.loaded is None:
            work.failed.append((Skipped(file.path, read.reason), file))
            return None
        document = read.loaded.document
        paragraphs = None
        if base is None or work.everything or not self._splits_as_before(work, base, document):
            encoder = self._encoder_for(work)
            paragraphs = tuple(split_document(document, encoder.max_tokens, encoder.count_tokens))
        split = "" if paragraphs is None else self._split_key()
        article = StagedArticle(file, read.looked_ns, read.loaded.sha256, base, document, paragraphs, split)
        save_staged(self._stage, article)
        return article

    def _splits_as_before(self, work: Work, base: str, document: Document) -> bool:
        """True if the paragraphs must come out the same, because everything they are made of is the same."""
        before = records.load_document(self._database, work.scan.known[base].article_id)
        title = document.title if document.title_in_text else before.title
        return (before.text, before.headings, before.pages, before.title_in_text, before.title) == (
            document.text,
            document.headings,
            document.pages,
            document.title_in_text,
            title,
        )

    def _encoder_for(self, work: Work) -> Encoder:
        encoder = self._encoder.get()
        before = self._state.get("fingerprint")
        if before is not None and not work.everything and encoder.fingerprint != before:
            raise SpaceChangedError
        return encoder

    def _split_key(self) -> str:
        return f"{SPLIT_VERSION} {self._encoder.get().fingerprint}"

    def _note_missing(self, work: Work, article: StagedArticle, missing: set[bytes]) -> None:
        if not article.paragraphs:
            return
        space = choose_space(self._database, self._encoder, self._state)
        work.paragraphs += len(article.paragraphs)
        hashes = {paragraph.content_hash for paragraph in article.paragraphs if not paragraph.boilerplate}
        missing.update(one for one in hashes if not has_vector(self._database, space, one, work.everything))


def _read_file(docs: Path, path: str) -> _Read:
    looked_ns = time.time_ns()
    try:
        return _Read(looked_ns, load_file(docs, path), "")
    except UnreadableFileError as error:
        return _Read(looked_ns, None, str(error))


def choose_space(database: sqlite3.Connection, encoder: LazyEncoder, state: dict[str, Any]) -> int:
    """Number of the vector space of the loaded encoder, or else of the generation before."""
    if encoder.is_loaded:
        loaded = encoder.get()
        return find_space(database, loaded.fingerprint, loaded.dimension)
    return find_space(database, str(state["fingerprint"]), int(state["dimension"]))
