"""Candidates: both engines propose, every score is exact, and every filter is inside the search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.engines.bm25 import CorpusFigures, score_bm25, weigh_terms
from index.search import fuse, search_candidates
from index.storage.snapshot import Snapshot
from index.types import Candidate
from index.updating.build import refresh
from tests.helpers.hash_encoder import HashEncoder
from tests.helpers.index_views import open_existing

ENCODER = HashEncoder()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """Forty articles of three paragraphs, with some words in few of them and some in all."""
    docs = tmp_path_factory.mktemp("search") / "docs"
    docs.mkdir()
    for number in range(40):
        parts = [f"Harbour {number} has word{number} and ferries, part {part}." for part in range(3)]
        (docs / f"{number:02}.txt").write_text("\n\n".join(parts))
    refresh(docs, docs.parent / "index", lambda: ENCODER)
    with open_existing(docs.parent / "index") as opened:
        yield opened


def ask(snapshot: Snapshot, question: str, **options: object) -> list[Candidate]:
    """The candidates for a question and its own vector."""
    return search_candidates(snapshot, question, ENCODER.encode_questions([question])[0], **options)  # type: ignore[arg-type]


def paths(snapshot: Snapshot, candidates: list[Candidate]) -> list[str]:
    """The paths of the articles, in order."""
    return [one.path for one in snapshot.load_paragraphs([found.paragraph_id for found in candidates])]


def test_every_candidate_has_both_scores_exactly(snapshot: Snapshot) -> None:
    """The cosine is that of the stored vector, whichever engine proposed the paragraph. A text without a common word
    has a BM25 of 0."""
    question = "word7 somewhere"
    candidates = ask(snapshot, question, depth=10)
    vector = ENCODER.encode_questions([question])[0]
    ids, stored = snapshot.load_vectors([one.paragraph_id for one in candidates])
    exact = dict(zip(ids.tolist(), stored @ vector, strict=True))
    for one in candidates:
        assert one.dense == pytest.approx(exact[one.paragraph_id], abs=1e-6)
        text = snapshot.load_paragraphs([one.paragraph_id])[0].paragraph.text
        assert one.lexical is not None
        assert (one.lexical > 0) == ("word7" in text.split())
    assert len({one.paragraph_id for one in candidates}) == len(candidates)
    assert [one.fused for one in candidates] == sorted((one.fused for one in candidates), reverse=True)


def test_a_rare_word_is_found_among_all(snapshot: Snapshot) -> None:
    """The three paragraphs with the word come first."""
    assert paths(snapshot, ask(snapshot, "Which harbour has word23?"))[:3] == ["23.txt"] * 3


def test_a_filter_leaves_only_what_it_allows(snapshot: Snapshot) -> None:
    """As many as wanted are found inside, even if others fit better. Unknown paths allow nothing."""
    found = paths(snapshot, ask(snapshot, "word23 ferries", within={"01.txt", "02.txt", "none.txt"}))
    assert sorted(found) == ["01.txt"] * 3 + ["02.txt"] * 3
    assert ask(snapshot, "word23", within={"none.txt"}) == []
    assert ask(snapshot, "word23", within=set()) == []


@pytest.mark.parametrize(
    "question", ["", "?", "the of", "\0", "body:* AND (", "\ud800", "x" * 100_000, "word1 " * 20_000]
)
def test_no_question_breaks_the_search(snapshot: Snapshot, question: str) -> None:
    """Every question has nearest paragraphs, whatever characters it has."""
    assert len(ask(snapshot, question, depth=5)) >= 5


def test_depth_bounds_the_candidates(snapshot: Snapshot) -> None:
    """There are at most twice as many candidates as the depth, and at least as many as the depth if there are that
    many."""
    assert 5 <= len(ask(snapshot, "ferries", depth=5)) <= 10
    assert len(ask(snapshot, "ferries", depth=500)) == snapshot.info.paragraphs


def test_equal_paragraphs_are_ordered_by_where_they_stand(tmp_path: Path) -> None:
    """Of many paragraphs with the same text, the first by path come first."""
    docs = tmp_path / "docs"
    docs.mkdir()
    long = "The ferries of the harbour leave every hour " * 8
    for number in range(300):
        (docs / f"{number:03}.txt").write_text(long)
    refresh(docs, tmp_path / "index", lambda: HashEncoder(max_tokens=400))
    with open_existing(tmp_path / "index") as opened:
        assert paths(opened, ask(opened, "ferries", depth=5)) == [f"{number:03}.txt" for number in range(5)]


def test_each_half_proposes_fifty(snapshot: Snapshot) -> None:
    """Unless another depth is chosen, a question without a known word has the fifty nearest, and any other up to a
    hundred."""
    assert len(ask(snapshot, "zzz")) == 50
    assert 50 < len(ask(snapshot, "zzz ferries")) <= 100


@pytest.mark.parametrize(("lead", "first"), [(0.03, 1), (0.05, 0)])
def test_two_points_of_bm25_outweigh_a_cosine_of_three_hundredths(lead: float, first: int) -> None:
    """Each point counts .02, so two of them count more than the .03 by which the other paragraph leads."""
    near, worded = Candidate(0, 0.5 + lead, 8.0, 0.0), Candidate(1, 0.5, 10.0, 0.0)
    fused = fuse([near, worded])
    assert fused[0].paragraph_id == first
    assert {one.paragraph_id: one.fused for one in fused}[1] == pytest.approx(0.7)


def test_bm25_has_the_constants_that_were_chosen() -> None:
    """k1 is .9 and b is .4. By hand: idf = ln(1 + 1.5/1.5), a text of 4 terms against a mean of 3, so a word that
    occurs once counts 1.9 / (1 + .9 * (.6 + .4 * 4/3)), and one that occurs twice 2 * 1.9 / (2 + …)."""
    texts = ["one red house there", "red red house there"]
    once, twice = score_bm25({"red": 1.0}, texts, {"red": 1}, CorpusFigures(2, 6))
    assert once.bm25 == pytest.approx(np.log(2) * 1.9 / 2.02)
    assert twice.bm25 == pytest.approx(np.log(2) * 3.8 / 3.02)


def test_stop_words_are_scored() -> None:
    """'The Who' is found by both of its words, though neither is searched for."""
    terms = weigh_terms("Did The Who play?")
    assert terms == dict.fromkeys(("did", "the", "who", "play"), 1.0)
    frequencies = dict.fromkeys(terms, 1)
    named, other = score_bm25(terms, ["The Who play", "They may play"], frequencies, CorpusFigures(9, 27))
    assert named.bm25 > other.bm25
    assert (named.coverage, other.coverage) == (0.75, 0.25)


def test_stop_words_are_scored_and_not_searched_for(snapshot: Snapshot) -> None:
    """All paragraphs hold 'has', which counts in each. A paragraph that holds no other word is not found by its
    words."""
    candidates = ask(snapshot, "has word7", depth=5)
    assert all(one.lexical and one.coverage for one in candidates)
    nowhere = -ENCODER.encode_questions(["Harbour 0 has word0 and ferries"])[0]
    found = paths(snapshot, search_candidates(snapshot, "has word7", nowhere, depth=5))
    assert found.count("07.txt") == 3
    assert "00.txt" not in found


def test_twice_as_many_are_looked_at_as_are_kept(tmp_path: Path) -> None:
    """tantivy rounds a length of 43 words to 42, so it takes the first of the two paragraphs. The exact score prefers
    the shorter one."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for name, words in (("a.txt", 43), ("b.txt", 42)):
        (docs / name).write_text(" ".join(["zebra", *["filler"] * (words - 1)]))
    refresh(docs, tmp_path / "index", lambda: HashEncoder(max_tokens=400))
    with open_existing(tmp_path / "index") as opened:
        nowhere = np.zeros(ENCODER.dimension, dtype=np.float32)
        found = search_candidates(opened, "zebra", nowhere, depth=1)
        assert paths(opened, found) == ["b.txt", "a.txt"]


