"""Cross-encoders with the real models: relevance, spans to the character, and nothing that depends on neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import NotWantedError
from index.models.cross_encoder import OnnxCrossEncoder, _find_spans, load_cross_encoder
from index.models.model_files import DEFAULT_CROSS_ENCODER
from index.models.onnx_runtime import count_processors
from index.types import CrossEncoder, Reading

QUESTION = "How much did exports to Germany amount to?"
PASSAGE = "In 2021 exports to Germany came to €146.9 billion, more than to any other country."
OTHER = "The museum opens at nine and closes at five; children pay half."


@pytest.fixture(scope="module")
def reader() -> CrossEncoder:
    """The default cross-encoder, loaded once."""
    return load_cross_encoder()


def test_the_passage_that_answers_is_more_relevant(reader: CrossEncoder) -> None:
    """The passage that answers gets a higher relevance."""
    answers, other = reader.read(QUESTION, [PASSAGE, OTHER])
    assert answers.relevance > other.relevance
    assert reader.name == DEFAULT_CROSS_ENCODER


def test_a_pair_does_not_depend_on_the_others(reader: CrossEncoder) -> None:
    """A pair has the same numbers, to the bit, among any others and on any number of threads."""
    texts = [PASSAGE, OTHER, "", PASSAGE * 8]
    contexts = ["Trade", "", "Nothing", "Trade › Exports"]
    alone = [
        load_cross_encoder(threads=1).read(QUESTION, [text], [context])[0]
        for text, context in zip(texts, contexts, strict=True)
    ]
    assert reader.read(QUESTION, texts, contexts) == alone
    assert reader.read(QUESTION, texts[::-1], contexts[::-1]) == alone[::-1]


def test_context_is_read(reader: CrossEncoder) -> None:
    """What stands in front of a text counts for its relevance."""
    text = "They came to 146.9 billion in 2021."
    without, within = reader.read(QUESTION, [text, text], ["", "Exports to Germany"])
    assert within.relevance > without.relevance


def test_any_length(reader: CrossEncoder) -> None:
    """A question of 100,000 characters and a text of a megabyte are read up to the limit of the model."""
    readings = reader.read("why " * 25_000, ["word " * 200_000, "\ud800", ""], ["title " * 1000, "", ""])
    assert len(readings) == 3
    assert all(np.isfinite(reading.relevance) for reading in readings)


def test_no_texts(reader: CrossEncoder) -> None:
    """No texts give no readings."""
    assert reader.read(QUESTION, []) == []


def test_a_reading_that_nobody_wants_is_left(reader: CrossEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts whose reading has begun are read to their end, and no others. The next question is read as usual."""
    read: list[str] = []
    read_one = OnnxCrossEncoder._read_one

    def count(self: OnnxCrossEncoder, question: list[int], context: str, text: str) -> Reading:
        read.append(text)
        return read_one(self, question, context, text)

    monkeypatch.setattr(OnnxCrossEncoder, "_read_one", count)
    with pytest.raises(NotWantedError):
        reader.read(QUESTION, [PASSAGE] * 50, wanted=lambda: len(read) < 3)
    assert 3 <= len(read) <= 3 + count_processors()
    assert len(reader.read(QUESTION, [PASSAGE] * 3, wanted=lambda: True)) == 3


def test_contexts_must_match(reader: CrossEncoder) -> None:
    """Each text has a context, or none has."""
    with pytest.raises(ValueError, match="2 texts with 1 contexts"):
        reader.read(QUESTION, [PASSAGE, OTHER], ["one"])


def test_spans_are_in_the_text(reader: CrossEncoder) -> None:
    """Spans count in the text alone, best first, in whole words, and do not overlap."""
    if not reader.finds_spans:
        pytest.skip("the default cross-encoder finds no spans")
    for context in ["", "Trade of the Federal Republic › Exports to Germany"]:
        reading = reader.read(QUESTION, [PASSAGE], [context])[0]
        assert reading.no_answer is not None
        assert 1 <= len(reading.spans) <= 5
        scores = [span.score for span in reading.spans]
        assert scores == sorted(scores, reverse=True)
        for span in reading.spans:
            assert 0 <= span.start < span.end <= len(PASSAGE)
        assert "146.9" in PASSAGE[reading.spans[0].start : reading.spans[0].end]


def test_empty_text_has_no_spans(reader: CrossEncoder) -> None:
    """An empty text cannot hold an answer."""
    assert reader.read(QUESTION, [""])[0].spans == ()


_tokens = st.lists(
    st.tuples(st.integers(-40, 40), st.integers(-40, 40), st.booleans()),
    max_size=45,
)


@settings(max_examples=150, deadline=None)
@given(tokens=_tokens)
def test_best_spans_are_the_best(tokens: list[tuple[int, int, bool]]) -> None:
    """The first span has the highest sum of all allowed ones. Spans are whole words and share none."""
    starts = np.array([start / 4 for start, _, _ in tokens], dtype=np.float32)
    ends = np.array([end / 4 for _, end, _ in tokens], dtype=np.float32)
    words = np.cumsum([begins for _, _, begins in tokens]).tolist()
    found = _find_spans(starts, ends, words)
    allowed = [float(starts[i] + ends[j]) for i in range(len(words)) for j in range(i, min(i + 30, len(words)))]
    assert bool(found) == bool(allowed)
    assert not found or found[0][2] == max(allowed)
    assert [score for _, _, score in found] == sorted((score for _, _, score in found), reverse=True)
    taken: set[int] = set()
    for start, end, score in found:
        assert score in allowed
        covered = set(words[start : end + 1])
        assert [number for number, word in enumerate(words) if word in covered] == list(range(start, end + 1))
        assert taken.isdisjoint(covered)
        taken |= covered


def test_spans_by_hand() -> None:
    """With starts 5 1 0 and ends 0 4 2, the best is tokens 0-1 with 5 + 4, then token 2 with 0 + 2. Tokens 0-2 with 7
    overlap."""
    starts, ends = np.array([5, 1, 0], dtype=np.float32), np.array([0, 4, 2], dtype=np.float32)
    assert _find_spans(starts, ends, [0, 1, 2]) == [(0, 1, 9.0), (2, 2, 2.0)]


def test_a_span_inside_a_word_is_the_word() -> None:
    """Tokens 0 and 1 are pieces of one word. If the model begins at the second, the span begins at the first."""
    starts, ends = np.array([0, 5, 0], dtype=np.float32), np.array([0, 0, 4], dtype=np.float32)
    assert _find_spans(starts, ends, [0, 0, 1]) == [(0, 2, 9.0)]
