"""Speed, measured in one run on one machine, so that ratios mean something.

    python -m tests.benchmarks.speed [--docs DIR] [--rounds 7] [--questions FILE.jsonl] [--only cold,warm,throughput]

- `cold`: whole processes that answer one question, with the index on disk: `qa ask` with and without reranking, the
  plain script (plain.py), txtai and bm25s if they are installed (others.py; `pip install txtai bm25s`), `qa --help`,
  and an interpreter that does nothing. They take turns in a rotating order, so that other work of the machine affects
  all of them. Prints medians, peak memory and the ratio of medians.
- `warm`: one more question in an open answerer, with and without reranking, and by stage.
- `throughput`: questions per second of one `qa ask --jsonl -`, and paragraphs per second of a first `qa index`.

Prints only; asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLAIN = Path(__file__).with_name("plain.py")
OTHERS = Path(__file__).with_name("others.py")
QA = str(Path(sys.executable).with_name("qa"))
TO_REACH = 12
QUESTIONS = (
    "Did China condemn the invasion?",
    "How large was China's trade with Russia in 2021?",
    "Who accused NATO of pushing Russia to a breaking point?",
    "What could happen to Chinese companies that help Russia?",
    "When did Xi and Putin meet in Beijing?",
    "How long was the joint statement?",
    "How much aid does the Chinese Red Cross send to Ukraine?",
    "What is the population of Brazil?",
)


@dataclass(slots=True)
class Contender:
    """A command that answers one question in a process of its own."""

    name: str
    command: list[str]
    answers: bool = True
    """False if the output has no answer to look for."""
    seconds: list[float] = field(default_factory=list)
    megabytes: float = 0.0
    """Peak resident memory over all rounds."""

    def run(self) -> None:
        """Runs one round.

        :raises SystemExit: if the command fails, because the time of a failure means nothing.
        """
        began = time.perf_counter()
        process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
        assert process.stdout is not None
        with process.stdout:
            output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds.append(time.perf_counter() - began)
        process.returncode = os.waitstatus_to_exitcode(status)
        # Without reranking, an answer may be declined (1), but it was looked for all the same.
        if process.returncode not in (0, 1) or (self.answers and not output):
            raise SystemExit(f"{' '.join(self.command)} ended with {process.returncode}")
        self.megabytes = max(self.megabytes, usage.ru_maxrss / 1024)

    @property
    def median(self) -> float:
        """Median seconds of a round."""
        return statistics.median(self.seconds)


def measure_cold(docs: Path, scratch: Path, rounds: int) -> None:
    """Measures whole processes in turn."""
    question = QUESTIONS[0]
    subprocess.run([sys.executable, str(PLAIN), "build", str(docs), str(scratch / "plain")], check=True)
    tools = [tool for tool in ("txtai", "bm25s") if find_spec(tool) is not None]
    for tool in tools:
        subprocess.run([sys.executable, str(OTHERS), tool, "build", str(docs), str(scratch / tool)], check=True)
    contenders = [
        Contender("qa ask", [QA, "--docs", str(docs), "ask", question]),
        Contender("qa ask, no reranking", [QA, "--docs", str(docs), "--reranker", "none", "ask", question]),
        Contender("plain script", [sys.executable, str(PLAIN), "ask", str(scratch / "plain"), question]),
        *(Contender(tool, [sys.executable, str(OTHERS), tool, "ask", str(scratch / tool), question]) for tool in tools),
        Contender("qa --help", [QA, "--help"]),
        Contender("python -c pass", [sys.executable, "-c", "pass"], answers=False),
    ]
    for one in contenders:  # fills the caches of the system and builds the index
        one.run()
        one.seconds.clear()
    for turn in range(rounds):
        for place in range(len(contenders)):
            contenders[(turn + place) % len(contenders)].run()
    print(f"\ncold: whole process, median of {rounds} rounds in turn")
    for one in contenders:
        spread = f"{min(one.seconds):.3f} to {max(one.seconds):.3f}"
        print(f"  {one.name:<22} {one.median:7.3f} s   ({spread})   {one.megabytes:5.0f} MB")
    first = contenders[0]
    for one in contenders[2 : 3 + len(tools)]:
        reach = f" (to reach: {TO_REACH})" if one.name == "plain script" else ""
        print(f"  qa ask is {one.median / first.median:.1f} times as fast as {one.name}{reach}")


def measure_warm(docs: Path, questions: Sequence[str], rounds: int) -> None:
    """Measures one more question in an open answerer."""
    from qa.answerer import open_answerer
    from qa.settings import Settings

    print(f"\nwarm: {len(questions)} questions, {rounds} times, answerer open")
    for name, reranker in (("with reranking", None), ("without", "none")):
        answerer = open_answerer(Settings(docs=docs, reranker=reranker))
        answerer.ask(questions[0])  # pays for loading the models
        times: list[float] = []
        stages: dict[str, list[float]] = {}
        for _ in range(rounds):
            for question in questions:
                began = time.perf_counter()
                answer = answerer.ask(question)
                times.append((time.perf_counter() - began) * 1000)
                for stage, spent in answer.timings_ms.items():
                    stages.setdefault(stage, []).append(spent)
        answerer.close()
        high = statistics.quantiles(times, n=20)[-1]
        parts = ", ".join(f"{stage} {statistics.median(spent):.0f}" for stage, spent in stages.items())
        print(f"  {name:<15} median {statistics.median(times):5.0f} ms, 95th percentile {high:5.0f} ms   ({parts})")


def measure_throughput(docs: Path, questions: Sequence[str], scratch: Path, rounds: int) -> None:
    """Measures many questions through one process, and a first index of the folder."""
    asked = list(questions) * rounds
    command = [QA, "--docs", str(docs), "ask", "--jsonl", "-"]
    began = time.perf_counter()
    done = subprocess.run(command, input="\n".join(asked), capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    answers = done.stdout.splitlines()
    if len(answers) != len(asked):
        raise SystemExit(f"asked {len(asked)}, got {len(answers)} answers: {done.stderr}")
    print(f"\nthroughput\n  qa ask --jsonl -    {len(asked) / seconds:7.1f} questions/s, {len(asked)} in one process")
    fresh = scratch / "fresh"
    shutil.copytree(docs, fresh)
    began = time.perf_counter()
    subprocess.run([QA, "--docs", str(fresh), "index"], check=True, capture_output=True)
    seconds = time.perf_counter() - began
    paragraphs = json.loads(answers[0])["index"]["paragraphs"]
    print(f"  qa index, first time {paragraphs / seconds:6.1f} paragraphs/s, {paragraphs} in {seconds:.2f} s, all told")


def load_questions(path: Path | None) -> list[str]:
    """The questions of a JSONL file, or else a few about the articles that come with the project."""
    if path is None:
        return list(QUESTIONS)
    return [json.loads(line)["question"] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def main() -> None:
    """Measures on a copy of the articles, so that nothing is left beside them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=ROOT / "docs_src")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--only", default="cold,warm,throughput")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qa-speed-") as folder:
        scratch = Path(folder)
        docs = scratch / "docs"
        shutil.copytree(options.docs, docs)
        questions = load_questions(options.questions)
        parts: dict[str, Callable[[], None]] = {
            "cold": lambda: measure_cold(docs, scratch, options.rounds),
            "warm": lambda: measure_warm(docs, questions, options.rounds),
            "throughput": lambda: measure_throughput(docs, questions, scratch, options.rounds),
        }
        for name in options.only.split(","):
            parts[name]()


if __name__ == "__main__":
    main()
