"""A passage as it is judged: the paragraph, its scores, and the probability that it answers. A leaf."""

from __future__ import annotations

from dataclasses import dataclass

from index.types import Candidate, Reading, StoredParagraph


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage with its scores; `ranking` computes `probability` and `order`, once."""

    candidate: Candidate
    source: StoredParagraph
    reading: Reading | None
    """None if no cross-encoder has read the passage."""
    probability: float
    """0..1, that the passage holds the answer; a cosine if no cross-encoder is used."""
    order: float
    """The final order of the passages; higher is better."""

    @property
    def text(self) -> str:
        """The text of the passage, in which the offsets of spans, sentences and quotes count."""
        return self.source.paragraph.text
