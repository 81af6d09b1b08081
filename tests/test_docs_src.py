"""The shipped articles: they hold every figure and fact of the reports they retell, in their own words."""

from __future__ import annotations

import re

import pytest

from tests.helpers.places import ROOT, SHARED

DOCS = ROOT / "docs_src"

FACTS = {
    "china-russia-position.md": [
        "February 2022",
        "5,000 words",
        "almost two years",
        "no limits",
        "China has not condemned the invasion",
        "$800 billion with the European Union",
        "$750 billion with the United States",
        "just under $150 billion with Russia",
        "official Chinese figures",
        "secondary punitive measures",
        "economic threat",
        "diplomatic threat",
        "trade, Taiwan and China's record on human rights",
        "Two US officials told CNN",
        "a Western official and an American diplomat",
        "Russia has asked China for economic and military support",
        "Biden",
        "on Friday",
        "White House",
        "United Nations",
        "solution by diplomacy",
    ],
    "beijing-faults-nato.txt": [
        "9 March 2022",
        "8 March 2022",
        "Zhao Lijian, spokesman of China's foreign ministry",
        "breaking point",
        "5 million yuan, or $791,540",
        "Red Cross",
        "daily necessities",
        "William Burns, the director of the CIA",
        "unsettled",
        "almost two weeks old",
        "up to 4,000 Russian soldiers",
        "Pentagon",
        "since 2012",
        "Central Asia",
        "Far East of Russia",
        "Li Xin",
        "Shanghai University of Political Science and Law",
        "Mark Williams, the chief Asia economist of Capital Economics",
        "China's trade with Russia grew to $146.9 billion in 2021",
        "under a tenth of the $1.6 trillion",
        "second-largest economy in the world",
        "since 2014",
        "Crimea",
        "purchases of Russian gas, worth billions of dollars",
    ],
}
LONGEST_SHARED_RUN = 8
"""Number of words. A name alone ("the Shanghai University of Political Science and Law") has eight."""


def find_words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9$]+", text.lower())


def find_runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = find_words(text)
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def test_two_articles_one_of_each_kind() -> None:
    """The folder holds one Markdown article, one plain text article, and nothing else."""
    assert {path.name for path in DOCS.iterdir()} == set(FACTS)


@pytest.mark.parametrize(("name", "fact"), [(name, fact) for name, facts in FACTS.items() for fact in facts])
def test_every_fact_is_there(name: str, fact: str) -> None:
    """Each figure, date, name and claim of the reports stands in the article that retells it."""
    assert fact in " ".join((DOCS / name).read_text(encoding="utf-8").split())


def test_markdown_has_headings_and_a_numbered_list() -> None:
    """The Markdown article shows what the extractor of Markdown is for."""
    text = (DOCS / "china-russia-position.md").read_text(encoding="utf-8")
    assert re.findall(r"^#{1,6} ", text, re.MULTILINE)[:2] == ["# ", "## "]
    assert re.findall(r"^(\d)\. ", text, re.MULTILINE) == ["1", "2"]


def test_plain_text_is_a_title_and_paragraphs() -> None:
    """The plain text article is a title line and paragraphs of one line each, with blank lines between them."""
    blocks = (DOCS / "beijing-faults-nato.txt").read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    assert len(blocks) > 10
    assert all(block and "\n" not in block for block in blocks)
    assert not blocks[0].endswith(".")


def test_no_wording_is_carried_over() -> None:
    """No nine words in a row stand both here and in the reports, and quotations became reported speech."""
    reports = sorted((SHARED / "articles").glob("*.txt"))
    if not reports:
        pytest.skip(f"the reports are not at {SHARED / 'articles'}")
    original = set().union(*(find_runs(p.read_text(encoding="utf-8"), LONGEST_SHARED_RUN + 1) for p in reports))
    for path in DOCS.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not find_runs(text, LONGEST_SHARED_RUN + 1) & original
        assert not re.search('["“”]', text)
