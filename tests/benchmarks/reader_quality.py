"""Measures an answer reader's file against the original cross-encoder: spans, 'no answer', ranking, time.

    python -m tests.benchmarks.reader_quality                      the shipped file, 300 questions of each set
    python -m tests.benchmarks.reader_quality --model FILE --limit 1500 --only spans

Prints a line of JSON for each set. Questions and documents are those of ../shared/eval, or of QA_SHARED. Both models
rank the same candidates, the twenty best paragraphs by TF-IDF.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from index.text.sentences import split_sentences
from tests.benchmarks.reader_training.judge import Case, Logits, Read, auroc, figures, load_cases, read_cases
from tests.benchmarks.reader_training.model import find_wheel_folder
from tests.benchmarks.reader_training.train import load_tokenizer, second_text

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("QA_SHARED", ROOT.parent / "shared"))
NAMES = ("input_ids", "attention_mask", "token_type_ids")
DEPTH = 20


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Opens the file as `qa` does: one thread per run, layer norms separate from their residual."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, disabled_optimizers=["SkipLayerNormFusion"])


class Model:
    """A session as the judge needs it: each pair alone, two side by side."""

    def __init__(self, path: Path) -> None:
        self._session = open_session(path)
        self._pool = ThreadPoolExecutor(2)
        self.reads = "start_logits" in {output.name for output in self._session.get_outputs()}

    def relevance(self, arrays: Sequence[NDArray[np.int64]]) -> list[float]:
        """The relevance of each (3, L) pair."""
        return [float(out[0].ravel()[0]) for out in self._pool.map(self._one, arrays)]

    def _one(self, pair: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        return self._session.run(None, {name: pair[place : place + 1] for place, name in enumerate(NAMES)})

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64], segments: NDArray[np.int64]) -> Logits:
        """Runs a batch without its padding, so that the logits of a pair are those it has alone."""
        sizes = mask.sum(1)
        pairs = [np.stack([ids[n, :s], mask[n, :s], segments[n, :s]]) for n, s in enumerate(sizes)]
        outputs = list(self._pool.map(self._one, pairs))
        starts, ends = (np.full(ids.shape, -1e4, np.float32) for _ in range(2))
        for row, (size, output) in enumerate(zip(sizes, outputs, strict=True)):
            starts[row, :size], ends[row, :size] = output[1][0], output[2][0]
        relevance, none = (np.array([output[place][0] for output in outputs]) for place in (0, 3))
        return relevance, starts, ends, none


def holds_answer(case: Case, read: Read) -> bool:
    """True if the sentence of the best span has the words of a labelled answer."""
    for start, end in split_sentences(case.passage):
        if start <= read.start < end:
            text = case.passage[start : max(end, read.end)].lower()
            return any(answer.lower() in text for answer in case.answers)
    return False


def measure_spans(model: Model, tokenizer: Tokenizer, name: str, limit: int) -> dict[str, object]:
    """Figures of a model that gets the right paragraph, with its title and without."""
    cases = sample(load_cases(SHARED / "eval" / name), limit)
    bare = [Case(case.question, "", case.passage, case.answers) for case in cases]
    row: dict[str, object] = {"set": name, "measure": "paragraph given"}
    for label, group in (("titled", cases), ("bare", bare)):
        reads = read_cases(model, tokenizer, group)
        held = [holds_answer(case, read) for case, read in zip(group, reads, strict=True) if case.answers]
        row[label] = {**figures(group, reads), "sentence_holds": round(float(np.mean(held)), 4)}
    return row


def sample(items: Sequence, limit: int) -> list:
    """An evenly spaced sample, so that no document is favoured."""
    step = max(1.0, len(items) / limit)
    return [items[int(place * step)] for place in range(min(limit, len(items)))]


@dataclass(frozen=True, slots=True)
class Search:
    """A question with its candidates, the best by TF-IDF first."""

    question: str
    answerable: bool
    places: list[tuple[str, int]]
    texts: list[tuple[str, str]]
    """(title, paragraph)"""
    labelled: frozenset[tuple[str, int]]


def load_searches(name: str, limit: int) -> list[Search]:
    """The questions of a set whose labels name paragraphs, each with the paragraphs that share most words with it."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    folder = SHARED / "eval" / name
    places, texts = [], []
    for path in sorted((folder / "docs").glob("*.txt")):
        blocks = path.read_text("utf-8", "replace").split("\n\n")
        for number, block in enumerate(blocks[1:], 1):
            places.append((path.name, number))
            texts.append((blocks[0].strip(), block.strip()))
    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english", ngram_range=(1, 2))
    matrix = vectorizer.fit_transform([f"{title}. {text}" for title, text in texts])
    searches = []
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]
    for row in sample(rows, limit):
        scores = (vectorizer.transform([row["question"]]) @ matrix.T).toarray()[0]
        best = np.argsort(-scores, kind="stable")[:DEPTH]
        labelled = frozenset((label["doc"], label["paragraph"]) for label in row["relevant"])
        searches.append(
            Search(row["question"], row["answerable"], [places[b] for b in best], [texts[b] for b in best], labelled)
        )
    return searches


