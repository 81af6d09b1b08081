"""Cross-encoders: they read a question and a passage together, for relevance and, if the model is an answer reader, for
answer spans.

A span is a start and an end inside the passage. The spans with the highest sum of logits are compared with the sum at
the first token, which stands for "no answer" (SQuAD 2.0, Devlin et al. 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from index.errors import NotWantedError
from index.models.model_files import DEFAULT_CROSS_ENCODER, find_builtin, is_builtin
from index.models.onnx_runtime import TextModel, Tokens
from index.types import CrossEncoder, Reading, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.models.onnx_runtime import Outputs

_MAX_TOKENS = 512
_QUESTION_TOKENS = 96
_CONTEXT_TOKENS = 64
"""Tokens of the title and headings. More would leave less room for the text."""
_SPANS = 5
_SPAN_TOKENS = 30


def load_cross_encoder(name: str | None = None, *, threads: int | None = None) -> CrossEncoder:
    """The default cross-encoder, or any Sentence Transformers cross-encoder by name or folder.

    :param threads: processors to use; None means all.
    :raises ModelError: if the name is unknown, or files are missing or damaged.
    """
    wanted = name or DEFAULT_CROSS_ENCODER
    if is_builtin(wanted):
        return OnnxCrossEncoder(find_builtin(wanted), threads)
    from index.models.sentence_transformer import SentenceTransformersCrossEncoder

    return SentenceTransformersCrossEncoder(wanted, threads)


class OnnxCrossEncoder(TextModel):
    """A cross-encoder that onnxruntime runs. The numbers of a pair do not depend on the other pairs."""

    @property
    def finds_spans(self) -> bool:
        """True if the graph has logits of starts and ends."""
        return "start_logits" in self._session.outputs

    def read(
        self,
        question: str,
        texts: Sequence[str],
        contexts: Sequence[str] | None = None,
        *,
        wanted: Callable[[], bool] | None = None,
    ) -> list[Reading]:
        """One reading for each text, in order. Spans count characters of the text alone.

        The model reads 96 tokens of the question, 64 of a context, and of a text as many as then fit into 512.

        :param wanted: called before each text. Once it returns False, texts that are being read are read to their end,
            and no other.
        :raises ValueError: if the numbers of contexts and texts differ.
        :raises NotWantedError: if `wanted` returned False.
        """
        around = list(contexts) if contexts is not None else [""] * len(texts)
        if len(around) != len(texts):
            raise ValueError(f"{len(texts)} texts with {len(around)} contexts")
        asked = self._tokens.encode(question)[:_QUESTION_TOKENS]
        readings: dict[int, Reading] = {}

        def read(number: int) -> None:
            if wanted is not None and not wanted():
                raise NotWantedError
            readings[number] = self._read_one(asked, around[number], texts[number])

        self._run_each(read, texts)
        return [readings[number] for number in range(len(texts))]

    def _read_one(self, question: list[int], context: str, text: str) -> Reading:
        head = [self._tokens.cls, *question, self._tokens.sep]
        # With a full stop, as the answer reader saw it in training.
        before = self._tokens.encode(f"{context}.")[:_CONTEXT_TOKENS] if context else []
        first = len(head) + len(before)
        tokens = self._tokens.encode_with_offsets(text)
        ids = [*head, *before, *tokens.ids[: _MAX_TOKENS - first - 1], self._tokens.sep]
        outputs = self._session.run(ids, second=len(head))
        if not self.finds_spans:
            return Reading(relevance=float(outputs["logits"].item()))
        return _build_reading(outputs, tokens, first)


def _build_reading(outputs: Outputs, tokens: Tokens, first: int) -> Reading:
    """:param first: index of the first token of the text in the sequence. The text ends before the last token."""
    starts, ends = outputs["start_logits"][0], outputs["end_logits"][0]
    spans = _find_spans(starts[first:-1], ends[first:-1], tokens.words)
    return Reading(
        relevance=float(outputs["relevance"].item()),
        spans=tuple(Span(tokens.offsets[i][0], tokens.offsets[j][1], score) for i, j, score in spans),
        no_answer=float(outputs["no_answer"].item() if "no_answer" in outputs else starts[0] + ends[0]),
    )


def _find_spans(
    starts: NDArray[np.float32], ends: NDArray[np.float32], words: Sequence[int]
) -> list[tuple[int, int, float]]:
    """The best spans, best first, as (first token, last token, score). They are whole words, and no two share a word.

    :param starts: (n,) logits for each token as the first of an answer.
    :param ends: (n,) logits for each token as the last of an answer.
    :param words: for each token, the number of the word that it is a piece of; at least n numbers.
    """
    import numpy as np

    count = len(starts)
    # scores[k, i] is the span from token i to token i + k.
    scores = np.full((min(_SPAN_TOKENS, count), count), -np.inf, dtype=np.float32)
    for longer in range(len(scores)):
        scores[longer, : count - longer] = starts[: count - longer] + ends[longer:]
    found: list[tuple[int, int, float]] = []
    while scores.size and len(found) < _SPANS:
        longer, start = (int(number) for number in np.unravel_index(scores.argmax(), scores.shape))
        score = float(scores[longer, start])
        if score == -np.inf:
            break
        start, end = _widen(start, start + longer, words[:count])
        found.append((start, end, score))
        for row in range(len(scores)):
            scores[row, max(0, start - row) : end + 1] = -np.inf
    return found


def _widen(start: int, end: int, words: Sequence[int]) -> tuple[int, int]:
    """The range of tokens, widened to whole words, because a model may begin or end inside a word."""
    while start > 0 and words[start - 1] == words[start]:
        start -= 1
    while end + 1 < len(words) and words[end + 1] == words[end]:
        end += 1
    return start, end
