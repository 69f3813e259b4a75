"""What a second machine is worth: rollouts whose time goes into programs, on one worker and on two.

A worker's machine is here one processor of this one: its Ray node, its sandbox and their programs
are bound to it, and it has one rollout at a time. The driver is free to run anywhere, so that with
two workers it is in their way.

    python -m benchmarks.scaling [--rollouts 20] [--repeats 5]
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from langchain_core.messages import AIMessage, AnyMessage

from training_free_grpo.executors import Cluster
from training_free_grpo.records import Event, Problem
from training_free_grpo.rollouts.load_agent import load_agent
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings
from training_free_grpo.tools.python_sandbox import PythonSandbox

_PORT = 26379
_PROGRAM = "print(sum(n * n % 7 for n in range(5_500_000)))"
"""Half a second on an idle processor."""


def main() -> None:
    """Measure in turns, for what else the machine does changes, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    took: dict[int, list[float]] = {1: [], 2: []}
    with cluster(max(took)) as address:
        for _ in range(options.repeats):
            for workers, seconds in took.items():
                seconds.append(asyncio.run(measure(address, workers, options.rollouts)))
                load = os.getloadavg()[0]
                print(f"{workers} workers: {seconds[-1]:.2f} s; load of the machine {load:.1f}")
    for name, pick in (("best", min), ("median", median)):
        one, two = pick(took[1]), pick(took[2])
        print(f"{name}: {one:.2f} s and {two:.2f} s, {one / two / 2:.1%} of linear")


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Run a cluster whose machines are processors of this one; yield its address."""
    address = f"127.0.0.1:{_PORT}"
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True))
        head = ["--head", f"--port={_PORT}", "--include-dashboard=false", f"--temp-dir={folder}"]
        for processor in range(workers):
            role = [f"--address={address}"] if processor else head
            stack.enter_context(node(processor, *role))
        yield address


@contextmanager
def node(processor: int, *role: str) -> Iterator[None]:
    """Run a Ray node that is bound to a processor."""
    ray = str(Path(sys.executable).with_name("ray"))
    options = ["--num-cpus=1", "--disable-usage-stats", "--block"]
    command = ["taskset", "--cpu-list", str(processor), ray, "start", *role, *options]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        assert process.stdout is not None
        try:
            assert any("Ray runtime started" in line for line in process.stdout)
            yield
        finally:
            process.terminate()


def busy(messages: list[AnyMessage]) -> AIMessage:
    """Answer any problem after half a second's computing: the agent of the measured run."""
    result = sandbox().run(_PROGRAM)
    assert result.exit_code == 0, result
    return AIMessage("It is \\boxed{1}.")


@cache
def sandbox() -> PythonSandbox:
    """Return the sandbox of this process."""
    return PythonSandbox()


async def measure(address: str, workers: int, rollouts: int) -> float:
    """Train for two steps; return the seconds of the second, when all workers are warm."""
    ends: list[float] = []

    def report(event: Event) -> None:
        if event["event"] == "step":
            ends.append(time.monotonic())

    problems = [Problem(id=f"{n}", problem=f"{n}?", answers=["1"]) for n in range(rollouts // 2)]
    settings = Settings(epochs=2, batch_size=rollouts // 2, group_size=2, concurrency=workers)
    with TemporaryDirectory() as folder:
        run = TrainingRun(
            folder=RunFolder(Path(folder) / "run"),
            settings=settings,
            problems=problems,
            agent=load_agent("benchmarks.scaling:busy"),
            agent_name="benchmarks.scaling:busy",
            cluster=Cluster(address),
        )
        state = await run.run(report)
    assert not any(step["missing"] for step in state["metrics"])
    return ends[1] - ends[0]


if __name__ == "__main__":
    main()
