"""Any other model: the only importer of sentence_transformers and torch. Importing them costs 7-8 s, so this file is
imported only where such a model is named."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import ModelError
from index.models import compute_sha256
from index.types import Reading

if TYPE_CHECKING:
    from types import ModuleType

    from index.types import Vectors

_BATCH = 16


def _import_offline() -> ModuleType:
    """The library, told before its import that it may not download anything."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import sentence_transformers

    return sentence_transformers


class SentenceTransformerEncoder:
    """A Sentence Transformers model, on the GPU where the library sees one."""

    def __init__(self, name: str, threads: int | None = None) -> None:
        """:raises ModelError: where there is no such model on this machine."""
        library = _import_offline()
        if threads is not None:
            import torch

            torch.set_num_threads(threads)
        try:
            self._model = library.SentenceTransformer(name)
        except (OSError, ValueError) as error:
            raise ModelError(unknown_model(name)) from error
        self._name = name
        self._fingerprint = ""

    @property
    def name(self) -> str:
        """The model as the user named it."""
        return self._name

    @property
    def dimension(self) -> int:
        """d of the vectors."""
        return int(self._model.get_sentence_embedding_dimension())

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads, two special tokens left out."""
        return int(self._model.max_seq_length or 512) - 2

    @property
    def fingerprint(self) -> str:
        """Names weights, configuration (pooling, prompts, maximum length) and dimension."""
        if not self._fingerprint:
            self._fingerprint = self._compute_fingerprint()
        return self._fingerprint

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, rows of unit length, in the order of `texts`."""
        vectors: Vectors = self._model.encode_document(
            list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """Like `encode_passages`, with the model's own prompt for questions."""
        vectors: Vectors = self._model.encode_query(
            list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each whole text, special tokens left out."""
        tokenizer = self._model.tokenizer
        return [len(tokenizer.encode(text, add_special_tokens=False, verbose=False)) for text in texts]

    def _compute_fingerprint(self) -> str:
        folder = Path(self._name)
        files = sorted(path for path in folder.rglob("*.safetensors")) if folder.is_dir() else []
        parts = [self._name, str(self.dimension), str(self.max_tokens), *map(compute_sha256, files)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class CrossEncoderReader:
    """A Sentence Transformers cross-encoder."""

    def __init__(self, name: str, threads: int | None = None) -> None:
        """:raises ModelError: where there is no such model on this machine."""
        library = _import_offline()
        if threads is not None:
            import torch

            torch.set_num_threads(threads)
        try:
            self._model = library.CrossEncoder(name)
        except (OSError, ValueError) as error:
            raise ModelError(unknown_model(name)) from error
        self._name = name

    @property
    def name(self) -> str:
        """The model as the user named it."""
        return self._name

    @property
    def finds_spans(self) -> bool:
        """False: a ranking head gives one number."""
        return False

    def read(
        self, question: str, texts: Sequence[str], contexts: Sequence[str] | None = None
    ) -> list[Reading]:
        """One reading for each text, in order."""
        import torch

        around = contexts if contexts is not None else [""] * len(texts)
        pairs = [(question, f"{c}\n{t}" if c else t) for t, c in zip(texts, around, strict=True)]
        # Raw logits: a sigmoid rounds the best ones together and their order is lost.
        scores = self._model.predict(pairs, activation_fn=torch.nn.Identity(), show_progress_bar=False)
        return [Reading(relevance=float(score)) for score in scores]


def unknown_model(name: str) -> str:
    """The sentence for a model that is not on this machine."""
    return (
        f"Model '{name}' is neither a folder nor in the local model cache: download it once with "
        f"`hf download {name}` or give the path of its folder."
    )
