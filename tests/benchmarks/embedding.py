"""Embedding throughput in one run, over the same paragraphs:

- `qa`: the default encoder (bge-small-en-v1.5, 12 layers, int8),
- `loop`: the same model file in a straightforward onnxruntime loop (batches of 32, unsorted, padded),
- `st`: Sentence Transformers' `encode` of all-MiniLM-L6-v2 (6 layers, float32).

    python -m tests.benchmarks.embedding [--docs FOLDER] [--count 2000] [--seed 7] [--layouts]

`--layouts` adds two other ways to run the same model: `sorted` (batches of 8 sorted by length) and `inside` (one text
per run as in `qa`, but with all threads inside the run).

Paragraphs are made from a seed or read from a folder. The contenders take turns on slices of the paragraphs, in a
rotating order, so that other work of the machine affects all of them. Ratios are those of the sums over the slices.
"""

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from index.models.encoder import load_encoder
from index.models.model_files import DEFAULT_ENCODER, find_builtin

_SLICE = 250
_BATCH = 32
_MAX_TOKENS = 512
_ZIPF = 0.9

Embed = Callable[[list[str]], np.ndarray]


def main() -> None:
    """Prints paragraphs per second and two ratios."""
    options = parse_options()
    texts = load_texts(options.docs) if options.docs else make_texts(options.count, options.seed)
    texts = texts[: options.count]
    encoder = load_encoder()
    contenders: dict[str, Embed] = {"qa": encoder.encode_passages, "loop": load_loop(), "st": load_minilm()}
    if options.layouts:
        contenders |= {"sorted": load_loop(batch=8, by_length=True), "inside": load_loop(batch=1)}
    for embed in contenders.values():  # the first call of each is slower than the others
        embed(texts[:8])
    tokens = sum(encoder.count_tokens(texts))
    print(f"{len(texts)} paragraphs, {tokens / len(texts):.0f} tokens each on average")
    render(measure(contenders, texts), len(texts))
    shifts = np.einsum("nd,nd->n", contenders["loop"](texts[:_BATCH]), encoder.encode_passages(texts[:_BATCH]))
    print(f"cosine of qa's vectors to the loop's, which depend on the batch: {shifts.min():.4f} at least")


def parse_options() -> argparse.Namespace:
    """The source of the paragraphs and their number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, help="folder of text files to read paragraphs from")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--layouts", action="store_true", help="measure two other layouts of the same model as well")
    return parser.parse_args()


def make_texts(count: int, seed: int) -> list[str]:
    """Paragraphs of 20 to 300 words, log-normal around 90. The words are from the model's vocabulary and follow Zipf's
    law."""
    draw = random.Random(seed)
    lines = find_builtin(DEFAULT_ENCODER).vocabulary.path.read_text("utf-8").splitlines()
    words = [word for word in lines if word.isascii() and word.isalpha()][:20_000]
    weights = [1 / (rank + 3) ** _ZIPF for rank in range(len(words))]
    texts = []
    for _ in range(count):
        length = int(min(max(draw.lognormvariate(4.5, 0.5), 20), 300))
        texts.append(" ".join(draw.choices(words, weights, k=length)).capitalize() + ".")
    return texts


def load_texts(docs: Path) -> list[str]:
    """The blocks between blank lines of every text and Markdown file, sorted by file name."""
    files = sorted(path for path in docs.rglob("*") if path.suffix in {".txt", ".md"})
    blocks = [block.strip() for path in files for block in path.read_text("utf-8", errors="replace").split("\n\n")]
    return [block for block in blocks if block]


def load_loop(batch: int = _BATCH, by_length: bool = False) -> Embed:
    """The loop that a tutorial shows, or one with smaller batches, or with texts of similar length in a batch."""
    import onnxruntime
    from tokenizers import Tokenizer

    graph = find_builtin(DEFAULT_ENCODER).graph.path
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(graph.parent / "tokenizer.json"))
    tokenizer.enable_truncation(_MAX_TOKENS)
    tokenizer.enable_padding()

    def embed(texts: list[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda row: len(texts[row])) if by_length else range(len(texts))
        found = np.empty((len(texts), 384), dtype=np.float32)
        for start in range(0, len(texts), batch):
            rows = list(order[start : start + batch])
            encodings = tokenizer.encode_batch([texts[row] for row in rows])
            ids = np.array([one.ids for one in encodings], dtype=np.int64)
            mask = np.array([one.attention_mask for one in encodings], dtype=np.int64)
            feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            vectors = session.run(None, feed)[0][:, 0]
            found[rows] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return found

    return embed


def load_minilm() -> Embed:
    """Sentence Transformers as its documentation shows it first."""
    from sentence_transformers import SentenceTransformer

    from tests.benchmarks.plain import find_model

    model = SentenceTransformer(find_model())
    return lambda texts: model.encode(texts, normalize_embeddings=True)


def measure(contenders: dict[str, Embed], texts: list[str]) -> dict[str, float]:
    """The seconds of each contender over all texts."""
    seconds = dict.fromkeys(contenders, 0.0)
    names = list(contenders)
    for turn, start in enumerate(range(0, len(texts), _SLICE)):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            began = time.perf_counter()
            contenders[name](texts[start : start + _SLICE])
            seconds[name] += time.perf_counter() - began
    return seconds


def render(seconds: dict[str, float], count: int) -> None:
    """Prints the table with the ratios."""
    for name, spent in seconds.items():
        ratio = spent / seconds["qa"]
        print(f"{name:6} {spent:7.1f} s {count / spent:7.1f} paragraphs/s  qa is {ratio:.2f} times as fast")
    print("to reach: 1.5 times the loop, 1.0 times st")


if __name__ == "__main__":
    main()
