"""Which models answer and index: the only place that chooses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qa.settings import Settings

if TYPE_CHECKING:
    from index.types import CrossEncoder, Encoder

_NO_RERANKER = "none"


def load_encoder(settings: Settings, *, threads: int | None = None) -> Encoder:
    """The encoder that is named, otherwise the one the index was made with, otherwise the default.

    :param threads: to use; None is all processors.
    :raises ModelError: if the files are missing or damaged, or the name is unknown.
    """
    from index.models import encoder
    from index.storage.folder import locate_index_folder
    from index.storage.snapshot import load_model

    return encoder.load_encoder(settings.model or load_model(locate_index_folder(settings.docs)), threads=threads)


def load_cross_encoder(settings: Settings) -> CrossEncoder | None:
    """The cross-encoder that is named, otherwise the default; None if none is wanted.

    :raises ModelError: if the files are missing or damaged, or the name is unknown.
    """
    if settings.reranker == _NO_RERANKER:
        return None
    from index.models import cross_encoder

    return cross_encoder.load_cross_encoder(settings.reranker)
