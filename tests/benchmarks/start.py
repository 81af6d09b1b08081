"""What a cold `qa ask` spends its time on: when each part begins and ends, in milliseconds from the start of the
process. Medians of several rounds, each in a process of its own.

    python -m tests.benchmarks.start [--docs docs_src] [--rounds 9]

Parts that overlap run side by side, because threads of their own open models and index. For single imports there is
`python -X importtime -m qa ask …`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_QUESTION = "Did China condemn the invasion?"
_CHILD = """
import sys, time
BEGAN = float(sys.argv.pop(1))
SPANS = []

def note(name, began):
    SPANS.append((name, began - BEGAN, time.time() - BEGAN))

def watch(owner, attribute, name):
    inner = getattr(owner, attribute)
    def timed(*arguments, **options):
        began = time.time()
        try:
            return inner(*arguments, **options)
        finally:
            note(name, began)
    setattr(owner, attribute, timed)

note("interpreter", BEGAN)
began = time.time()
import qa.cli
note("command line", began)
began = time.time()
import qa.answerer
note("answerer's modules", began)
began = time.time()
import numpy
note("numpy", began)
watch(qa.models, "load_encoder", "encoder, beside")
watch(qa.models, "load_cross_encoder", "cross-encoder, beside")
watch(qa.answerer.Answerer, "_open_existing", "index: faiss, tantivy, SQLite")
watch(qa.answerer.Answerer, "find_changes", "look at the folder")
watch(qa.answerer.Answerer, "_search", "question encoded and searched")
watch(qa.answerer.Answerer, "_read", "passages read")
watch(qa.answerer, "build_answer", "quotes")
leave = qa.cli._leave
def last(code):
    import json
    SPANS.append(("all", 0.0, time.time() - BEGAN))
    print(json.dumps(SPANS), file=sys.stderr)
    leave(code)
qa.cli._leave = last
qa.cli.main()
"""

_SPAWN = """
import subprocess, sys, time
script, docs, question = sys.argv[1:]
command = [sys.executable, script, str(time.time()), "--docs", docs, "ask", "--json", question]
sys.exit(subprocess.run(command, stdout=subprocess.DEVNULL).returncode)
"""
"""Starts the child from a small process, which the system copies faster than a large one."""


def main() -> None:
    """Prints a line for each part, in the order of their beginnings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=Path("docs_src"))
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(_CHILD)
        script.flush()
        measure_start(script.name, arguments.docs)  # makes the index if there is none
        rounds = [measure_start(script.name, arguments.docs) for _ in range(arguments.rounds)]
    for name in rounds[0]:
        begins, ends = (statistics.median(spans[name][place] for spans in rounds) for place in (0, 1))
        print(f"{name:30} {1000 * begins:6.0f} to {1000 * ends:4.0f} ms   {1000 * (ends - begins):5.0f}")


def measure_start(script: str, docs: Path) -> dict[str, tuple[float, float]]:
    """The seconds at which each part began and ended."""
    command = [sys.executable, "-c", _SPAWN, script, str(docs), _QUESTION]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    spans = json.loads(done.stderr.splitlines()[-1])
    return {name: (began, ended) for name, began, ended in sorted(spans, key=lambda span: span[1])}


if __name__ == "__main__":
    main()
