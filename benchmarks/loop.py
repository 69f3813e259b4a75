"""The training loop against its bound, over HTTP: `python -m benchmarks.loop DATASET`.

`tfgrpo train` runs as a process of its own against the tests' stand-in server, whose answers take
lognormal times with a tail, the same in every run. 100 problems × G 5 × 3 steps at 128 wide, first
at a mean of 0.39 s, then of 2 s. All ratios are of one run; server, client, sandbox and baseline
share the machine.

The bounds are computed from the server's log: what a perfect loop would take for these very calls,
were its own work to cost nothing. A stage cannot end before its longest chain of calls has ended,
nor before all its calls have had their turn at the width.
- with barriers: all rollouts, then all summaries, then all comparisons, then the edit;
- without: only the edit waits for the whole batch; each group goes on alone.
"""

import argparse
import asyncio
import hashlib
import json
import math
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import NormalDist

import aiohttp

from tests.standin import Call, StandIn
from training_free_grpo.datasets import load_problems

CLI = [sys.executable, "-c", "from training_free_grpo.cli import main; main()"]
SPREAD = 0.6
"""Sigma of the lognormal: the slowest of a hundred answers takes about four times the median."""
ROW = "{:<46}{:>12}{:>12}"
Chain = list[float]
"""Seconds of calls that can only be made one after the other."""


def latency(call: Call, mean: float) -> float:
    """Draw the seconds of a call from what it asks, whenever it comes."""
    key = json.dumps([call.role, call.problem, call.rollout, len(call.messages)])
    drawn = Random(hashlib.sha256(key.encode()).digest()).random()
    normal = NormalDist().inv_cdf(max(drawn, 1e-9))
    return mean * math.exp(SPREAD * normal - SPREAD**2 / 2)


def split_steps(calls: Sequence[Call]) -> list[list[Call]]:
    """Divide the log into steps: each ends with the call that edits the library."""
    steps: list[list[Call]] = [[]]
    for call in calls:
        steps[-1].append(call)
        if call.role == "edit_experiences":
            steps.append([])
    return [step for step in steps if step]


def seconds(call: Call) -> float:
    """Return what a call took at the server."""
    assert call.ended is not None
    return call.ended - call.at


def chains_of(calls: Iterable[Call], role: str) -> dict[str, list[Chain]]:
    """Return by problem the chains of a role: the turns of one rollout, else a call alone."""
    turns: dict[tuple[str, int], Chain] = defaultdict(list)
    for call in calls:
        if call.role == role:
            one = call.rollout if role == "rollout" else call.number
            turns[call.problem, one].append(seconds(call))
    chains: dict[str, list[Chain]] = defaultdict(list)
    for (problem, _), chain in turns.items():
        chains[problem].append(chain)
    return chains


def stage(chains: Iterable[Chain], width: int) -> float:
    """Bound a stage: its longest chain, or all its work spread over the width."""
    lengths = [sum(chain) for chain in chains]
    return max(sum(lengths) / width, max(lengths, default=0.0))


def bound_step(calls: Sequence[Call], width: int) -> tuple[float, float]:
    """Bound one step, with barriers between its stages and without."""
    roles = ("rollout", "summarize", "extract_advantage", "edit_experiences")
    by_role = {role: chains_of(calls, role) for role in roles}
    flat = {
        role: [c for chains in found.values() for c in chains] for role, found in by_role.items()
    }
    barriers = sum(stage(flat[role], width) for role in roles)
    groups = [
        [sum(max(map(sum, by_role[role].get(problem, [[]]))) for role in roles[:-1])]
        for problem in by_role["rollout"]
    ]
    work = sum(seconds(call) for call in calls if call.role != roles[-1]) / width
    alone = max(work, stage(groups, len(groups)) if groups else 0.0)
    return barriers, alone + stage(flat[roles[-1]], width)


def train(options: argparse.Namespace, server: StandIn, folder: Path) -> tuple[float, list[int]]:
    """Run `tfgrpo train`; return its seconds from the first call to the end.

    Beside them, the bytes of the checkpoints when each step came to its edit.
    """
    command = [*CLI, "train", options.dataset, "--model", "openai:stand-in"]
    command += ["--base-url", server.url, "--runs-dir", str(folder), "--run", "run"]
    for name in ("limit", "epochs", "batch_size", "group_size", "concurrency"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    sizes: list[int] = []
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        while process.poll() is None:
            if len(server.of("edit_experiences")) > len(sizes):
                sizes.append(bytes_used(folder / "run" / "checkpoints.sqlite"))
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"the run failed with exit code {process.returncode}")
    return time.monotonic() - server.calls[0].at, sizes


