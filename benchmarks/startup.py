"""What a start costs, against LangChain's own imports: `python -m benchmarks.startup`.

Each line is a process of its own, timed by the CPU it uses up to its end, or for `train` up to its
first call to a server on this machine. The lines take turns, so that all of them see the same
machine; the least of several rounds counts. "Uncompiled" is how many modules were read from source:
0 where bytecode is found.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import psutil

from tests.job import Job, new_server
from tests.standin import StandIn

YARDSTICK = "import langgraph.graph"
CLI = "from training_free_grpo.cli import main; main({})"
STATEMENTS = {
    YARDSTICK: YARDSTICK,
    "import langchain_openai": "import langchain_openai",
    "tfgrpo --version": CLI.format(["--version"]),
    "tfgrpo --help": CLI.format(["--help"]),
    "tfgrpo status RUN": CLI.format(["status", "runs/run"]),
    "import training_free_grpo": "import training_free_grpo",
    "one tool (make_python_tool)": "import training_free_grpo.tools.python_sandbox",
    "the middleware": "from training_free_grpo import ExperienceMiddleware",
}
TRAIN = "tfgrpo train, up to its first call"
COUNT = """
import atexit, os, sys
def count():
    files = [getattr(m, "__cached__", None) for m in list(sys.modules.values())]
    sys.stderr.write(f"\\n{sum(1 for file in files if file and not os.path.exists(file))}")
atexit.register(count)
"""
ROW = "{:<40}{:>10}{:>10}{:>14}"


def run(folder: Path, statement: str) -> float:
    """Run a statement in a fresh Python, and return its CPU seconds."""
    before = os.times()
    command = [sys.executable, "-c", statement]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def train(folder: Path) -> float:
    """Start a training run, and return its CPU seconds up to its first call."""
    with new_server(latency=60) as server, tempfile.TemporaryDirectory(dir=folder) as name:
        process = Job(Path(name), server).start()
        server.wait_for(lambda: bool(server.calls))
        used = psutil.Process(process.pid).cpu_times()
        process.kill()
        process.communicate()
    return float(used.user + used.system)


def uncompiled(folder: Path, statement: str) -> str:
    """Return how many modules that a statement imports have no bytecode."""
    command = [sys.executable, "-c", f"{COUNT}\n{statement}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stderr.rpartition("\n")[2]


def finish_a_run(folder: Path, server: StandIn) -> None:
    """Leave a run for `status` to look at."""
    assert Job(folder, server).here("--limit", "2").exit_code == 0


def main(rounds: int) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as name, new_server() as server:
        folder = Path(name)
        finish_a_run(folder, server)
        lines: Mapping[str, Callable[[], float]] = {
            **{name: partial(run, folder, code) for name, code in STATEMENTS.items()},
            TRAIN: partial(train, folder),
        }
        taken: dict[str, list[float]] = {name: [] for name in lines}
        for _ in range(rounds):
            for name, measure in lines.items():
                taken[name].append(measure())
        whole = min(taken[YARDSTICK])
        print(ROW.format("", "CPU, s", "ratio", "uncompiled"))
        for name, seconds in taken.items():
            source = uncompiled(folder, STATEMENTS[name]) if name in STATEMENTS else ""
            print(ROW.format(name, f"{min(seconds):.2f}", f"{min(seconds) / whole:.2f}", source))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args().rounds)
