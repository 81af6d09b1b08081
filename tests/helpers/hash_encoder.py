"""An exact encoder that takes no time, for tests of what happens around encoding. The same text always has the same
vector, and texts that share words are near each other. What depends on the meaning of texts is tested with the real
model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from index.types import Vectors


class HashEncoder:
    """Gives each word a random direction that its hash decides. The vector of a text is the sum of its words."""

    def __init__(self, seed: str = "a", dimension: int = 64, max_tokens: int = 40) -> None:
        self.name = f"hash-{seed}"
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.fingerprint = hashlib.sha256(f"{seed} {dimension} {max_tokens}".encode()).hexdigest()
        self._seed = seed
        self.embedded: list[str] = []
        """Every passage that was embedded, in order."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, rows of unit length."""
        self.embedded.extend(texts)
        return self.encode_questions(texts)

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """Like `encode_passages`, without a prefix."""
        return np.stack([self._encode(text) for text in texts])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of words of each text."""
        return [len(text.split()) for text in texts]

    def _encode(self, text: str) -> Vectors:
        total = np.ones(self.dimension, dtype=np.float32) * 0.01
        for word in re.findall(r"\w+", text.lower()):
            digest = hashlib.blake2b(f"{self._seed} {word}".encode("utf-8", "replace"), digest_size=self.dimension // 8)
            total += np.unpackbits(np.frombuffer(digest.digest(), dtype=np.uint8)).astype(np.float32) * 2 - 1
        return total / np.linalg.norm(total)