def hit_and_mrr(searches: Sequence[Search], scores: Sequence[Sequence[float]]) -> dict[str, float]:
    """hit@1 and MRR@10 of the answerable questions, with the candidates in the order of `scores`."""
    hits, ranks = [], []
    for search, row in zip(searches, scores, strict=True):
        if not search.labelled:
            continue
        order = np.argsort(-np.asarray(row), kind="stable")
        found = [rank for rank, place in enumerate(order[:10], 1) if search.places[place] in search.labelled]
        hits.append(bool(found) and found[0] == 1)
        ranks.append(1 / found[0] if found else 0.0)
    return {"hit@1": round(float(np.mean(hits)), 4), "mrr@10": round(float(np.mean(ranks)), 4)}


def measure_ranking(reader: Model, original: Model, tokenizer: Tokenizer, name: str, limit: int) -> dict[str, object]:
    """Ranking by the relevance and the margin of the answer reader, and by the original. Refusal by the best margin."""
    searches = load_searches(name, limit)
    ours, theirs, margins = [], [], []
    for search in searches:
        cases = [Case(search.question, title, text, ()) for title, text in search.texts]
        reads = read_cases(reader, tokenizer, cases)
        ours.append([read.relevance for read in reads])
        margins.append([read.margin for read in reads])
        theirs.append(original.relevance(encode(tokenizer, cases)))
    blended = [list(np.add(a, np.multiply(0.3, b))) for a, b in zip(ours, margins, strict=True)]
    row: dict[str, object] = {"set": name, "measure": "twenty candidates ranked", "questions": len(searches)}
    for label, scores in (("original", theirs), ("reader", ours), ("margin", margins), ("reader+.3margin", blended)):
        row[label] = hit_and_mrr(searches, scores)
    if any(not search.answerable for search in searches):
        row["auroc"] = refusal_figures(searches, {"original": theirs, "reader": ours, "margin": margins})
        row["auroc"]["margin_of_first"] = refusal_of_first(searches, blended, margins)
    return row


def encode(tokenizer: Tokenizer, cases: Sequence[Case]) -> list[NDArray[np.int64]]:
    """Each case as a (3, L) array."""
    texts = [(case.question, second_text(case.context, case.passage)[0]) for case in cases]
    return [np.array([e.ids, e.attention_mask, e.type_ids], np.int64) for e in tokenizer.encode_batch(texts)]


def refusal_figures(searches: Sequence[Search], kinds: dict[str, list[list[float]]]) -> dict[str, float]:
    """AUROC of the best score of each question, answerable against unanswerable."""
    return {
        label: round(
            auroc(
                [max(row) for search, row in zip(searches, scores, strict=True) if search.answerable],
                [max(row) for search, row in zip(searches, scores, strict=True) if not search.answerable],
            ),
            4,
        )
        for label, scores in kinds.items()
    }


def refusal_of_first(
    searches: Sequence[Search], order: Sequence[Sequence[float]], margins: Sequence[Sequence[float]]
) -> float:
    """AUROC of the margin of the first candidate."""
    first = [row[int(np.argmax(by))] for by, row in zip(order, margins, strict=True)]
    yes = [margin for search, margin in zip(searches, first, strict=True) if search.answerable]
    return round(auroc(yes, [m for search, m in zip(searches, first, strict=True) if not search.answerable]), 4)


def measure_time(paths: dict[str, Path]) -> dict[str, object]:
    """Milliseconds of processor time for a pair on one thread (the best of nine, in turn) and for opening the file."""
    generator = np.random.default_rng(0)
    row: dict[str, object] = {"measure": "processor ms a pair, one thread"}
    opened = {}
    for label, path in paths.items():
        began = time.perf_counter()
        opened[label] = open_session(path)
        row[f"{label} opened, ms"] = round((time.perf_counter() - began) * 1000)
    for length in (120, 300):
        ids = generator.integers(1000, 20000, (1, length))
        feed = dict(zip(NAMES, (ids, np.ones_like(ids), (np.arange(length) > 14).astype(np.int64)[None]), strict=True))
        best = dict.fromkeys(paths, float("inf"))
        for _ in range(9):
            for label, session in opened.items():
                began = time.thread_time()
                session.run(None, feed)
                best[label] = min(best[label], time.thread_time() - began)
        row[f"{length} tokens"] = {label: round(seconds * 1000, 1) for label, seconds in best.items()}
    return row


def main() -> int:
    """Prints the chosen measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "index" / "data" / "reader" / "model.onnx")
    parser.add_argument("--limit", type=int, default=300, help="questions of a set")
    parser.add_argument("--only", choices=("spans", "ranking", "time"))
    parser.add_argument("--sets", default="xquad-en,squad2-dev,news-dev,covidqa", help="of the ranking")
    options = parser.parse_args()
    original = find_wheel_folder() / "model.onnx"
    reader, tokenizer = Model(options.model), load_tokenizer(find_wheel_folder())
    if options.only in (None, "spans"):
        for name in ("squad2-dev", "xquad-en"):
            print(json.dumps(measure_spans(reader, tokenizer, name, options.limit)), flush=True)
    if options.only in (None, "ranking"):
        for name in options.sets.split(","):
            print(json.dumps(measure_ranking(reader, Model(original), tokenizer, name, options.limit)), flush=True)
    if options.only in (None, "time"):
        print(json.dumps(measure_time({"original": original, "reader": options.model})), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
