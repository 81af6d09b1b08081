"""What an index answers, in a form in which two indexes can be compared: nothing depends on their history."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from index.search import search_candidates
from index.storage import records
from index.storage.snapshot import Snapshot, open_snapshot
from index.types import Encoder, StoredParagraph


def open_existing(folder: Path) -> Snapshot:
    """Opens the newest generation of an index that exists."""
    snapshot = open_snapshot(folder)
    assert snapshot is not None
    return snapshot


def load_units(snapshot: Snapshot, path: str) -> list[StoredParagraph]:
    """All paragraphs of an article in order, including boilerplate."""
    article = records.find_article(snapshot.database, path)
    assert article is not None
    return records.load_paragraphs_of(snapshot.database, article.article_id)


def view_articles(snapshot: Snapshot) -> list[tuple[object, ...]]:
    """Every article with its text, its marks and its paragraphs."""
    view: list[tuple[object, ...]] = []
    for article in list(snapshot.list_articles()):
        found = snapshot.load_article(article.path)
        assert found is not None
        units = tuple(stored.paragraph for stored in load_units(snapshot, article.path))
        view.append(
            (article.path, article.title, article.date, article.characters, article.paragraphs, found[1], units)
        )
    return view


def view_answers(snapshot: Snapshot, encoder: Encoder, questions: Iterable[str], depth: int = 5) -> list[object]:
    """For each question, the candidates in order: where they stand, their text, and all their scores to the bit."""
    view: list[object] = []
    for question in questions:
        candidates = search_candidates(snapshot, question, encoder.encode_questions([question])[0], depth=depth)
        stored = snapshot.load_paragraphs([one.paragraph_id for one in candidates])
        view.append(
            [
                (one.path, one.paragraph, candidate.dense, candidate.lexical, candidate.fused)
                for one, candidate in zip(stored, candidates, strict=True)
            ]
        )
    return view
