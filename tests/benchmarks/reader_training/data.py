"""Training pairs for the answer reader: real questions, and questions or passages changed so that the answer is gone.

Only 1,326 of the real questions, from eight articles, are unanswerable in their paragraph. The others are made: with
another paragraph of the article, with another name, number or year in the question, with an antonym or a negation, or
without the sentence that answers. Every change that could be recognised as one has a harmless twin (the same swap in
both question and passage, or another sentence left out), so that the change as such says nothing.

There are also pairs without any label, which only imitate the relevance of the original: joined questions, and
sentences used as questions, because the questions of other folders are longer than these.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

HELD_OUT = frozenset({"Jacksonville_Florida.txt", "Geology.txt", "Pharmacy.txt"})
"""Articles that are not trained on, to measure the confidence and what is chosen by hand."""
MAX_SPANS = 12
_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
_NAME = re.compile(r"(?:[A-Z][\w’'-]+)(?:\s+(?:of|the|de|von|van|and)?\s*[A-Z][\w’'-]+)*")
_YEAR = re.compile(r"\b1[0-9]{3}s?\b|\b20[0-9]{2}s?\b")
_NUMBER = re.compile(r"(?<![\w.,])\d[\d,.]*\d(?!\w)|(?<![\w.,])\d(?![\w.,])")
_WORD = re.compile(r"\w+")
_ASKING = frozenset(
    """what who whom whose when where which why how in on at of for to from by during after before about is are was
    were do does did the a an and or name along according besides under with as if many much can could would has have
    had""".split()
)
_ANTONYMS = """first/last highest/lowest largest/smallest most/least before/after increase/decrease increased/decreased
more/less more/fewer won/lost early/late earliest/latest north/south northern/southern east/west eastern/western
began/ended begin/end start/end started/stopped above/below inside/outside joined/left win/lose same/different
strong/weak high/low higher/lower larger/smaller bigger/smaller longest/shortest old/new older/younger oldest/youngest
rich/poor major/minor male/female men/women good/bad best/worst support/oppose supported/opposed accepted/rejected
allowed/forbidden public/private positive/negative modern/ancient upper/lower common/rare always/never built/destroyed
created/destroyed buy/sell bought/sold open/close opened/closed import/export arrived/departed gained/lost
success/failure successful/unsuccessful majority/minority maximum/minimum legal/illegal similar/opposite fast/slow
faster/slower easy/difficult internal/external direct/indirect near/far father/mother brother/sister king/queen
son/daughter cause/prevent caused/prevented known/unknown important/unimportant popular/unpopular""".split()
_NEGATIONS = {
    "did": "didn't", "does": "doesn't", "do": "don't", "is": "isn't", "was": "wasn't", "are": "aren't",
    "were": "weren't", "can": "can't", "has": "hasn't", "had": "never had", "would": "wouldn't",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """A labelled question about one paragraph of the training data."""

    text: str
    answers: tuple[str, ...]
    """Empty if the paragraph does not answer."""
    paragraph: int
    """Index into `Corpus.passages`."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One example that the model is trained on."""

    question: str
    context: str
    """Title in front of the passage; empty if there is none."""
    passage: str
    spans: tuple[tuple[int, int], ...]
    """Half-open character ranges of the passage that answer; empty if there is no answer."""
    relevant: float | None
    """1.0 for the labelled paragraph, 0.0 for a paragraph from elsewhere, None if relevance has no label."""
    kind: str


