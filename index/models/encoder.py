"""Turns text into vectors with the default model. Sentence Transformers runs any other model.

In bge-small-en-v1.5, the vector of a text is the last hidden state of its first token (CLS), scaled to unit length.
Questions have a prefix, paragraphs have none (https://huggingface.co/BAAI/bge-small-en-v1.5).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from index.models.model_files import DEFAULT_ENCODER, find_builtin, is_builtin
from index.models.onnx_runtime import TextModel
from index.types import Encoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.types import Vectors

_QUESTION_PREFIX = "Represent this sentence for searching relevant passages: "
_MAX_TOKENS = 510
"""512 minus the two special tokens."""
_DIMENSION = 384


def load_encoder(name: str | None = None, *, threads: int | None = None) -> Encoder:
    """The default encoder, or any Sentence Transformers model by name or folder.

    :param threads: processors to use; None means all.
    :raises ModelError: if the name is unknown, or files are missing or damaged.
    """
    wanted = name or DEFAULT_ENCODER
    if is_builtin(wanted):
        return BgeEncoder(find_builtin(wanted), threads)
    from index.models.sentence_transformer import SentenceTransformerEncoder

    return SentenceTransformerEncoder(wanted, threads)


class BgeEncoder(TextModel):
    """The default encoder. The vector of a text is the same to the bit, whatever is encoded with it."""

    @property
    def dimension(self) -> int:
        """d of the vectors."""
        return _DIMENSION

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads, without special tokens."""
        return _MAX_TOKENS

    @property
    def fingerprint(self) -> str:
        """Identifies weights, vocabulary, pooling, prefix, maximum length and dimension."""
        sums = (self._model.graph.sha256, self._model.vocabulary.sha256)
        parts = (*sums, "cls, unit length", _QUESTION_PREFIX, _MAX_TOKENS, _DIMENSION)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """(n, 384) float32, rows of unit length, in the order of `texts`."""
        import numpy as np

        vectors = np.empty((len(texts), _DIMENSION), dtype=np.float32)

        def encode(row: int) -> None:
            vectors[row] = self._encode_one(texts[row])

        self._run_each(encode, texts)
        return vectors

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """Like `encode_passages`, but with the prefix for questions."""
        return self.encode_passages([_QUESTION_PREFIX + text for text in texts])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each whole text, without special tokens."""
        return [self._tokens.count(text) for text in texts]

    def _encode_one(self, text: str) -> NDArray[np.float32]:
        import numpy as np

        ids = [self._tokens.cls, *self._tokens.encode(text)[:_MAX_TOKENS], self._tokens.sep]
        vector = self._session.run(ids)["last_hidden_state"][0, 0]
        unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
        return unit
