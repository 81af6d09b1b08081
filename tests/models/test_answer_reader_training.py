"""The pairs that the answer reader is trained on, and the file it becomes."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="training needs `pip install qa[train]`")
pytest.importorskip("sklearn", reason="training needs `pip install qa[train]`")

from tests.benchmarks.reader_training.data import PairMaker, find_spans, load_corpus, split_sentences
from tests.benchmarks.reader_training.judge import Case, auroc, best_span, figures, read_cases
from tests.benchmarks.reader_training.model import find_wheel_folder
from tests.benchmarks.reader_training.train import load_tokenizer, second_text, token_spans
from tests.helpers.places import ROOT

SHIPPED = ROOT / "index" / "models" / "data" / "answer_reader" / "model.onnx"
PASSAGES = {
    "Tides.txt": [
        "The tide mill at Eling was rebuilt in 1785 by John Chandler. It ground wheat until 1946. In 1975 it was "
        "bought by the council of New Forest. Robert Hale restored it by 1980.",
        "Woodbridge has a tide mill from 1170. It was owned by the Augustinian priory, and later by Henry VIII.",
    ],
    "Kites.txt": ["Kites were first flown in China. Marco Polo described them in 1282. They were made of silk."],
}
QUESTIONS = [
    ("Who rebuilt the mill at Eling in 1785?", ["John Chandler"], 0),
    ("Who restored the tide mill first?", ["Robert Hale"], 0),
    ("When was the mill at Woodbridge bought by the council of New Forest?", [], 1),
    ("Who described kites in 1282?", ["Marco Polo"], 2),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Training data of three paragraphs, in the form of ../shared/train."""
    for source in ("squad11", "squad2"):
        place = tmp_path / source
        place.mkdir()
        texts = [(article, text) for article, several in PASSAGES.items() for text in several]
        rows = [{"id": number, "article": a, "text": t} for number, (a, t) in enumerate(texts)]
        asked = [{"question": q, "answers": a, "paragraph": p} for q, a, p in QUESTIONS]
        (place / "paragraphs.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
        (place / "questions.jsonl").write_text("\n".join(map(json.dumps, asked)), "utf-8")
    return tmp_path


def test_evaluated_paragraphs_are_left_out(folder: Path) -> None:
    """A paragraph that an evaluation set asks about is not trained on, nor are its questions."""
    corpus = load_corpus(folder, frozenset({PASSAGES["Kites.txt"][0]}))
    assert len(corpus.passages) == 4
    assert all("kite" not in question.text.lower() for question in corpus.questions)


def test_spans_of_made_pairs_are_answers(folder: Path) -> None:
    """After any change or cut, a labelled span is the words of an answer, and a pair without a span holds no labelled
    answer."""
    maker = PairMaker(load_corpus(folder, frozenset()), seed=1, synthetic=4.0)
    pairs = [pair for number in range(20) for pair in maker.epoch(number)]
    assert {"real", "trap", "elsewhere", "swapped", "reversed", "removed", "unlabelled"} <= {p.kind for p in pairs}
    answers = {answer for _, several, _ in QUESTIONS for answer in several}
    for pair in pairs:
        for start, end in pair.spans:
            assert pair.passage[start:end] in answers or pair.question not in {q for q, _, _ in QUESTIONS}
        if pair.kind == "removed":
            labelled = next(several for question, several, _ in QUESTIONS if question == pair.question)
            assert not find_spans(pair.passage, tuple(labelled))


def test_the_same_seed_gives_the_same_pairs(folder: Path) -> None:
    """An epoch can be drawn again."""
    corpus = load_corpus(folder, frozenset())
    assert PairMaker(corpus, seed=3).epoch(1) == PairMaker(corpus, seed=3).epoch(1)
    assert PairMaker(corpus, seed=3).epoch(1) != PairMaker(corpus, seed=4).epoch(1)


def test_sentences_joined_give_the_passage() -> None:
    """Cutting a passage into sentences loses nothing."""
    for texts in PASSAGES.values():
        for text in texts:
            assert "".join(split_sentences(text)) == text


def test_token_spans_lead_back_to_the_words() -> None:
    """A label in characters and its tokens name the same words, with a title in front and without."""
    tokenizer = load_tokenizer(find_wheel_folder())
    passage = PASSAGES["Tides.txt"][0]
    for context in ("", "Tides of England"):
        second, offset = second_text(context, passage)
        encoding = tokenizer.encode("Who rebuilt it?", second)
        ((first, last),) = token_spans(encoding, find_spans(passage, ("John Chandler",)), offset)
        size = len(encoding.ids)
        start, end = np.zeros(size), np.zeros(size)
        start[first] = end[last] = 9.0
        left, right, score = best_span(encoding, start, end, offset)
        assert (passage[left:right], score) == ("John Chandler", 18.0)


def test_auroc_counts_pairs() -> None:
    """AUROC is 1 if every positive is above, and .5 for ties."""
    assert auroc([3.0, 2.0], [1.0, 0.0]) == 1.0
    assert auroc([1.0], [1.0]) == 0.5
    values = [random.Random(0).random() for _ in range(9)]
    assert auroc(values, values) == pytest.approx(0.5)


@pytest.mark.skipif(not SHIPPED.exists(), reason="the reader's weights are not in this copy")
def test_shipped_reader_finds_and_declines() -> None:
    """The shipped file names the words that answer, and sees that a similar question has no answer in the passage."""
    from tests.benchmarks.reader_quality import Model

    passage = PASSAGES["Tides.txt"][0]
    cases = [
        Case("Who rebuilt the tide mill at Eling?", "Tide mills", passage, ("John Chandler",)),
        Case("When was the tide mill bought by the council?", "", passage, ("1975",)),
        Case("Who painted the tide mill at Eling?", "Tide mills", passage, ()),
        Case("When were kites first flown in China?", "", passage, ()),
    ]
    reads = read_cases(Model(SHIPPED), load_tokenizer(find_wheel_folder()), cases)
    assert figures(cases, reads)["em"] == 1.0
    assert min(read.margin for read in reads[:2]) > max(read.margin for read in reads[2:])
    assert reads[3].relevance < min(read.relevance for read in reads[:3])
