"""The time it takes to load a model. Each way runs in a process of its own, in turn:

- `as shipped`: onnxruntime optimises the graph and copies its weights,
- `optimised`: a copy that is optimised already, in one file,
- `mapped`: an optimised copy with its weights in a file of their own, which onnxruntime maps (as `qa` keeps it),
- `tokenizer.json` and `vocabulary`: two ways to the same tokenizer.

    python -m tests.benchmarks.loading [--rounds 7]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from index.models.model_files import DEFAULT_ENCODER, find_builtin

_WEIGHTS = "weights.bin"
_PREAMBLE = "import sys, time, onnxruntime, tokenizers; path = sys.argv[1]; began = time.perf_counter();"
_SESSION = (
    "options = onnxruntime.SessionOptions(); options.intra_op_num_threads = 1;"
    "options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.{level};"
    "onnxruntime.InferenceSession(path, options);"
)
_CLOCK = "print(1000 * (time.perf_counter() - began))"


def main() -> None:
    """Prints the median and the minimum of each way in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    model = find_builtin(DEFAULT_ENCODER)
    with tempfile.TemporaryDirectory() as folder:
        ways = build_ways(model.graph.path, model.vocabulary.path, Path(folder))
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, (code, path) in ways.items():
                command = [sys.executable, "-c", _PREAMBLE + code + _CLOCK, str(path)]
                spent[name].append(float(subprocess.run(command, capture_output=True, check=True).stdout))
    for name, times in spent.items():
        print(f"{name:15} median {statistics.median(times):6.1f} ms, least {min(times):6.1f} ms")


def build_ways(graph: Path, vocabulary: Path, folder: Path) -> dict[str, tuple[str, Path]]:
    """Name of each way -> (the code that the process runs, the file it gets)."""
    return {
        "as shipped": (_SESSION.format(level="ORT_ENABLE_EXTENDED"), graph),
        "optimised": (_SESSION.format(level="ORT_DISABLE_ALL"), write_copy(graph, folder / "one", None)),
        "mapped": (_SESSION.format(level="ORT_DISABLE_ALL"), write_copy(graph, folder / "two", _WEIGHTS)),
        "tokenizer.json": ("tokenizers.Tokenizer.from_file(path);", graph.parent / "tokenizer.json"),
        "vocabulary": ("tokenizers.models.WordPiece.from_file(path);", vocabulary),
    }


def write_copy(graph: Path, folder: Path, weights: str | None) -> Path:
    """Writes an optimised copy, with its weights in a separate file if one is named, and returns its path."""
    import onnxruntime

    folder.mkdir()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / "model.onnx")
    if weights:
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", weights)
        options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    return folder / "model.onnx"


if __name__ == "__main__":
    main()
