"""Open once, ask many: the one core under every face. Owns the order of the steps and their timing; `qa.answering`
makes every decision.

Models and index are opened side by side, each in a thread, since most of that time is spent outside Python; a step
waits only for the one it needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import DocumentsError, IndexDamagedError, IndexStaleError, NotWantedError
from index.types import BuildReport, Changes, CrossEncoder, Encoder, ProgressCallback
from qa import models
from qa.answering.answer import AnswerOptions, build_answer
from qa.answering.citations import build_passages
from qa.answering.confidence import choose_threshold
from qa.answering.evidence import Evidence
from qa.answering.follow_ups import Understood, encode_question, understand
from qa.answering.ranking import MOST_READ, build_evidence, choose_read, rank
from qa.answering.request import check_question
from qa.output.changes import name_changed
from qa.output.words import render_skipped
from qa.settings import Settings
from qa.types import Answer, ArticleSummary, ArticleView, IndexInfo, IndexState, Passage, Turn

if TYPE_CHECKING:
    from index.storage.snapshot import Snapshot

_SECONDS_FRESH = 2.0
"""How long a look at the folder stays good."""

Tell = Callable[[str], None]
"""Gets one sentence for the user."""
OnPassages = Callable[[tuple[Passage, ...]], None]
Wanted = Callable[[], bool]


def open_answerer(
    settings: Settings, *, progress: ProgressCallback | None = None, tell: Tell | None = None
) -> Answerer:
    """The answerer over `settings.docs`, with its index built or brought up to date first.

    :param progress: gets the progress of a build.
    :param tell: gets a sentence on each thing the user should know (skipped files, stale articles).
    :raises DocumentsError: if there is no such folder, or no article in it.
    :raises ModelError: if model files are missing or damaged, or the name is unknown.
    :raises IndexFolderError: if the index cannot be used.
    """
    check_documents(settings)
    return Answerer(settings, progress, tell or (lambda _: None))


def check_documents(settings: Settings) -> None:
    """Check what costs nothing, before anything is opened.

    :raises DocumentsError: if there is no such folder.
    """
    if not settings.docs.is_dir():
        raise DocumentsError(f"{settings.docs}: there is no such folder; name the folder of articles with --docs DIR.")


class Answerer:
    """Implements `qa.types.Asks`. Models stay loaded and the index stays open until `close`."""

    def __init__(self, settings: Settings, progress: ProgressCallback | None, tell: Tell) -> None:
        """Like `open_answerer`, which checks the folder first."""
        self._settings = settings
        self._options = AnswerOptions(choose_threshold(settings.threshold), settings.passages)
        self._progress = progress
        self._tell = tell
        # Importing numpy from several threads at once can fail (2 of 12 starts on a busy machine), so it is imported
        # before they start. That costs no time: an import holds the interpreter's lock anyway.
        import numpy  # noqa: F401

        self._pool = ThreadPoolExecutor(3, thread_name_prefix="qa-load")
        self._encoder: Future[Encoder] = self._pool.submit(models.load_encoder, settings)
        self._cross_encoder: Future[CrossEncoder | None] = self._pool.submit(models.load_cross_encoder, settings)
        self._looked_at = float("-inf")
        self._snapshot: Snapshot | None = None
        try:
            self._look_after_index()
        except BaseException:
            self.close()
            raise

    def ask(
        self,
        question: str,
        history: tuple[Turn, ...] = (),
        *,
        as_typed: bool = False,
        on_passages: OnPassages | None = None,
        wanted: Wanted | None = None,
    ) -> Answer:
        """Answer or abstain; see `qa.types.Asks`."""
        asked = understand(check_question(question), () if as_typed else history)
        watch = _Stopwatch()
        _check_wanted(wanted)
        self._look_after_index()
        watch.lap("refresh")
        evidence = self._gather(asked, watch, on_passages, wanted)
        _check_wanted(wanted)
        answer = build_answer(asked, evidence, self._cross_encoder.result(), self._options, self._info)
        watch.lap("quote")
        return replace(answer, timings_ms=watch.timings())

    def gather_evidence(self, question: str, history: tuple[Turn, ...] = ()) -> list[Evidence]:
        """What an answer is decided from: the closest passages in their final order, the first of them read.

        :raises UsageError: if the question is empty or far too long.
        """
        return self._gather(understand(check_question(question), history), _Stopwatch())

    def _gather(
        self, asked: Understood, watch: _Stopwatch, on_passages: OnPassages | None = None, wanted: Wanted | None = None
    ) -> list[Evidence]:
        _check_wanted(wanted)
        found = self._search(asked, watch)
        _check_wanted(wanted)
        if on_passages is not None:
            on_passages(build_passages(found, self._options.passages))
        evidence = self._read(asked.asked_as, found, wanted)
        watch.lap("rerank")
        return evidence

    def _search(self, asked: Understood, watch: _Stopwatch) -> list[Evidence]:
        from index.search import search_candidates

        vector = encode_question(asked, self._encoder.result())
        watch.lap("encode")
        self._check_model()
        snapshot = self._open_snapshot
        candidates = search_candidates(
            snapshot, asked.question, vector, context=asked.context, context_weight=asked.context_weight
        )[: max(MOST_READ, self._options.passages)]
        sources = snapshot.load_paragraphs([one.paragraph_id for one in candidates])
        watch.lap("search")
        return [build_evidence(one, source) for one, source in zip(candidates, sources, strict=True)]

    def _check_model(self) -> None:
        """Rebuild an index that was made with another encoder: its vectors are not comparable with the question's.

        :raises IndexStaleError: if a refresh is not allowed.
        """
        encoder = self._encoder.result()
        if encoder.fingerprint == self._open_snapshot.info.fingerprint:
            return
        if not self._settings.refresh:
            raise IndexStaleError(
                f"The index was made with another model than {encoder.name}; run `qa index` or leave --no-refresh out."
            )
        self.refresh()

    def _read(self, question: str, found: list[Evidence], wanted: Wanted | None) -> list[Evidence]:
        """The passages in their final order, the first of them read by the cross-encoder."""
        cross_encoder = self._cross_encoder.result()
        if cross_encoder is None or not found:
            return found
        paragraphs = [one.source.paragraph for one in choose_read(found)]
        texts, contexts = [one.text for one in paragraphs], [one.context for one in paragraphs]
        return rank(question, found, cross_encoder.read(question, texts, contexts, wanted=wanted))

    def find_changes(self) -> Changes:
        """How the folder differs from the open generation, judged by sizes and times."""
        from index.updating.freshness import find_changes

        return find_changes(self._settings.docs, self._open_snapshot.folder)

    def reload(self) -> bool:
        """Open the newest generation.

        :return: True if it is newer than the open one.
        """
        from index.storage.snapshot import open_snapshot

        before = self._snapshot
        if before is not None and before.is_current():
            return False
        newest = open_snapshot(_locate(self._settings))
        if newest is None:
            return False
        self._snapshot = newest
        if before is not None:
            before.close()
        return True

    def refresh(self) -> BuildReport:
        """Bring the index up to date and open the result.

        :raises UnusableError: if documents, model or index cannot be used.
        """
        from index.updating.build import refresh

        report = refresh(
            self._settings.docs,
            _locate(self._settings),
            self._encoder.result,
            progress=self._progress,
            fingerprint=self._encoder.result().fingerprint if self._encoder.done() else None,
            model=self._settings.model,
            notice=self._tell,
        )
        self.reload()
        for line in render_skipped(report.skipped):
            self._tell(line)
        return report

    def load_state(self) -> IndexState:
        """The open generation and how the folder differs from it."""
        return IndexState(self._info, self.find_changes(), tuple(self._open_snapshot.skipped))

    def load_article(self, path: str) -> ArticleView:
        """An article of the open generation.

        :raises DocumentsError: if there is none of that path.
        """
        found = self._open_snapshot.load_article(path)
        if found is None:
            raise DocumentsError(f"{path}: the index has no such article; `qa index --status` shows what it has.")
        article, document = found
        return ArticleView(article.path, article.title, article.date, document.text, str(self._settings.docs / path))

    def list_articles(self) -> Iterator[ArticleSummary]:
        """The articles of the open generation, by path."""
        for article in self._open_snapshot.list_articles():
            yield ArticleSummary(article.path, article.title, article.date, article.paragraphs)

    def close(self) -> None:
        """Release files and models."""
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def _open_snapshot(self) -> Snapshot:
        assert self._snapshot is not None, "the answerer is closed"
        return self._snapshot

    @property
    def _info(self) -> IndexInfo:
        info = self._open_snapshot.info
        return IndexInfo(info.generation, info.articles, info.paragraphs, info.model)

    def _look_after_index(self) -> None:
        """Refresh a stale index or, if that is not wanted, report it: no answer comes from a stale index silently."""
        if time.monotonic() - self._looked_at < _SECONDS_FRESH:
            return
        if self._snapshot is None and not self._open_existing():
            self.refresh()
        elif changes := self.find_changes():
            if self._settings.refresh:
                self.refresh()
            else:
                self._tell(
                    f"warning: the index is stale: {name_changed(changes)} changed since it was built; run `qa index`"
                )
        self._looked_at = time.monotonic()

    def _open_existing(self) -> bool:
        """Open the index; False if there is none yet, or a damaged one, which a refresh repairs or reports.

        :raises IndexFolderError: if there is none or a damaged one, and a refresh is not allowed.
        """
        from index.storage.snapshot import has_index

        if not has_index(_locate(self._settings)) and not self._adopt():
            if not self._settings.refresh:
                raise IndexStaleError(f"{self._settings.docs} has no index yet; run `qa index` first.")
            return False
        try:
            return self.reload()
        except IndexDamagedError:
            if not self._settings.refresh:
                raise
            return False

    def _adopt(self) -> bool:
        """True if the folder was renamed and its index is now found under its new name."""
        from index.updating.adoption import adopt_index

        if adopt_index(self._settings.docs) is None:
            return False
        # Only now is it known which model the index was made with.
        self._encoder = self._pool.submit(models.load_encoder, self._settings)
        return True


def _check_wanted(wanted: Wanted | None) -> None:
    """:raises NotWantedError: if nobody waits for the answer any more."""
    if wanted is not None and not wanted():
        raise NotWantedError


def _locate(settings: Settings) -> Path:
    from index.storage.folder import locate_index_folder

    return locate_index_folder(settings.docs)


class _Stopwatch:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """End `stage`."""
        now = time.perf_counter()
        self._laps[stage] = (now - self._last) * 1000
        self._last = now

    def timings(self) -> dict[str, float]:
        """All stages and their total."""
        return {"total": (self._last - self._began) * 1000, **self._laps}
