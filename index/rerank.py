"""Cross-encoders: a question and a passage read together, for relevance and, where the model can, answer spans."""

from __future__ import annotations

from collections.abc import Sequence

from index.models import DEFAULT_READER, OnnxModel, find_builtin, is_builtin
from index.onnx_runtime import OnnxSession, WordPieces
from index.types import Reader, Reading

_MAX_TOKENS = 512
_QUESTION_TOKENS = 96
_CONTEXT_TOKENS = 64
"""Of a title and headings; what is beyond would take room from the text."""


def load_reader(name: str | None = None, *, threads: int | None = None) -> Reader:
    """The default cross-encoder, or any Sentence Transformers cross-encoder by name or folder.

    :param threads: processors to use; None is all of them.
    :raises ModelError: where the files are missing, damaged or of an unknown name.
    """
    wanted = name or DEFAULT_READER
    if is_builtin(wanted):
        return OnnxReader(find_builtin(wanted), threads)
    from index.sentence_transformer import CrossEncoderReader

    return CrossEncoderReader(wanted, threads)


class OnnxReader:
    """A cross-encoder that onnxruntime runs. A pair's numbers do not depend on the other pairs."""

    def __init__(self, model: OnnxModel, threads: int | None = None) -> None:
        """:raises ModelError: where the files cannot be loaded."""
        self._model = model
        self._tokens = WordPieces(model.tokenizer)
        self._session = OnnxSession(model, threads)

    @property
    def name(self) -> str:
        """The model as the user named it."""
        return self._model.name

    @property
    def finds_spans(self) -> bool:
        """True where readings have spans."""
        return "start_logits" in self._session.outputs

    def read(
        self, question: str, texts: Sequence[str], contexts: Sequence[str] | None = None
    ) -> list[Reading]:
        """One reading for each text, in order; spans count characters of the text alone."""
        asked = self._tokens.encode(question)[:_QUESTION_TOKENS]
        around = contexts if contexts is not None else [""] * len(texts)
        return [self._read_one(asked, text, context) for text, context in zip(texts, around, strict=True)]

    def _read_one(self, question: list[int], text: str, context: str) -> Reading:
        tokens = self._tokens
        head = [tokens.cls, *question, tokens.sep]
        before = tokens.encode(context)[:_CONTEXT_TOKENS] if context else []
        room = _MAX_TOKENS - len(head) - len(before) - 1
        ids = [*head, *before, *tokens.encode(text)[:room], tokens.sep]
        outputs = self._session.run(ids, second=len(head))
        return Reading(relevance=float(outputs[0].reshape(-1)[0]))
