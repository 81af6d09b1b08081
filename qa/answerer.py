"""Open once, ask many: the one core under every face. Owns the order of the steps and their timing, no scores.

Models and index are opened side by side, each in a thread, since each spends its time outside of Python; whoever needs
one waits for that one alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import DocumentsError, IndexDamagedError, IndexStaleError, NotWantedError
from index.types import BuildReport, Candidate, Changes, CrossEncoder, Encoder, ProgressCallback
from qa.answering.answer import (
    MOST_QUOTES,
    NO_SUBJECT,
    NO_WORDS,
    build_citations,
    build_passages,
    choose_cited,
    estimate_confidence,
    render_reason,
)
from qa.answering.confidence import DEFAULT_THRESHOLD
from qa.answering.evidence import Evidence, score_sentences
from qa.answering.follow_ups import Understood, has_subject, names_subject, understand
from qa.answering.list_items import follow_lead_ins
from qa.answering.quotes import choose_quotes
from qa.answering.ranking import MOST_READ, blend, choose_depth, compute_brevity
from qa.answering.request import check_question
from qa.output.words import render_skipped
from qa.settings import Settings
from qa.types import Answer, ArticleSummary, ArticleView, Citation, IndexInfo, IndexState, Passage, Turn

if TYPE_CHECKING:
    from index.storage.snapshot import Snapshot
    from index.types import Vectors

NO_RERANKER = "none"
CANDIDATES = 50
"""Proposed by each of the two searches."""
CITED_PASSAGES = 8
"""Whose sentences are scored: at most five are quoted, the others may say the same."""
_SECONDS_FRESH = 2.0
"""So long a look at the folder is good for."""

Tell = Callable[[str], None]


def open_answerer(
    settings: Settings, *, progress: ProgressCallback | None = None, tell: Tell | None = None
) -> Answerer:
    """The answerer over `settings.docs`, with its index built or brought up to date first.

    :param progress: gets the progress of a build.
    :param tell: gets one sentence for each thing the person should know (skipped files, stale articles).
    :raises DocumentsError: no folder, or no article in it.
    :raises ModelError: model files missing or damaged.
    :raises IndexFolderError: the index cannot be used.
    """
    if not settings.docs.is_dir():
        raise DocumentsError(f"{settings.docs}: there is no such folder; name the folder of articles with --docs DIR.")
    return Answerer(settings, progress, tell or (lambda _: None))


class Answerer:
    """Implements `qa.types.Asks`. Models stay loaded and the index open until `close`."""

    def __init__(self, settings: Settings, progress: ProgressCallback | None, tell: Tell) -> None:
        """Like `open_answerer`, which checks first."""
        self._settings = settings
        self._progress = progress
        self._tell = tell
        # Threads that enter numpy by different doors break its import (2 of 12 starts on a busy machine), so it is
        # there whole before the first of them starts. It costs no time: importing holds the interpreter's lock anyway.
        import numpy  # noqa: F401

        self._pool = ThreadPoolExecutor(3, thread_name_prefix="qa-load")
        self._encoder: Future[Encoder] = self._pool.submit(_load_encoder, settings)
        self._cross_encoder: Future[CrossEncoder | None] = self._pool.submit(_load_cross_encoder, settings)
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
        on_passages: Callable[[tuple[Passage, ...]], None] | None = None,
        wanted: Callable[[], bool] | None = None,
    ) -> Answer:
        """Answer or abstain; see `qa.types.Asks`. Raises UsageError for a question that is empty or far too long,
        NotWantedError where `wanted` said no."""
        question = check_question(question)
        understood = understand(question, () if as_typed else history)
        watch = _Stopwatch()
        self._look_after_index()
        watch.lap("refresh")
        read = self._gather(understood, watch, on_passages, wanted)
        _check_wanted(wanted)
        answer = self._decide(understood.asked_as, read)
        watch.lap("quote")
        return replace(
            answer,
            question=question,
            asked_as=understood.asked_as,
            context=understood.context or None,
            timings_ms=watch.timings(),
        )

    def gather_evidence(self, question: str, history: tuple[Turn, ...] = ()) -> list[Evidence]:
        """What an answer is decided from: the closest passages in their final order, read by the cross-encoder."""
        return self._gather(understand(check_question(question), history), _Stopwatch())

    def _gather(
        self,
        asked: Understood,
        watch: _Stopwatch,
        on_passages: Callable[[tuple[Passage, ...]], None] | None = None,
        wanted: Callable[[], bool] | None = None,
    ) -> list[Evidence]:
        _check_wanted(wanted)
        found = self._search(asked, watch)
        _check_wanted(wanted)
        if on_passages is not None:
            on_passages(build_passages(found, self._settings.passages))
        read = self._read(asked.asked_as, found, wanted)
        watch.lap("rerank")
        return read

    def _search(self, asked: Understood, watch: _Stopwatch) -> list[Evidence]:
        from index.search import search_candidates

        vector = self._encode(asked)
        watch.lap("encode")
        self._check_model()
        snapshot = self._open_snapshot
        candidates: Sequence[Candidate] = search_candidates(
            snapshot,
            asked.question,
            vector,
            context=asked.context,
            context_weight=asked.context_weight,
            depth=CANDIDATES,
        )
        wanted = candidates[: max(MOST_READ, self._settings.passages)]
        sources = snapshot.load_paragraphs([one.paragraph_id for one in wanted])
        watch.lap("search")
        return [Evidence(one, source, None, one.fused) for one, source in zip(wanted, sources, strict=True)]

    def _check_model(self) -> None:
        """Vectors of another encoder than the index was made with would find anything: it is made again first."""
        encoder = self._encoder.result()
        if encoder.fingerprint == self._open_snapshot.info.fingerprint:
            return
        if not self._settings.refresh:
            raise IndexStaleError(
                f"The index was made with another model than {encoder.name}; run `qa index` or leave --no-refresh out."
            )
        self.refresh()

    def _encode(self, asked: Understood) -> Vectors:
        """(d,): the question's vector, moved towards that of the question with its context."""
        encoder = self._encoder.result()
        if not asked.context:
            vector: Vectors = encoder.encode_questions([asked.question])[0]
            return vector
        alone, with_context = encoder.encode_questions([asked.question, f"{asked.context} {asked.question}"])
        mixed: Vectors = (1 - asked.context_weight) * alone + asked.context_weight * with_context
        return mixed

    def _read(self, question: str, found: list[Evidence], wanted: Callable[[], bool] | None = None) -> list[Evidence]:
        """The candidates in their final order, the first of them read by the cross-encoder."""
        cross_encoder = self._cross_encoder.result()
        if cross_encoder is None or not found:
            return found
        head = found[: choose_depth([len(one.source.paragraph.text) for one in found])]
        brevity = compute_brevity(len(question.split()))
        paragraphs = [one.source.paragraph for one in head]
        texts, contexts = [one.text for one in paragraphs], [one.context for one in paragraphs]
        readings = cross_encoder.read(question, texts, contexts, wanted=wanted)
        scored = [
            replace(one, reading=reading, order=blend(one.candidate.fused, reading, brevity), brevity=brevity)
            for one, reading in zip(head, readings, strict=True)
        ]
        return sorted(scored, key=lambda one: -one.order) + found[len(head) :]

    def _decide(self, question: str, read: list[Evidence]) -> Answer:
        confidence = estimate_confidence(read) if has_subject(question) else 0.0
        threshold = DEFAULT_THRESHOLD if self._settings.threshold is None else self._settings.threshold
        answered = bool(read) and confidence >= threshold
        return Answer(
            question=question,
            asked_as=question,
            answered=answered,
            confidence=confidence,
            citations=self._cite(question, read, threshold) if answered else (),
            passages=build_passages(read, self._settings.passages),
            index=self._info,
            timings_ms={},
            reason=None if answered else _explain(question, read, confidence, threshold),
        )

    def _cite(self, question: str, read: list[Evidence], threshold: float) -> tuple[Citation, ...]:
        cross_encoder = self._cross_encoder.result()
        cited = follow_lead_ins(choose_cited(read, threshold)[:CITED_PASSAGES], read)
        scored = [replace(one, sentences=score_sentences(question, one, cross_encoder)) for one in cited]
        return build_citations(choose_quotes(scored, MOST_QUOTES))

    def find_changes(self) -> Changes:
        """How the folder differs from the open generation, by a cheap look."""
        from index.updating.freshness import find_changes

        return find_changes(self._settings.docs, self._open_snapshot.folder)

    def reload(self) -> bool:
        """Opens the newest generation; True where it is a newer one."""
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
        """Brings the index up to date and opens the result."""
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
        """An article of the open generation; raises DocumentsError where it has none of that path."""
        found = self._open_snapshot.load_article(path)
        if found is None:
            raise DocumentsError(f"{path}: the index has no such article; `qa index --status` tells what it has.")
        article, document = found
        return ArticleView(article.path, article.title, article.date, document.text, str(self._settings.docs / path))

    def list_articles(self) -> Iterator[ArticleSummary]:
        """The articles of the open generation by path."""
        for article in self._open_snapshot.list_articles():
            yield ArticleSummary(article.path, article.title, article.date, article.paragraphs)

    def close(self) -> None:
        """Lets go of files and models."""
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
        """Answers never come from a stale index silently: refreshed first or, where that is not wanted, said."""
        if time.monotonic() - self._looked_at < _SECONDS_FRESH:
            return
        if self._snapshot is None and not self._open_existing():
            self.refresh()
        elif changes := self.find_changes():
            if self._settings.refresh:
                self.refresh()
            else:
                self._tell(_render_stale(changes))
        self._looked_at = time.monotonic()

    def _open_existing(self) -> bool:
        from index.storage.snapshot import has_index

        folder = _locate(self._settings)
        if not has_index(folder) and not self._adopt():
            if not self._settings.refresh:
                raise IndexStaleError(f"{self._settings.docs} has no index yet; run `qa index` first.")
            return False
        try:
            return self.reload()
        except IndexDamagedError:
            if not self._settings.refresh:
                raise
            return False  # a refresh makes damaged files again, or says what else to do

    def _adopt(self) -> bool:
        """True where the folder was renamed and its index is now found under its new name."""
        from index.updating.adoption import adopt_index

        if adopt_index(self._settings.docs) is None:
            return False
        # Only now it is known which model the index was made with.
        self._encoder = self._pool.submit(_load_encoder, self._settings)
        return True


