"""The one place that chooses the engines. Each is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.engines.protocols import LexicalEngine, VectorEngine


def load_vector_engine() -> VectorEngine:
    """The engine that searches vectors."""
    from index.engines.faiss_vectors import FaissEngine

    return FaissEngine()


def load_lexical_engine() -> LexicalEngine:
    """The engine that searches words."""
    from index.engines.tantivy_words import TantivyEngine

    return TantivyEngine()


def name_forms() -> str:
    """The forms of what both engines write; a generation of other forms is written again."""
    return f"{load_vector_engine().form}, {load_lexical_engine().form}"
