"""Figures of an answer reader on labelled pairs: exact match, F1, and how well it recognises 'no answer' (AUROC)."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from tests.benchmarks.reader_training.data import Corpus, title_of
from tests.benchmarks.reader_training.train import second_text

LONGEST = 30
"""Largest number of tokens of an answer; .5% of the labelled answers are longer."""
Logits = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""relevance (n,), start (n, L), end (n, L), no_answer (n,)."""
RunBatch = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], Logits]


@dataclass(frozen=True, slots=True)
class Case:
    """A question with the passage that it was written about."""

    question: str
    context: str
    passage: str
    answers: tuple[str, ...]
    """Empty if the passage does not answer."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the answer reader found in one case."""

    relevance: float
    start: int
    end: int
    """Half-open range of characters of the passage."""
    score: float
    no_answer: float

    @property
    def margin(self) -> float:
        """Score of the best span minus that of 'no answer'; above 0 if the passage answers."""
        return self.score - self.no_answer


def load_cases(folder: Path, limit: int | None = None) -> list[Case]:
    """The questions of an evaluation set, each with the paragraph that it was written about."""
    cases = []
    for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()[:limit]:
        row = json.loads(line)
        place = row["relevant"][0] if row["relevant"] else row.get("written_on")
        if place is None or place["paragraph"] is None:
            continue
        blocks = (folder / "docs" / place["doc"]).read_text("utf-8").split("\n\n")
        answers = tuple(row["answers"]) if row["answerable"] else ()
        cases.append(Case(row["question"], blocks[0].strip(), blocks[place["paragraph"]].strip(), answers))
    return cases


def held_out_cases(corpus: Corpus) -> list[Case]:
    """The held-out training questions as cases."""
    return [
        Case(q.text, title_of(corpus.articles[q.paragraph]), corpus.passages[q.paragraph], q.answers)
        for q in corpus.questions
    ]


def best_span(encoding: Encoding, start: np.ndarray, end: np.ndarray, offset: int) -> tuple[int, int, float]:
    """The likeliest span of the passage, as (first character, last character + 1, start + end logit)."""
    allowed = [
        place
        for place, (part, (first, _)) in enumerate(zip(encoding.sequence_ids, encoding.offsets, strict=True))
        if part == 1 and first >= offset
    ]
    if not allowed:
        return 0, 0, -1e4
    low, high = allowed[0], allowed[-1] + 1
    scores = start[low:high, None] + end[None, low:high]
    scores = np.where(np.tri(high - low, k=-1, dtype=bool), -1e4, scores)
    distance = np.arange(high - low)[None, :] - np.arange(high - low)[:, None]
    scores = np.where(distance >= LONGEST, -1e4, scores)
    first, last = np.unravel_index(int(scores.argmax()), scores.shape)
    places = encoding.offsets
    return places[low + first][0] - offset, places[low + last][1] - offset, float(scores[first, last])


def read_cases(run: RunBatch, tokenizer: Tokenizer, cases: Sequence[Case], size: int = 8) -> list[Read]:
    """Reads every case, in batches of similar length."""
    seconds = [second_text(case.context, case.passage) for case in cases]
    encodings = tokenizer.encode_batch([(case.question, text) for case, (text, _) in zip(cases, seconds, strict=True)])
    order = sorted(range(len(cases)), key=lambda place: len(encodings[place].ids))
    reads: list[Read | None] = [None] * len(cases)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        relevance, starts, ends, none = run(*_arrays([encodings[row] for row in rows]))
        for place, row in enumerate(rows):
            span = best_span(encodings[row], starts[place], ends[place], seconds[row][1])
            reads[row] = Read(float(relevance[place]), *span, float(none[place]))
    return [read for read in reads if read is not None]


def _arrays(encodings: Sequence[Encoding]) -> NDArray[np.int64]:
    length = max(len(encoding.ids) for encoding in encodings)
    arrays = np.zeros((3, len(encodings), length), np.int64)
    for row, encoding in enumerate(encodings):
        size = len(encoding.ids)
        arrays[0, row, :size], arrays[1, row, :size], arrays[2, row, :size] = encoding.ids, 1, encoding.type_ids
    return arrays


def normalised(text: str) -> str:
    """An answer as SQuAD compares it: in lower case, without punctuation, 'a', 'an', 'the' and double spaces."""
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def overlap(guess: str, answer: str) -> float:
    """F1 of the words of two answers."""
    ours, theirs = normalised(guess).split(), normalised(answer).split()
    same = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * same / (len(ours) + len(theirs)) if same else 0.0


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Probability that a positive scores above a negative; a tie counts half."""
    if not positive or not negative:
        return float("nan")
    ordered = np.sort(np.asarray(negative))
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.mean() / 2 / len(ordered))


def figures(cases: Sequence[Case], reads: Sequence[Read]) -> dict[str, float]:
    """EM and F1 of the best span in the answerable cases; AUROC of the margin, and of relevance for comparison, in
    all."""
    answerable = [(case, read) for case, read in zip(cases, reads, strict=True) if case.answers]
    others = [read for case, read in zip(cases, reads, strict=True) if not case.answers]
    guesses = [(case.passage[read.start : read.end], case.answers) for case, read in answerable]
    exact = [max(normalised(g) == normalised(a) for a in answers) for g, answers in guesses]
    partly = [max(overlap(g, a) for a in answers) for g, answers in guesses]
    result = {"n": len(cases), "em": float(np.mean(exact)), "f1": float(np.mean(partly))}
    if others:
        result["auroc"] = auroc([r.margin for _, r in answerable], [r.margin for r in others])
        result["auroc_relevance"] = auroc([r.relevance for _, r in answerable], [r.relevance for r in others])
    return {name: round(value, 4) for name, value in result.items()}