@dataclass(slots=True)
class Corpus:
    """Paragraphs and questions, with everything that the changes draw from."""

    passages: list[str] = field(default_factory=list)
    articles: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    names: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Article -> kind of name -> the names that occur in it, sorted."""


def load_evaluated(folder: Path) -> frozenset[str]:
    """Every paragraph in the documents of every evaluation set.

    684 of squad2-dev's 771 answerable questions, and 211 of xquad-en's, stand in the training files word for word. A
    model trained on them would be measured on what it has seen.
    """
    blocks = set()
    for path in sorted(folder.glob("*/docs/*.txt")):
        blocks.update(block.strip() for block in path.read_text("utf-8", "replace").split("\n\n"))
    return frozenset(blocks)


def load_corpus(folder: Path, evaluated: frozenset[str], *, held_out: bool = False) -> Corpus:
    """Both training sets without the paragraphs in `evaluated`.

    :param held_out: True loads only the held-out articles, False only the others.
    """
    corpus = Corpus()
    for source in ("squad11", "squad2"):
        places = {}
        for line in (folder / source / "paragraphs.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            if (row["article"] in HELD_OUT) == held_out and row["text"].strip() not in evaluated:
                places[row["id"]] = len(corpus.passages)
                corpus.passages.append(row["text"])
                corpus.articles.append(row["article"])
        for line in (folder / source / "questions.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            if row["paragraph"] in places:
                place = places[row["paragraph"]]
                corpus.questions.append(Question(row["question"].strip(), tuple(row["answers"]), place))
    corpus.names = _names_by_article(corpus)
    return corpus


def title_of(article: str) -> str:
    """'1973_oil_crisis.txt' -> '1973 oil crisis'."""
    return article.removesuffix(".txt").replace("_", " ")


def find_entities(text: str) -> list[tuple[str, str]]:
    """Years, numbers and capitalised names in order, as (kind, words). Question words are not names."""
    found = [("year", match.group()) for match in _YEAR.finditer(text)]
    years = {surface for _, surface in found}
    found += [("number", match.group()) for match in _NUMBER.finditer(text) if match.group() not in years]
    for match in _NAME.finditer(text):
        words = match.group().split()
        while words and words[0].lower() in _ASKING:
            words = words[1:]
        if words and len(" ".join(words)) > 2:
            found.append((f"name{min(len(words), 2)}", " ".join(words)))
    return found


def _names_by_article(corpus: Corpus) -> dict[str, dict[str, list[str]]]:
    sets: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for article, passage in zip(corpus.articles, corpus.passages, strict=True):
        for sentence in _SENTENCE.split(passage):
            # The first word of a sentence is always capitalised.
            for kind, surface in find_entities(sentence.partition(" ")[2]):
                sets[article][kind].add(surface)
    return {article: {kind: sorted(names) for kind, names in kinds.items()} for article, kinds in sets.items()}


def find_spans(passage: str, answers: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """All places where one of the answers stands as whole words, because the labels do not say which one is meant."""
    spans = set()
    for answer in answers:
        pattern = re.escape(answer.strip())
        for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", passage):
            spans.add(match.span())
        if not spans and answer.strip() in passage:
            start = passage.index(answer.strip())
            spans.add((start, start + len(answer.strip())))
    return tuple(sorted(spans)[:MAX_SPANS])


def split_sentences(passage: str) -> list[str]:
    """The sentences of a passage. Joined, they give the passage."""
    cuts = [0, *(match.end() for match in _SENTENCE.finditer(passage)), len(passage)]
    return [passage[a:b] for a, b in pairwise(cuts) if b > a]


def nearest_passages(corpus: Corpus, depth: int = 30) -> np.ndarray:
    """(questions, depth) int64: for each question, the other paragraphs nearest to it by TF-IDF over words and pairs of
    words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    titled = [f"{title_of(a)}. {p}" for a, p in zip(corpus.articles, corpus.passages, strict=True)]
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), stop_words="english")
    passages = vectorizer.fit_transform(titled)
    questions = vectorizer.transform([question.text for question in corpus.questions])
    rows = []
    for start in range(0, questions.shape[0], 512):
        scores = (questions[start : start + 512] @ passages.T).toarray()
        for row, question in zip(scores, corpus.questions[start : start + 512], strict=True):
            row[question.paragraph] = -1
        rows.append(np.argsort(-scores, axis=1, kind="stable")[:, :depth])
    return np.concatenate(rows)


def _nearest_sentence(question: str, passage: str) -> tuple[int, int]:
    """The range of the sentence that shares the most words with the question."""
    wanted = {word.lower() for word in _WORD.findall(question)} - _ASKING
    best, start = (-1, 0, 0), 0
    for sentence in split_sentences(passage):
        shared = len(wanted & {word.lower() for word in _WORD.findall(sentence)})
        best = max(best, (shared, -start, start + len(sentence.rstrip())))
        start += len(sentence)
    return -best[1], best[2]