def _check_wanted(wanted: Callable[[], bool] | None) -> None:
    if wanted is not None and not wanted():
        raise NotWantedError


def _locate(settings: Settings) -> Path:
    from index.storage.folder import locate_index_folder

    return locate_index_folder(settings.docs)


def _load_encoder(settings: Settings) -> Encoder:
    """The one that is named, else the one that the index was made with, else the default."""
    from index.models.encoder import load_encoder
    from index.storage.snapshot import load_model

    return load_encoder(settings.model or load_model(_locate(settings)))


def _load_cross_encoder(settings: Settings) -> CrossEncoder | None:
    if settings.reranker == NO_RERANKER:
        return None
    from index.models.cross_encoder import load_cross_encoder

    return load_cross_encoder(settings.reranker)


def _explain(question: str, read: list[Evidence], confidence: float, threshold: float) -> str:
    from index.engines.tantivy_words import analyze, find_missing_words

    if not analyze(question):
        return NO_WORDS
    if not has_subject(question):
        return NO_SUBJECT
    paragraph = read[0].source.paragraph if read else None
    missing = find_missing_words(question, paragraph.embedded_text) if paragraph else []
    return render_reason(read, [word for word in missing if names_subject(word)], confidence, threshold)


def _render_stale(changes: Changes) -> str:
    paths = [*changes.added, *changes.changed, *changes.deleted, *(old for old, _ in changes.renamed)]
    named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    return f"warning: the index is stale: {named} changed since it was built; run `qa index`"


class _Stopwatch:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Ends `stage`."""
        now = time.perf_counter()
        self._laps[stage] = (now - self._last) * 1000
        self._last = now

    def timings(self) -> dict[str, float]:
        """All stages and their total."""
        return {"total": (self._last - self._began) * 1000, **self._laps}
