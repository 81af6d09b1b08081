"""The Python API: a folder of articles that can be asked, from any thread and from asyncio. Decides nothing.

Notices (skipped files, a stale index) go to the logger "qa".
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import TypeVar

from qa.answerer import Answerer, check_documents, open_answerer
from qa.output.safe_text import safe_line
from qa.settings import Settings, load_settings
from qa.types import Answer, Turn

T = TypeVar("T")

_WARNING = "warning: "
_LOGGER = logging.getLogger("qa")


def open(  # noqa: A001 - used as qa.open, like gzip.open
    docs: str | os.PathLike[str] | None = None,
    *,
    model: str | os.PathLike[str] | None = None,
    reranker: str | os.PathLike[str] | None = None,
    threshold: float | None = None,
    passages: int | None = None,
    refresh: bool | None = None,
) -> Corpus:
    """The articles of a folder, ready to be asked.

    Whatever is None comes from a QA_* variable, from `qa.toml` or from the defaults, as for the `qa` command.

    :param docs: the folder; unless given, the nearest `docs_src/` or the one that `qa.toml` names, going up from the
        working directory.
    :param model: Sentence Transformers model, by name or folder, instead of the one that comes with the install.
    :param reranker: cross-encoder, by name or folder, or 'none'.
    :param threshold: confidence from which an answer is given, 0..1.
    :param passages: number of the closest passages that an answer lists, 1..100.
    :param refresh: False answers from the index as it is.
    :raises UsageError: if a setting makes no sense.
    :raises DocumentsError: if there is no such folder.
    """
    options = {"threshold": threshold, "passages": passages, "refresh": refresh}
    paths = {"docs": docs, "model": model, "reranker": reranker}
    return Corpus(load_settings(options | {name: path and os.fspath(path) for name, path in paths.items()}))


class Corpus:
    """A folder of articles that answers questions.

    Any thread may use it; questions are answered one at a time, each with all processors. Models and index are opened
    when the `with` block begins, or at the first question, and released by `close`.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the settings as they are; `qa.open` also reads variables and `qa.toml`.

        :raises DocumentsError: if there is no such folder.
        """
        check_documents(settings)
        self.settings = settings
        """As they were chosen, with the defaults filled in."""
        self._lock = threading.Lock()
        self._answerer: Answerer | None = None
        self._is_closed = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="qa-ask")

    def ask(self, question: str, history: Iterable[Answer | Turn] = (), *, as_typed: bool = False) -> Answer:
        """Answer or abstain; the index is brought up to date first, unless the settings say otherwise.

        :param history: the conversation so far, oldest first.
        :param as_typed: takes nothing over from `history`.
        :raises UsageError: if the question is empty or far too long.
        :raises UnusableError: if documents, models or index cannot be used.
        :raises RuntimeError: if the corpus is closed.
        """
        return self._answer(question, history, as_typed, lambda: True)

    async def ask_async(
        self, question: str, history: Iterable[Answer | Turn] = (), *, as_typed: bool = False
    ) -> Answer:
        """Like `ask`, in a thread of its own. If the task is cancelled, the thread stops before the next passage."""
        given_up = threading.Event()
        try:
            return await self._run(partial(self._answer, question, history, as_typed, lambda: not given_up.is_set()))
        finally:
            given_up.set()

    def text(self, path: str) -> str:
        """The canonical text of an article: `text(citation.path)[citation.start:citation.end] == citation.quote`.

        :param path: as citations have it.
        :raises DocumentsError: if the index has no such article.
        :raises RuntimeError: if the corpus is closed.
        """
        with self._hold() as answerer:
            return answerer.load_article(path).text

    def close(self) -> None:
        """Release files and models, after the question that is being answered."""
        with self._lock:
            self._is_closed = True
            if self._answerer is not None:
                self._answerer.close()
                self._answerer = None
        self._worker.shutdown(wait=False)

    def __enter__(self) -> Corpus:
        self._load()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Corpus:
        self._check_open()
        try:
            await self._run(self._load)
        except BaseException:
            # Cancelled, perhaps while the index is being built: what that opens is closed after it.
            self._worker.submit(self.close)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from asyncio import to_thread

        await to_thread(self.close)

    def _load(self) -> None:
        with self._hold():
            pass

    @contextmanager
    def _hold(self) -> Iterator[Answerer]:
        """The Answerer, for one thread at a time.

        :raises RuntimeError: if the corpus is closed.
        """
        with self._lock:
            self._check_open()
            if self._answerer is None:
                self._answerer = open_answerer(self.settings, tell=_log)
            yield self._answerer

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("the corpus is closed; open it again with qa.open")

    def _answer(
        self, question: str, history: Iterable[Answer | Turn], as_typed: bool, wanted: Callable[[], bool]
    ) -> Answer:
        turns = tuple(one if isinstance(one, Turn) else Turn(one.question, one.text) for one in history)
        with self._hold() as answerer:
            return answerer.ask(question, turns, as_typed=as_typed, wanted=wanted)

    async def _run(self, function: Callable[[], T]) -> T:
        """Run `function` in the worker thread."""
        from asyncio import get_running_loop  # 20 ms, which `ask` alone does not need

        self._check_open()
        return await get_running_loop().run_in_executor(self._worker, function)


def _log(message: str) -> None:
    level = logging.WARNING if message.startswith(_WARNING) else logging.INFO
    _LOGGER.log(level, "%s", safe_line(message.removeprefix(_WARNING)))
