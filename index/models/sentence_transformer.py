"""Runs any other model, by name or folder: the only importer of sentence_transformers, transformers and torch.

Their import takes 7-12 s, so this file is imported only if such a model is named. Downloads are forbidden before their
import. Weights are read from safetensors files only and never unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from index.errors import ModelError, NotWantedError
from index.models.model_files import compute_sha256
from index.models.onnx_runtime import replace_surrogates
from index.types import Reading

if TYPE_CHECKING:
    from index.types import Vectors

_ENCODER_ACCOUNTS = ("sentence-transformers", "BAAI")
_READER_ACCOUNTS = ("cross-encoder", "BAAI")
"""Accounts of the hub in which a name without an account is looked up, in this order."""
_FINGERPRINTED = frozenset({".safetensors", ".json", ".txt", ".model"})
_MARKS = ("modules.json", "config.json")
_BATCH_ON_CPU = 8
_BATCH_ON_GPU = 64
_CHARACTERS_A_TOKEN = 40
"""Characters that are tokenised for each token the model reads: ten times what English needs."""


class SentenceTransformerEncoder:
    """A Sentence Transformers model, on the GPU if the library sees one."""

    def __init__(self, name: str, threads: int | None = None) -> None:
        """:raises ModelError: if there is no such model on this machine, or it cannot be loaded."""
        self._name = name
        self._folder = _find_folder(name, _ENCODER_ACCOUNTS)
        library = _import_library(threads)
        self._model = _load(library.SentenceTransformer, self._folder)
        self._batch = _BATCH_ON_CPU if self._model.device.type == "cpu" else _BATCH_ON_GPU
        self._fingerprint: str | None = None

    @property
    def name(self) -> str:
        """The model as the user named it."""
        return self._name

    @property
    def dimension(self) -> int:
        """d of the vectors."""
        # Version 6 renamed it, and the former name warns there.
        find = getattr(self._model, "get_embedding_dimension", None) or self._model.get_sentence_embedding_dimension
        return int(find())

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads, without special tokens; 512 if the model states no limit."""
        stated = self._model.max_seq_length
        special = getattr(self._model.tokenizer, "num_special_tokens_to_add", lambda *_: 0)
        return int(stated or 512) - int(special(False))

    @property
    def fingerprint(self) -> str:
        """Identifies weights, tokenizer, configuration (pooling, prompts, lengths) and dimension."""
        if self._fingerprint is None:
            parts = [f"{path}={value}" for path, value in _compute_sums(self._folder)]
            self._fingerprint = hashlib.sha256("\n".join([str(self.dimension), *parts]).encode()).hexdigest()
        return self._fingerprint

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, rows of unit length, in the order of `texts`. The model's prompt for documents is put in
        front."""
        return self._encode(self._model.encode_document, texts)

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """Like `encode_passages`, but with the model's prompt for questions."""
        return self._encode(self._model.encode_query, texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each whole text, without special tokens."""
        tokenizer = self._model.tokenizer
        # By default, the tokenizers of transformers warn of texts longer than the model reads.
        quiet = {"verbose": False} if hasattr(tokenizer, "num_special_tokens_to_add") else {}
        counts = []
        for text in texts:
            tokens = tokenizer.encode(replace_surrogates(text), add_special_tokens=False, **quiet)
            counts.append(len(getattr(tokens, "ids", tokens)))
        return counts

    def _encode(self, encode: Callable[..., Any], texts: Sequence[str]) -> Vectors:
        import numpy as np

        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        most = self.max_tokens * _CHARACTERS_A_TOKEN
        vectors = self._encode_in_batches(encode, [replace_surrogates(text[:most]) for text in texts])
        return np.asarray(vectors, dtype=np.float32)

    def _encode_in_batches(self, encode: Callable[..., Any], texts: list[str]) -> Any:
        """Encodes in batches. If the memory of a GPU does not suffice, the batches are smaller from then on.

        :raises ModelError: if a batch of one text fails too.
        """
        while True:
            try:
                return encode(texts, batch_size=self._batch, normalize_embeddings=True, show_progress_bar=False)
            except RuntimeError as error:
                device = self._model.device.type
                if self._batch == 1 or device == "cpu":
                    raise _failed_on(device, self._name, error) from error
                self._batch //= 2


class SentenceTransformersCrossEncoder:
    """A Sentence Transformers cross-encoder with one score for a pair."""

    def __init__(self, name: str, threads: int | None = None) -> None:
        """:raises ModelError: if there is no such model on this machine, or it is not a cross-encoder."""
        self._name = name
        folder = _find_folder(name, _READER_ACCOUNTS)
        _require_ranking_head(folder)
        library = _import_library(threads)
        self._model = _load(library.CrossEncoder, folder)
        if self._model.num_labels != 1:
            raise ModelError(
                f"Model '{name}' gives {self._model.num_labels} scores a pair; name a cross-encoder that gives one."
            )

    @property
    def name(self) -> str:
        """The model as the user named it."""
        return self._name

    @property
    def finds_spans(self) -> bool:
        """False: a ranking head gives one number."""
        return False

    def read(
        self,
        question: str,
        texts: Sequence[str],
        contexts: Sequence[str] | None = None,
        *,
        wanted: Callable[[], bool] | None = None,
    ) -> list[Reading]:
        """One reading for each text, in order. A context stands before its text.

        :param wanted: called before each batch.
        :raises NotWantedError: if `wanted` returned False.
        """
        if not texts:
            return []
        around = contexts if contexts is not None else [""] * len(texts)
        asked = _prepare(question)
        pairs = [(asked, _prepare(f"{c}\n{t}" if c else t)) for t, c in zip(texts, around, strict=True)]
        batch = _BATCH_ON_CPU if self._model.device.type == "cpu" else _BATCH_ON_GPU
        readings: list[Reading] = []
        for start in range(0, len(pairs), batch):
            if wanted is not None and not wanted():
                raise NotWantedError
            readings += self._read_batch(pairs[start : start + batch])
        return readings

    def _read_batch(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        import torch

        # Raw logits, because a sigmoid rounds the best ones to the same number and their order is lost.
        scores = self._model.predict(list(pairs), activation_fn=torch.nn.Identity(), show_progress_bar=False)
        return [Reading(relevance=float(score)) for score in scores]


def _failed_on(device: str, name: str, error: RuntimeError) -> ModelError:
    reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
    advice = "name a smaller model with --model"
    if device == "cuda":
        advice = "set CUDA_VISIBLE_DEVICES to nothing to work without the GPU, or name a smaller model with --model"
    return ModelError(f"Model '{name}' failed on the {device.upper()} ({reason}); {advice}.")


def _find_folder(name: str, accounts: Sequence[str]) -> Path:
    """The folder of that name, or the local copy of a model from the hub. It takes 0.1 s, before the libraries are
    imported.

    :raises ModelError: if there is neither.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not any((folder / name).is_file() for name in _MARKS):
            raise ModelError(f"{folder}: not a model's folder (it has no {' or '.join(_MARKS)}); name another one.")
        return folder
    _forbid_downloads()
    from huggingface_hub import snapshot_download

    for candidate in [name] if "/" in name else [*(f"{account}/{name}" for account in accounts), name]:
        try:
            cache = os.environ.get("SENTENCE_TRANSFORMERS_HOME")
            return Path(snapshot_download(candidate, cache_dir=cache, local_files_only=True))
        except (OSError, ValueError):  # not there, or not a name that the hub allows
            continue
    raise ModelError(
        f"Model '{name}' is neither a folder nor in the local cache of models: fetch it once with `hf download NAME`, "
        "or give the path of its folder."
    )


def _forbid_downloads() -> None:
    """Sets variables that the libraries read once, so it must run before they are imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    # The thread pool of the tokenizers warns if the process forks after it was used.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _import_library(threads: int | None) -> ModuleType:
    _forbid_downloads()
    import sentence_transformers
    import torch
    import transformers

    # stderr is for what the user asked: no "Loading weights" bar, no advice.
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    if threads is not None:
        torch.set_num_threads(threads)
    library: ModuleType = sentence_transformers
    return library


def _load(build: Callable[..., Any], folder: Path) -> Any:
    """:raises ModelError: if the library cannot load the folder."""
    from safetensors import SafetensorError

    try:
        return build(str(folder), local_files_only=True, model_kwargs={"use_safetensors": True})
    except (OSError, ValueError, RuntimeError, LookupError, TypeError, ImportError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        raise ModelError(
            f"{folder}: Sentence Transformers cannot load this model ({reason}); "
            "fetch it again with safetensors weights, or name another model."
        ) from error


def _require_ranking_head(folder: Path) -> None:
    """Refuses a bare encoder, which the library would complete with random weights.

    :raises ModelError: if the folder holds one.
    """
    try:
        stated = json.loads((folder / "config.json").read_text("utf-8")).get("architectures") or []
    except (OSError, ValueError, AttributeError):
        return  # the error on loading says what is wrong
    if any(str(one).endswith("Model") for one in stated):
        raise ModelError(f"{folder}: this is an encoder, not a cross-encoder; name a cross-encoder or `none`.")


def _compute_sums(folder: Path) -> list[tuple[str, str]]:
    """(path relative to the folder, checksum) of every file that affects the vectors, sorted by path."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in _FINGERPRINTED and path.is_file())
    return [(path.relative_to(folder).as_posix(), compute_sha256(path)) for path in files]


def _prepare(text: str) -> str:
    return replace_surrogates(text[: 512 * _CHARACTERS_A_TOKEN])