def test_words_of_the_context_count_by_its_weight() -> None:
    """A word that the question has too counts in full. With a weight of 0 the context counts for nothing."""
    assert weigh_terms("its height", "height of towers", 0.3) == {"it": 1.0, "height": 1.0, "of": 0.3, "tower": 0.3}
    assert weigh_terms("its height", "height of towers", 0.0) == {"it": 1.0, "height": 1.0}


def test_a_question_leans_on_its_context(snapshot: Snapshot) -> None:
    """Of paragraphs that fit the question equally well, those with words of its context come first."""
    nowhere = np.zeros(ENCODER.dimension, dtype=np.float32)
    for weight, first in ((0.3, "23.txt"), (0.0, "00.txt")):
        found = search_candidates(snapshot, "ferries", nowhere, context="word23", context_weight=weight)
        assert paths(snapshot, found)[:3] == [first] * 3


scores = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(scores, scores), max_size=20, unique=True))
def test_better_in_both_is_never_behind(pairs: list[tuple[float, float]]) -> None:
    """Fusing keeps every order on which both engines agree."""
    candidates = [Candidate(number, dense, 10 * lexical, 0.0) for number, (dense, lexical) in enumerate(pairs)]
    fused = fuse(candidates)
    assert sorted(one.paragraph_id for one in fused) == list(range(len(pairs)))
    for place, one in enumerate(fused):
        for behind in fused[place + 1 :]:
            assert not (behind.dense > one.dense and behind.lexical > one.lexical)  # type: ignore[operator]
    assert np.all(np.diff([one.fused for one in fused]) <= 0)
