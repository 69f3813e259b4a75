"""A training run over HTTP: wall time against the bound, CPU, memory, tokens, and the ledger.

    python -m benchmarks.http_run DATASET [--limit 100] [--epochs 3] [--latency 0.39]

`tfgrpo train` runs as a process of its own against the tests' stand-in server, which answers after
a fixed latency. The bound is what the model calls alone would take: the sum of their latencies
over the width. Start-up, and the sandbox's processes, count on our side.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.standin import StandIn
from training_free_grpo.datasets import load_problems

CLI = [sys.executable, "-c", "from training_free_grpo.cli import main; main()"]


def run(options: argparse.Namespace, server: StandIn, folder: Path) -> float:
    """Run `tfgrpo train` and return the seconds it took, set-up included."""
    command = [*CLI, "train", options.dataset, "--model", "openai:stand-in"]
    command += ["--base-url", server.url, "--runs-dir", str(folder), "--run", "run"]
    for name in ("limit", "epochs", "batch_size", "group_size", "concurrency"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def compare_ledgers(server: StandIn, folder: Path) -> dict[str, bool]:
    """Tell for each role whether our ledger says what the server charged."""
    ours = json.loads((folder / "run" / "usage.json").read_text("utf-8"))["roles"]
    charged = server.usage()
    return {
        role: all(ours.get(role, {}).get(name) == value for name, value in used.items())
        for role, used in charged.items()
    }


def main(options: argparse.Namespace) -> None:
    """Run once and print the figures."""
    problems, _ = load_problems(options.dataset, options.limit)
    answers = {problem["problem"]: problem["answers"][0] for problem in problems}
    figures: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as name,
        StandIn(answers, latency=options.latency, tool_share=0.3) as server,
    ):
        figures["wall_s"] = round(run(options, server, Path(name)), 1)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        calls = len(server.calls)
        bound = calls * options.latency / options.concurrency
        total = server.usage().values()
        prompt, cached = (sum(row[key] for row in total) for key in ("input", "cached"))
        figures |= {
            "calls": server.count(),
            "bound_s": round(bound, 1),
            "wall_over_bound": round(figures["wall_s"] / bound, 2) if bound else None,
            "cpu_s": round(used.ru_utime + used.ru_stime, 1),
            "cpu_ms_per_call": round(1000 * (used.ru_utime + used.ru_stime) / calls, 1),
            "peak_mb": used.ru_maxrss // 1024,
            "peak_in_flight": server.peak,
            "connections": len(server.connections),
            "prompt_tokens": prompt,
            "uncached_tokens": prompt - cached,
            "ledger_is_the_servers": compare_ledgers(server, Path(name)),
        }
    for key, value in figures.items():
        print(f"{key:22} {value}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--group-size", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--latency", type=float, default=0.39)
    main(parser.parse_args())