async def repeat_bare(server: StandIn, bodies: Sequence[object], width: int) -> float:
    """Make the same requests with aiohttp alone; return its CPU seconds."""
    gate = asyncio.Semaphore(width)
    started = time.thread_time()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(body: object) -> None:
            async with gate, session.post(f"{server.url}/chat/completions", json=body) as answer:
                await answer.json()

        await asyncio.gather(*(ask(body) for body in bodies))
    return time.thread_time() - started


def bytes_used(database: Path) -> int:
    """Return the bytes that a database in use holds, wherever they have been written yet."""
    with closing(sqlite3.connect(database)) as connection:
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return int((pages - free) * size)


def size_of(paths: Iterable[Path]) -> int:
    """Add up the bytes of files."""
    return sum(path.stat().st_size for path in paths if path.is_file())


def is_ledger_exact(server: StandIn, run: Path) -> bool:
    """Tell whether the run counted in every role what the server charged."""
    ours = json.loads((run / "usage.json").read_text("utf-8"))["roles"]
    return all(
        ours.get(role, {}).get(name) == value
        for role, charged in server.usage().items()
        for name, value in charged.items()
    )


def measure(options: argparse.Namespace, mean: float) -> None:
    """Run once at a mean latency and print the figures."""
    problems, _ = load_problems(options.dataset, options.limit)
    answers = {problem["problem"]: problem["answers"][0] for problem in problems}
    with (
        tempfile.TemporaryDirectory() as name,
        StandIn(answers, latency=lambda call: latency(call, mean), tool_share=0.3) as server,
    ):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall, sizes = train(options, server, Path(name))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        calls, run = list(server.calls), Path(name) / "run"
        bounds = [bound_step(step, options.concurrency) for step in split_steps(calls)]
        barriers, alone = (sum(column) for column in zip(*bounds, strict=True))
        cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        exact = is_ledger_exact(server, run)
        server.latency = 0.0
        bare = asyncio.run(repeat_bare(server, [c.body for c in calls], options.concurrency))
        transcripts = size_of(run.glob("rollouts/*"))
        checkpoints = size_of(run.glob("checkpoints*"))
        print(f"\nmean latency {mean:g} s, {len(calls):,} calls, {len(bounds)} steps")
        print(ROW.format("", "", "ratio"))
        print(ROW.format("wall, s, from the first call to the end", f"{wall:.1f}", ""))
        print(ROW.format("bound with barriers, s", f"{barriers:.1f}", f"{wall / barriers:.2f}"))
        print(ROW.format("bound without barriers, s", f"{alone:.1f}", f"{wall / alone:.2f}"))
        print(ROW.format("CPU, s, sandbox and start included", f"{cpu:.1f}", ""))
        per_thousand = 1000 * cpu / len(calls)
        print(ROW.format("CPU per 1,000 calls, s", f"{per_thousand:.2f}", ""))
        bare_thousand = 1000 * bare / len(calls)
        ratio = f"{cpu / bare:.1f}"
        print(ROW.format("bare aiohttp, same requests, s", f"{bare_thousand:.2f}", ratio))
        print(ROW.format("peak memory, MB", f"{used.ru_maxrss // 1024}", ""))
        print(ROW.format("most calls in flight", f"{server.peak}", ""))
        print(ROW.format("the ledger is the server's", "yes" if exact else "NO", ""))
        print(ROW.format("transcripts, MB a step", f"{transcripts / len(bounds) / 1e6:.2f}", ""))
        print(ROW.format("checkpoints at the end, MB", f"{checkpoints / 1e6:.1f}", ""))
        if len(sizes) > 1:
            growth = (sizes[-1] - sizes[0]) / (len(sizes) - 1)
            ratio = f"{growth * len(bounds) / transcripts:.2f}"
            print(ROW.format("checkpoints, MB a further step", f"{growth / 1e6:.2f}", ratio))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--group-size", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--latency", type=float, nargs="+", default=[0.39, 2.0])
    given = parser.parse_args()
    for each in given.latency:
        measure(given, each)
