"""Runs ONNX models and cuts text into their tokens: the only importer of onnxruntime and tokenizers.

Each run of a model has one text and one thread, and several runs go on side by side. The models are quantised with one
scale for a whole batch, so in a batch the numbers of a text would depend on its neighbours (a cosine of .995-.997 to
itself in another batch). Alone, a text has the same bits for any number of texts and threads, and nothing is padded. On
2 cores this is 1.4x as fast as two threads inside one run.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

from index.errors import ModelError
from index.models.graph_cache import WEIGHTS_NAME, GraphCopy
from index.models.model_files import ModelFile, OnnxModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Encoding

    Outputs = dict[str, NDArray[np.float32]]

MOST_CHARACTERS = 20_000
"""Characters of a text that are tokenised. 512 tokens of English are about 2,500, and a megabyte would take 0.4 s."""

_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
# This fusion is slower than what it fuses: 80 against 67 ms for 400 tokens of the wheel's cross-encoder.
_NOT_FUSED = ["SkipLayerNormFusion"]
_RECIPE = "extended-1"
"""Names the way graphs are optimised. Another name makes other copies."""


class OnnxSession:
    """A loaded graph. Several threads may run it at once."""

    def __init__(self, model: OnnxModel) -> None:
        """:raises ModelError: if onnxruntime cannot load the file."""
        try:
            self._session = _load_session(model.graph)
        except _runtime_errors() as error:
            raise ModelError(
                f"{model.graph.path}: onnxruntime {_runtime().__version__} cannot load the model; "
                "run `pip install --upgrade onnxruntime` and try again."
            ) from error
        self._inputs = {one.name for one in self._session.get_inputs()}
        self.outputs: tuple[str, ...] = tuple(one.name for one in self._session.get_outputs())

    def run(self, ids: Sequence[int], second: int | None = None) -> Outputs:
        """All outputs for one sequence of tokens, by name, with a leading axis of 1.

        :param second: index of the first token of a pair's second segment; None if there is only one segment.
        """
        feed = _build_feed(ids, second)
        result = self._session.run(None, {name: feed[name] for name in self._inputs})
        return dict(zip(self.outputs, result, strict=True))


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text, without special ones."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    """For each token, the half-open range of characters that it covers in the text."""
    words: list[int]
    """For each token, the number of the word that it is a piece of."""


class WordPieces:
    """Turns text into tokens of BERT's uncased English vocabulary.

    It is built from the list of words, which takes 12 ms; `tokenizer.json` would take 22. A text that says "[SEP]"
    becomes brackets and letters, never the token that ends a segment.
    """

    def __init__(self, vocabulary: Path) -> None:
        """:param vocabulary: a file that was verified."""
        from tokenizers import Tokenizer  # 15 ms
        from tokenizers.models import WordPiece
        from tokenizers.normalizers import BertNormalizer
        from tokenizers.pre_tokenizers import BertPreTokenizer

        pieces = WordPiece.from_file(str(vocabulary))
        pieces.unk_token = "[UNK]"  # noqa: S105 - a word of the vocabulary
        self._tokenizer = Tokenizer(pieces)
        self._tokenizer.normalizer = BertNormalizer(lowercase=True)
        self._tokenizer.pre_tokenizer = BertPreTokenizer()
        self.cls = self._number_of("[CLS]")
        self.sep = self._number_of("[SEP]")

    def encode(self, text: str) -> list[int]:
        """The token numbers of the first 20,000 characters."""
        ids: list[int] = self._encode(text[:MOST_CHARACTERS]).ids
        return ids

    def encode_with_offsets(self, text: str) -> Tokens:
        """Like `encode`, with the place of each token."""
        encoding = self._encode(text[:MOST_CHARACTERS])
        return Tokens(encoding.ids, encoding.offsets, [word or 0 for word in encoding.word_ids])

    def count(self, text: str) -> int:
        """The number of tokens of the whole text."""
        return sum(len(self._encode(piece).ids) for piece in _cut_at_spaces(text))

    def _encode(self, text: str) -> Encoding:
        # One text at a time, because the library's own batches start a pool of threads that warns when the process
        # forks.
        return self._tokenizer.encode(replace_surrogates(text), add_special_tokens=False)

    def _number_of(self, token: str) -> int:
        number = self._tokenizer.token_to_id(token)
        if number is None:
            raise ModelError(f"The vocabulary has no token {token}; install the model files again.")
        return number


_loading_words = Lock()


def load_word_pieces(vocabulary: Path) -> WordPieces:
    """The vocabulary, which is loaded once per process for all models."""
    with _loading_words:  # encoder and cross-encoder load side by side
        return _load_word_pieces(vocabulary)


@cache
def _load_word_pieces(vocabulary: Path) -> WordPieces:
    return WordPieces(vocabulary)


class TextModel:
    """What an encoder and a cross-encoder share: a loaded graph, its tokens, and texts that run side by side."""

    def __init__(self, model: OnnxModel, threads: int | None = None) -> None:
        """:param threads: processors to use; None means all.
        :raises ModelError: if the files cannot be loaded.
        """
        self._model = model
        self._threads = threads
        self._tokens = load_word_pieces(model.vocabulary.path)
        self._session = OnnxSession(model)

    @property
    def name(self) -> str:
        """The model as the user named it."""
        return self._model.name

    def _run_each(self, work: Callable[[int], None], texts: Sequence[str]) -> None:
        """Calls `work` with the number of each text, the longest first, so that no thread is left with a long one at
        the end."""
        run_each(work, sorted(range(len(texts)), key=lambda number: -len(texts[number])), self._threads)


def run_each(work: Callable[[int], None], order: Sequence[int], threads: int | None = None) -> None:
    """Calls `work` with every number of `order`, in this order, and returns when all are done. If a call raises, or the
    user interrupts, no further call begins.

    :param threads: number of threads; None means all processors.
    """
    workers = min(threads or count_processors(), len(order))
    if workers <= 1:
        for number in order:
            work(number)
        return
    from concurrent.futures import ThreadPoolExecutor  # 5 ms

    waiting = deque(order)
    with ThreadPoolExecutor(workers, thread_name_prefix="qa-model") as pool:
        running = [pool.submit(_drain, work, waiting) for _ in range(workers)]
        try:
            for future in running:
                future.result()
        finally:
            waiting.clear()


def count_processors() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _drain(work: Callable[[int], None], waiting: deque[int]) -> None:
    while True:
        try:
            number = waiting.popleft()
        except IndexError:
            return
        work(number)


def _build_feed(ids: Sequence[int], second: int | None) -> dict[str, NDArray[np.int64]]:
    import numpy as np

    tokens = np.array([ids], dtype=np.int64)
    segments = np.zeros_like(tokens)
    if second is not None:
        segments[0, second:] = 1
    return {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": segments}


def _load_session(graph: ModelFile) -> Any:
    """Loads the optimised copy if there is a good one. Otherwise loads the graph itself, and leaves a copy for the next
    time."""
    copy = GraphCopy(graph.sha256, f"{_runtime().__version__}-{_RECIPE}")
    found = copy.find()
    if found is not None:
        try:
            return _open_copy(found)
        except _runtime_errors():
            copy.drop()
    session = _open_graph(graph.path)
    copy.make(lambda target: _write_copy(graph.path, target, session))
    return session


def _open_graph(path: Path, copy: Path | None = None) -> Any:
    """Loads and optimises a graph.

    :param copy: the path to which the optimised graph is written; None writes nothing.
    """
    runtime = _runtime()
    options = _build_options()
    # The next level depends on the processor, so a cache in a shared home folder would not be safe.
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    if copy is not None:
        options.optimized_model_filepath = str(copy)
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS_NAME)
        options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    return runtime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=_NOT_FUSED
    )


def _open_copy(path: Path) -> Any:
    runtime = _runtime()
    options = _build_options()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _write_copy(source: Path, target: Path, original: Any) -> bool:
    """True if the copy was written and computes the same bits as the original."""
    import numpy as np

    feed = _build_feed([101, 2054, 2003, 2023, 102, 2023, 2003, 1037, 6251, 102], 5)
    feed = {one.name: feed[one.name] for one in original.get_inputs()}
    try:
        _open_graph(source, target)
        written = _open_copy(target).run(None, feed)
    except _runtime_errors():  # a full disk, most likely
        return False
    return all(np.array_equal(a, b) for a, b in zip(original.run(None, feed), written, strict=True))


def _build_options() -> Any:
    options = _runtime().SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # what it has to say is also raised as an error
    return options


def _runtime() -> ModuleType:
    # It is read once, at the import. Without it, version 1.32 gives this machine a number, keeps a database of events
    # in the home folder, and after some seconds looks for a host to send them to. `disable_telemetry_events` comes too
    # late.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # 50 ms without numpy

    runtime: ModuleType = onnxruntime
    return runtime


def _runtime_errors() -> tuple[type[Exception], ...]:
    """The exceptions of onnxruntime, which have no common base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented")
    return (*(getattr(state, name) for name in names), state.RuntimeException, RuntimeError, ValueError)


def replace_surrogates(text: str) -> str:
    """The text with U+FFFD in place of each lone surrogate, so that offsets stay."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.translate(_SURROGATES)
    return text


def _cut_at_spaces(text: str) -> list[str]:
    """The text in pieces that are tokenised quickly. No token crosses a space."""
    pieces = []
    start = 0
    while len(text) - start > MOST_CHARACTERS:
        space = text.rfind(" ", start + 1, start + MOST_CHARACTERS)
        end = space if space > 0 else start + MOST_CHARACTERS
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    return pieces
