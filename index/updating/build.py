"""Brings an index up to date: looks at the folder, ingests what changed, embeds what is new, publishes a generation.

Ingesting and embedding are committed as they go, and every later build uses what is committed. Publishing is one
transaction; the files it names are complete on the disk before it is committed. Only one article and one batch of
vectors are in memory at a time.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from index.documents.source_files import no_articles_error
from index.durable import storage_errors
from index.engines import registry
from index.engines.bm25 import ANALYSIS_VERSION
from index.errors import IndexDamagedError
from index.storage import records
from index.storage.folder import prepare_folder
from index.storage.generation_files import are_sound, find_moved, remove_others
from index.storage.locks import hold_writer_lock
from index.storage.schema import OlderFormatError, open_for_writing, rollback
from index.text.paragraphs import SPLIT_VERSION
from index.types import BuildReport, Changes, Encoder, Progress, ProgressCallback
from index.updating.checking import carry_over, check_structure, find_damage, set_aside
from index.updating.engine_files import write_engine_files
from index.updating.freshness import remember_folder, scan_folder, stat_of
from index.updating.ingest import Ingest, LazyEncoder, SpaceChangedError, Work, choose_space
from index.updating.limits import Limits
from index.updating.staging import StagedArticle, find_unfinished, load_staged, open_stage, remove_stage, save_vectors
from index.updating.writing import GenerationWriter, load_skipped, save_skipped, save_touched

if TYPE_CHECKING:
    from index.types import Ids

_MADE_BY = f"split {SPLIT_VERSION}, words {ANALYSIS_VERSION}"
_FREE_SHARE = 0.2
_BATCH = 64
"""Paragraphs that are embedded and committed together at first. Later as many as take about a second, which is what a
killed build can lose: a GPU needs thousands at once, a slow processor few."""
_LARGEST_BATCH = 8192
_BATCH_SECONDS = (0.5, 2.0)

Notice = Callable[[str], None]


def refresh(
    docs: Path,
    folder: Path,
    load_encoder: Callable[[], Encoder],
    progress: ProgressCallback | None = None,
    *,
    model: str | None = None,
    fingerprint: str | None = None,
    wait: bool = True,
    rebuild: bool = False,
    check: bool = False,
    notice: Notice | None = None,
    limits: Limits | None = None,
) -> BuildReport:
    """Brings the index `folder` up to date with the documents folder `docs`.

    :param load_encoder: called at most once, and only if something has to be split or embedded.
    :param model: name of the encoder wanted. If the index was made with another, everything is embedded again.
    :param fingerprint: of the encoder wanted, if the caller knows it; like `model`.
    :param wait: wait for another writer to end.
    :param rebuild: read every file again and make everything derived anew, even if the index is damaged. Sound vectors
        are kept.
    :param check: read all of the index's files and its database first.
    :param notice: called with a sentence about anything unusual: waiting, another model, damaged files made again.
    :param limits: of memory and threads.
    :raises UsageError: if the memory allowed is too little for what has to be indexed.
    :raises DocumentsError: if there is no article to index, and no index that had one.
    :raises IndexLockedError: if another process is writing and `wait` is False.
    :raises IndexDamagedError: if the database is damaged or foreign; `rebuild` helps.
    :raises StorageError: if the system refuses to write; the generation before stays as it is.
    """
    started = time.monotonic()
    prepare_folder(folder)
    report = notice or (lambda _: None)
    with hold_writer_lock(folder, wait=wait, notice=notice):
        database = _open(folder, rebuild, report)
        with closing(database), storage_errors(folder):
            if check:
                check_structure(database, folder)
                if damage := find_damage(database):
                    report(f"{damage} Building it anew from what is good.")
                    rebuild = True
            encoder = LazyEncoder(load_encoder)
            build = _Build(
                docs, folder, database, encoder, progress or (lambda _: None), report, limits or Limits(), started
            )
            try:
                return build.run(model, fingerprint, rebuild=rebuild, thorough=check)
            finally:
                rollback(database)
                build.close()


def _open(folder: Path, rebuild: bool, notice: Notice) -> sqlite3.Connection:
    try:
        database = open_for_writing(folder)
        if rebuild:
            _check_or_close(database, folder)
    except IndexDamagedError as error:
        if not rebuild and not isinstance(error, OlderFormatError):
            raise
        notice(f"{error} Building it anew from what is good.")
        set_aside(folder)
        database = open_for_writing(folder)
    carry_over(database, folder)
    return database


def _check_or_close(database: sqlite3.Connection, folder: Path) -> None:
    try:
        check_structure(database, folder)
    except IndexDamagedError:
        database.close()
        raise


class _Build:
    """One run of a writer that holds the lock."""

    def __init__(
        self,
        docs: Path,
        folder: Path,
        database: sqlite3.Connection,
        encoder: LazyEncoder,
        progress: ProgressCallback,
        notice: Notice,
        limits: Limits,
        started: float,
    ) -> None:
        self._docs = docs
        self._folder = folder
        self._database = database
        self._encoder = encoder
        self._progress = progress
        self._notice = notice
        self._limits = limits
        self._started = started
        self._state = records.load_state(database)
        self._generation = int(self._state["generation"])
        self._stage: sqlite3.Connection | None = None
        self._batch = _BATCH

    def close(self) -> None:
        """Closes the stage. What waits there stays for the next build unless it was published."""
        if self._stage is not None:
            rollback(self._stage)
            self._stage.close()
            self._stage = None

    def run(self, model: str | None, fingerprint: str | None, *, rebuild: bool, thorough: bool) -> BuildReport:
        """Scans, ingests, embeds and publishes."""
        remove_others(self._folder, self._state.get("files"))
        sound = not rebuild and self._files_are_sound(thorough)
        everything = rebuild or self._is_other_space(model, fingerprint)
        scan = scan_folder(self._docs, self._database, in_full=everything)
        work = Work(scan, everything)
        try:
            self._ingest(work)
        except SpaceChangedError:
            self._report_other_space()
            work = Work(scan, everything=True)
            self._ingest(work)
        if not self._generation and not work.waiting:
            raise no_articles_error(self._docs, [skip for skip, _ in work.skipped])
        self._limits.check(int(self._state.get("paragraphs") or 0), work.paragraphs)
        self._embed(work)
        if work.waiting or work.deleted or work.everything or not sound:
            self._publish(work, sound)
        else:
            self._save_small(work)
            self.close()
            remove_stage(self._folder)
        return self._report(work)

    def _files_are_sound(self, thorough: bool) -> bool:
        if not self._generation:
            return False
        if self._state.get("engines") != registry.name_forms():
            self._notice(f"{self._folder}: files of the index have an older form; making them again from its database.")
            return False
        stamps = records.load_stamps(self._database)
        if are_sound(self._folder, stamps, thorough=thorough):
            if moved := find_moved(self._folder, stamps):
                self._database.execute("BEGIN IMMEDIATE")
                records.save_stamps(self._database, moved)
                self._database.execute("COMMIT")
            return True
        self._notice(f"{self._folder}: files of the index are damaged or missing; making them again from its database.")
        return False

    def _is_other_space(self, model: str | None, fingerprint: str | None) -> bool:
        """True if all paragraphs have to be made again, for another encoder or another way of splitting."""
        if not self._generation:
            return False
        if self._state["split"] != _MADE_BY:
            self._notice("This version of the program reads articles in another way; reading all of them again.")
            return True
        if fingerprint is None and model is not None and model != self._state["model"]:
            fingerprint = self._encoder.get().fingerprint
        if fingerprint is None or fingerprint == self._state["fingerprint"]:
            return False
        self._report_other_space()
        return True

    def _report_other_space(self) -> None:
        name = self._encoder.get().name
        self._notice(f"The index was made with {self._state['model']}: embedding all paragraphs again with {name}.")

    def _ingest(self, work: Work) -> None:
        bases = work.bases()
        if not bases:
            return
        self._limits.check_files(work.scan.files[path] for path in bases)
        if self._stage is None:
            self._stage = open_stage(self._folder)
        ingest = Ingest(self._docs, self._database, self._stage, self._encoder, self._progress, self._limits)
        ingest.run(work)

    def _space(self) -> int:
        return choose_space(self._database, self._encoder, self._state)

    def _embed(self, work: Work) -> None:
        """Embeds what has no vector, in batches that are committed one by one."""
        if not work.missing:
            return
        space = self._space()
        batch: dict[bytes, str] = {}
        began = time.monotonic()
        for done, path in enumerate(work.waiting, start=1):
            article = self._load_waiting(path)
            for content_hash, text in find_unfinished(self._database, space, article, work.everything):
                batch[content_hash] = text
                if len(batch) >= self._batch:
                    self._embed_batch(work, space, batch, done, began)
        if batch:
            self._embed_batch(work, space, batch, len(work.waiting), began)

    def _load_waiting(self, path: str) -> StagedArticle:
        article = None if self._stage is None else load_staged(self._stage, path)
        if article is None:
            raise records.damaged(f"{path} was staged and is missing")
        return article

    def _embed_batch(self, work: Work, space: int, batch: dict[bytes, str], done: int, began: float) -> None:
        started = time.monotonic()
        vectors = self._encoder.get().encode_passages(list(batch.values()))
        self._batch = _next_batch(self._batch, time.monotonic() - started)
        save_vectors(self._database, space, list(batch), vectors, self._generation)
        work.embedded += len(batch)
        batch.clear()
        seconds = time.monotonic() - began
        self._progress(Progress("embedding", done, len(work.waiting), work.embedded, work.missing, seconds))

    def _publish(self, work: Work, sound: bool) -> None:
        """One transaction: all of the new generation or nothing of it."""
        files = self._state.get("files")
        began = time.monotonic()
        self._database.execute("BEGIN IMMEDIATE")
        try:
            added, removed = self._write_rows(work, began)
            if work.everything or not sound or len(added) or len(removed):
                previous = None if work.everything or not sound else files
                files = f"{self._generation + 1:06d}"
                stamps = write_engine_files(self._database, self._folder, files, previous, added, removed, self._limits)
                records.save_stamps(self._database, stamps)
            records.save_state(
                self._database, generation=self._generation + 1, files=files, engines=registry.name_forms()
            )
            self._database.execute("COMMIT")
        except BaseException:
            rollback(self._database)
            remove_others(self._folder, self._state.get("files"))
            raise
        remove_others(self._folder, files)
        self.close()
        remove_stage(self._folder)
        self._empty_log()
        count = len(work.waiting)
        self._progress(Progress("writing", count, count, len(added), len(added), time.monotonic() - began))

    def _write_rows(self, work: Work, began: float) -> tuple[Ids, Ids]:
        known = work.scan.known
        writer = GenerationWriter(self._database, self._generation + 1, self._space())
        for path in work.deleted:
            writer.delete_article(known[path].article_id)
        bases = work.bases()
        writer.release_paths(known[base].article_id for path in work.waiting if (base := bases[path]) and base != path)
        for done, path in enumerate(work.waiting, start=1):
            article = self._load_waiting(path)
            base = article.base
            writer.put_article(article, None if base is None else known[base].article_id)
            self._progress(Progress("writing", done, len(work.waiting), 0, 0, time.monotonic() - began))
        added, removed = writer.finish()
        self._save_files(work)
        records.save_state(self._database, split=_MADE_BY)
        if self._encoder.is_loaded:
            encoder = self._encoder.get()
            records.save_state(
                self._database,
                model=encoder.name,
                fingerprint=encoder.fingerprint,
                dimension=encoder.dimension,
            )
        return added, removed

    def _save_files(self, work: Work) -> None:
        touched = (work.scan.files[path] for path in work.scan.touched)
        save_touched(self._database, touched, work.scan.looked_ns)
        save_skipped(self._database, work.skipped)
        remember_folder(self._database, work.scan, [file for _, file in work.failed])

    def _save_small(self, work: Work) -> None:
        """Without a new generation, saves what changed about files with the same bytes and about skipped files."""
        now = {(skip.path, skip.reason, stat_of(file) if file else None) for skip, file in work.skipped}
        if not work.scan.touched and now == load_skipped(self._database) and self._state.get("folder_sum"):
            return
        self._database.execute("BEGIN IMMEDIATE")
        self._save_files(work)
        self._database.execute("COMMIT")

    def _empty_log(self) -> None:
        """Returns free space to the disk if there is much, and moves the log into the database, so that nothing of
        deleted texts stays in it. Open snapshots may keep it from being emptied; they are not waited for."""
        free = self._database.execute("PRAGMA freelist_count").fetchone()[0]
        if free > _FREE_SHARE * self._database.execute("PRAGMA page_count").fetchone()[0]:
            self._database.execute("PRAGMA incremental_vacuum").fetchall()
        self._database.execute("PRAGMA busy_timeout = 0")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def _report(self, work: Work) -> BuildReport:
        state = records.load_state(self._database)
        failed = {skip.path for skip, _ in work.failed}
        changes = work.scan.changes
        return BuildReport(
            generation=int(state["generation"]),
            changes=Changes(
                added=tuple(path for path in changes.added if path not in failed),
                changed=tuple(path for path in changes.changed if path not in failed),
                renamed=tuple(pair for pair in changes.renamed if pair[1] not in failed),
                deleted=tuple(sorted(work.deleted)),
            ),
            articles=int(state["articles"]),
            paragraphs=int(state["paragraphs"]),
            embedded=work.embedded,
            skipped=tuple(skip for skip, _ in work.skipped),
            seconds=time.monotonic() - self._started,
        )


def _next_batch(batch: int, seconds: float) -> int:
    """Twice or half as many paragraphs if a batch took far less or more than a second."""
    shortest, longest = _BATCH_SECONDS
    if seconds < shortest:
        return min(2 * batch, max(batch, _LARGEST_BATCH))
    return max(1, batch // 2) if seconds > longest else batch