class PairMaker:
    """Draws the pairs of one epoch. The same seed gives the same pairs."""

    def __init__(self, corpus: Corpus, seed: int, *, synthetic: float = 1.0) -> None:
        self._corpus = corpus
        self._near = nearest_passages(corpus)
        self._seed = seed
        self._synthetic = synthetic
        """Scales how often a question is changed. With 0 only real questions are left."""

    def epoch(self, number: int) -> list[Pair]:
        """All pairs of an epoch, in the order of the questions."""
        chance = random.Random(self._seed * 1000 + number)
        pairs = []
        for place, question in enumerate(self._corpus.questions):
            pairs += self._pairs(question, self._near[place], chance)
            if chance.random() < 0.2:
                pairs.append(self._unlabelled(place, chance))
        return pairs

    def _unlabelled(self, place: int, chance: random.Random) -> Pair:
        """A text longer than a question, with a paragraph that it may or may not be about."""
        corpus, question = self._corpus, self._corpus.questions[place]
        if chance.random() < 0.6:
            other = corpus.questions[(place + chance.choice((1, 2, 3, 5, 40))) % len(corpus.questions)]
            text = f"{question.text.rstrip('?')}, and {other.text[:1].lower()}{other.text[1:]}"
        else:
            text = chance.choice(split_sentences(corpus.passages[question.paragraph])).strip()
        paragraph = question.paragraph if chance.random() < 0.3 else int(chance.choice(self._near[place][:12]))
        pair = self._pair(text, paragraph, (), "unlabelled", chance)
        around = (_nearest_sentence(text, pair.passage),)
        return replace(self._cropped(replace(pair, spans=around), chance), spans=(), relevant=None)

    def _pairs(self, question: Question, near: np.ndarray, chance: random.Random) -> list[Pair]:
        spans = find_spans(self._corpus.passages[question.paragraph], question.answers)
        real = self._pair(question.text, question.paragraph, spans, "real", chance)
        if not question.answers:
            # The hard kind is rare, so it comes twice: whole, and with only what stands around its nearest sentence.
            again = self._pair(question.text, question.paragraph, (), "real", chance)
            around = (_nearest_sentence(question.text, again.passage),)
            part = replace(self._cropped(replace(again, spans=around), chance), spans=())
            return [replace(pair, relevant=None, kind="trap") for pair in (real, part)]
        if not spans:
            return []
        pairs = [self._cropped(real, chance)]
        if chance.random() < 0.33:
            pairs.append(self._elsewhere(question, near, chance))
        for make, share in self._changes():
            if chance.random() < share * self._synthetic:
                base = self._cropped(real, chance)
                changed = make(base, self._corpus.articles[question.paragraph], chance)
                if changed is not None:
                    pairs.append(changed)
        return pairs

    def _changes(self) -> tuple[tuple, ...]:
        return (
            (self._swap_in_question, 0.22),
            (self._reverse_question, 0.12),
            (self._without_answer, 0.10),
            (self._swap_in_passage, 0.08),
            (self._swap_in_both, 0.08),
        )

    def _pair(
        self, question: str, paragraph: int, spans: tuple[tuple[int, int], ...], kind: str, chance: random.Random
    ) -> Pair:
        context = title_of(self._corpus.articles[paragraph]) if chance.random() < 0.5 else ""
        relevant = 0.0 if kind == "elsewhere" else 1.0
        return Pair(question, context, self._corpus.passages[paragraph], spans, relevant, kind)

    def _elsewhere(self, question: Question, near: np.ndarray, chance: random.Random) -> Pair:
        """Usually one of the nearest paragraphs that does not hold the words of the answer, else any paragraph."""
        corpus = self._corpus
        answers = [answer.lower() for answer in question.answers]
        fit = [int(p) for p in near if not any(answer in corpus.passages[p].lower() for answer in answers)]
        if fit and chance.random() < 0.85:
            # Geometric, so that the nearest, which is the most useful, is the most frequent.
            place = fit[min(int(chance.expovariate(0.5)), len(fit) - 1)]
        else:
            place = chance.randrange(len(corpus.passages))
        pair = self._pair(question.text, place, (), "elsewhere", chance)
        around = (_nearest_sentence(question.text, pair.passage),)
        return replace(self._cropped(replace(pair, spans=around), chance), spans=())

    def _cropped(self, pair: Pair, chance: random.Random) -> Pair:
        """Often without some sentences far from the answer, because passages in news are short and short passages take
        less time."""
        if chance.random() > 0.65:
            return pair
        sentences = split_sentences(pair.passage)
        if len(sentences) < 3:
            return pair
        start, end = chance.choice(pair.spans)
        ends = np.cumsum([len(sentence) for sentence in sentences])
        first = int(np.searchsorted(ends, start, side="right"))
        last = int(np.searchsorted(ends, end, side="left"))
        last = min(last, len(sentences) - 1)
        low = max(chance.randint(0, first), first - 2)
        high = min(chance.randint(last, len(sentences) - 1), last + 2)
        offset = int(ends[low - 1]) if low else 0
        passage = pair.passage[offset : int(ends[high])].rstrip()
        spans = tuple((a - offset, b - offset) for a, b in pair.spans if a >= offset and b <= offset + len(passage))
        return replace(pair, passage=passage, spans=spans) if spans else pair

    def _without_answer(self, pair: Pair, article: str, chance: random.Random) -> Pair | None:
        """Leaves out every sentence with an answer or, half of the time, another sentence as the twin."""
        sentences = split_sentences(pair.passage)
        ends = np.cumsum([len(sentence) for sentence in sentences])
        holding = {
            number
            for start, end in pair.spans
            for number in range(int(np.searchsorted(ends, start, "right")), int(np.searchsorted(ends, end, "left")) + 1)
        }
        if len(holding) > 2 or len(sentences) - len(holding) < 2:
            return None
        if chance.random() < 0.3:
            drop = {chance.choice([number for number in range(len(sentences)) if number not in holding])}
            passage = "".join(s for number, s in enumerate(sentences) if number not in drop).strip()
            answers = tuple({pair.passage[a:b] for a, b in pair.spans})
            return replace(pair, passage=passage, spans=find_spans(passage, answers), kind="shortened")
        passage = "".join(s for number, s in enumerate(sentences) if number not in holding).strip()
        return replace(pair, passage=passage, spans=(), relevant=None, kind="removed")

    def _swap(self, pair: Pair, article: str, chance: random.Random) -> tuple[str, str] | None:
        """A name, number or year of the question that stands in the passage, and another one of its kind."""
        there = [(kind, surface) for kind, surface in find_entities(pair.question) if surface in pair.passage]
        answers = " ".join(pair.passage[a:b] for a, b in pair.spans)
        chance.shuffle(there)
        for kind, surface in there:
            options = [
                name
                for name in self._corpus.names.get(article, {}).get(kind, ())
                if name not in pair.question and surface not in name and name not in surface and name not in answers
            ]
            if options:
                local = [name for name in options if name in pair.passage]
                # People who write traps take a name from the same passage.
                return surface, chance.choice(local if local and chance.random() < 0.6 else options)
        return None

    def _swap_in_question(self, pair: Pair, article: str, chance: random.Random) -> Pair | None:
        swap = self._swap(pair, article, chance)
        if swap is None:
            return None
        question = pair.question.replace(*swap)
        return replace(pair, question=question, spans=(), relevant=None, kind="swapped")

    def _swap_in_passage(self, pair: Pair, article: str, chance: random.Random) -> Pair | None:
        swap = self._swap(pair, article, chance)
        if swap is None or swap[0] in pair.context:
            return None
        passage = pair.passage.replace(*swap)
        return replace(pair, passage=passage, spans=(), relevant=None, kind="swapped")

    def _swap_in_both(self, pair: Pair, article: str, chance: random.Random) -> Pair | None:
        """The twin of the swap: question and passage still agree."""
        swap = self._swap(pair, article, chance)
        if swap is None or swap[0] in pair.context or swap[1] in pair.passage:
            return None
        answers = tuple({pair.passage[a:b].replace(*swap) for a, b in pair.spans})
        passage = pair.passage.replace(*swap)
        spans = find_spans(passage, answers)
        return replace(pair, question=pair.question.replace(*swap), passage=passage, spans=spans) if spans else None

    def _reverse_question(self, pair: Pair, article: str, chance: random.Random) -> Pair | None:
        question = _with_antonym(pair.question, chance) or _negated(pair.question, chance)
        if question is None:
            return None
        return replace(pair, question=question, spans=(), relevant=None, kind="reversed")


def _with_antonym(question: str, chance: random.Random) -> str | None:
    """The question with one word turned into its opposite; None if it has no such word."""
    words = {word.lower() for word in _WORD.findall(question)}
    options = []
    for entry in _ANTONYMS:
        one, other = entry.split("/")
        if one in words and other not in words:
            options.append((one, other))
        elif other in words and one not in words:
            options.append((other, one))
    if not options:
        return None
    old, new = chance.choice(options)
    return re.sub(rf"\b{old}\b", new, question, count=1, flags=re.IGNORECASE)


def _negated(question: str, chance: random.Random) -> str | None:
    """The question with its first auxiliary negated, one time in three, because this trap is frequent but shallow."""
    if chance.random() > 0.34:
        return None
    for word in question.split():
        if word in _NEGATIONS:
            return re.sub(rf"\b{word}\b", _NEGATIONS[word], question, count=1)
    return None
