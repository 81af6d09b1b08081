"""Runs ONNX models and cuts text into their tokens: the only importer of onnxruntime and tokenizers.

Models run one text at a time. They are quantised with one scale for a whole batch, so a text's numbers would depend
on its neighbours (cosine .995 to itself in another batch); alone, the same text always gives the same bits, and without
padding it is as fast as the best sorted batches.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import ModelError
from index.models import OnnxModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

_MOST_CHARACTERS = 20_000
"""Characters of a text that are looked at: 512 tokens of English are some 2,500; tokenising is linear in the text."""
_SURROGATES = {code: "\ufffd" for code in range(0xD800, 0xE000)}


class OnnxSession:
    """A loaded graph; may be run from several threads at once."""

    def __init__(self, model: OnnxModel, threads: int | None = None) -> None:
        """:raises ModelError: where onnxruntime cannot load the file."""
        import onnxruntime  # 60 ms

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or default_threads()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(model.model), options, providers=["CPUExecutionProvider"]
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{model.model}: onnxruntime cannot load the model ({error}).") from error
        self.outputs: tuple[str, ...] = tuple(output.name for output in self._session.get_outputs())
        self._inputs = {one.name for one in self._session.get_inputs()}

    def run(self, ids: Sequence[int], second: int | None = None) -> list[NDArray[np.float32]]:
        """All outputs for one sequence, each with a leading axis of 1. Tokens from `second` on are of segment 1."""
        import numpy as np

        tokens = np.array([ids], dtype=np.int64)
        segments = np.zeros_like(tokens)
        if second is not None:
            segments[0, second:] = 1
        feed = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": segments}
        result: list[NDArray[np.float32]] = self._session.run(
            None, {name: array for name, array in feed.items() if name in self._inputs}
        )
        return result


class WordPieces:
    """Text to token numbers of one vocabulary, without special tokens."""

    def __init__(self, path: Path) -> None:
        """:raises ModelError: where the file is not a tokenizer."""
        from tokenizers import Tokenizer  # 20 ms

        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # noqa: BLE001 - the library raises bare Exception
            raise ModelError(f"{path}: not a tokenizer ({error}).") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.cls = self._tokenizer.token_to_id("[CLS]")
        self.sep = self._tokenizer.token_to_id("[SEP]")

    def encode(self, text: str) -> list[int]:
        """Token numbers of the text's first 20,000 characters."""
        return self._encode(text[:_MOST_CHARACTERS])[0]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Like `encode`, with the half-open range of characters of `text` that each token covers."""
        return self._encode(text[:_MOST_CHARACTERS])

    def count(self, text: str) -> int:
        """Tokens of the whole text."""
        return sum(len(self._encode(piece)[0]) for piece in _pieces(text))

    def _encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        # One by one: the library's own batches start a thread pool that warns when the process forks.
        encoding = self._tokenizer.encode(_encodable(text), add_special_tokens=False)
        return encoding.ids, encoding.offsets


def default_threads() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _encodable(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD, so that offsets stay."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.translate(_SURROGATES)
    return text


def _pieces(text: str) -> list[str]:
    """The text cut at spaces into pieces that tokenise quickly; no token crosses a space."""
    pieces = []
    start = 0
    while len(text) - start > _MOST_CHARACTERS:
        space = text.rfind(" ", start + 1, start + _MOST_CHARACTERS)
        end = space if space > 0 else start + _MOST_CHARACTERS
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    return pieces
