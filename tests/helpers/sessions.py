"""An answer to save, and any text that a session may hold."""

from __future__ import annotations

from hypothesis import strategies as st

from qa.types import Answer, Citation, IndexInfo, Location, Passage, TextRange

ANY_TEXT = st.text(st.characters(codec=None, categories=None, min_codepoint=0, max_codepoint=0x10FFFF))


def build_answer(question: str, quote: str = "It has not condemned the attack.", answered: bool = True) -> Answer:
    """An answer whose parts agree with each other."""
    passage = Passage("a.txt", "On tides", "2022-03-01", 3, 10, 10 + len(quote), 4, None, "Head", quote, 0.9)
    citation = Citation(
        1, "a.txt", "On tides", "2022-03-01", 3, 10, 10 + len(quote), 4, 2, None, quote, 0.9,
        TextRange(10, 12, quote[:2]), TextRange(10, 10 + len(quote), quote), (Location("b.txt", 1, 5),),
    )  # fmt: skip
    return Answer(
        question=question,
        asked_as=question,
        answered=answered,
        confidence=0.9,
        citations=(citation,) if answered else (),
        passages=(passage,),
        index=IndexInfo(1, 2, 30, "bge-small-en-v1.5"),
        timings_ms={"total": 12.5},
        reason=None if answered else "no passage says so",
    )
