"""What a training run pays for: prompt, cached, uncached and completion tokens, by role.

    TFGRPO_DATA=FOLDER python -m benchmarks.tokens [--limit 100] [--epochs 3]

A run over the first real problems of MATH-500 against the tests' stand-in server, which caches
prompts as providers do, in blocks of 64 tokens from the start of the prompt. Its rollouts have 2.5
calls on average, half of its groups have contrast, and of these four in ten propose a lesson, which
makes a library of about the paper's size. The stand-in charges for messages alone; what the
descriptions of the tools add at a provider is told apart.
"""

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path

from tests.standin import StandIn, share
from training_free_grpo.datasets import load_problems
from training_free_grpo.records import Metrics
from training_free_grpo.runs.files import read_metrics
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings

DATA = Path(os.environ.get("TFGRPO_DATA", "../shared/data"))
CONTRAST = 0.5
_CHARACTERS_PER_TOKEN = 4


def succeeds(problem: str, attempt: int) -> bool:
    """Draw half of the groups mixed, and the rest all right or all wrong."""
    if share("mixed", problem) < CONTRAST:
        return attempt % 2 == 0
    return share("all", problem) < CONTRAST


async def train(server: StandIn, options: argparse.Namespace, folder: Path) -> list[Metrics]:
    """Train in this process; return the figures of the steps."""
    problems, _ = load_problems(str(DATA / "math500.jsonl"), options.limit)
    server.answers = {problem["problem"]: problem["answers"][0] for problem in problems}
    settings = Settings(
        model="openai:stand-in",
        base_url=server.url,
        epochs=options.epochs,
        group_size=options.group_size,
        tools=options.tools,
    )

    run = TrainingRun(RunFolder(folder), settings, problems)
    await run.run(lambda event: None)
    return read_metrics(folder)


def tokens_of_lessons(server: StandIn) -> int:
    """Return what the lessons take of the prompts of rollouts, in tokens."""
    systems = [call.system for call in server.of("rollout") if call.usage]
    lines = (line for system in systems for line in system.splitlines() if line[:2] == "[G")
    return sum(len(line) + 1 for line in lines) // _CHARACTERS_PER_TOKEN


def tokens_of_tools(server: StandIn) -> int:
    """Return what the descriptions of the tools add to all prompts together, in tokens."""
    bodies = (call.body.get("tools") for call in server.of("rollout") if call.usage)
    return sum(len(json.dumps(tools)) // _CHARACTERS_PER_TOKEN for tools in bodies if tools)


def main(options: argparse.Namespace) -> None:
    """Run once and print the table."""
    with tempfile.TemporaryDirectory() as place, StandIn(right=succeeds) as server:
        server.tool_share, server.tool_turns = options.tool_share, options.tool_turns
        server.lesson_share = options.lesson_share
        steps = asyncio.run(train(server, options, Path(options.folder or place) / "run"))
        used, tools, lessons = server.usage(), tokens_of_tools(server), tokens_of_lessons(server)
        calls = {role: len(server.of(role)) for role in used}
    rollouts = sum(step["rollouts"] for step in steps)
    mixed = sum(step["groups_with_contrast"] for step in steps)
    print(
        f"{rollouts} rollouts, {mixed} groups with contrast, "
        f"{steps[-1]['library_size']} lessons at the end\n"
    )
    print("| role | calls | prompt | cached | uncached | completion | prompt a rollout |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    total = {key: sum(row[key] for row in used.values()) for key in next(iter(used.values()))}
    for role, row in {**used, "all": total}.items():
        figures = (row["calls"], row["input"], row["cached"], row["input"] - row["cached"])
        cells = [f"{figure:,}" for figure in (*figures, row["output"])]
        print(f"| {role} | {' | '.join(cells)} | {row['input'] / rollouts:,.0f} |")
    print(f"\nOf the prompts of rollouts, lessons: {lessons:,} tokens")
    print(f"Descriptions of tools, not charged here: {tools:,} tokens, the same in every call")
    assert calls == {role: row["calls"] for role, row in used.items()}, "a call was not answered"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--group-size", type=int, default=5)
    parser.add_argument("--lesson-share", type=float, default=0.4)
    parser.add_argument("--tool-share", type=float, default=0.75)
    parser.add_argument("--tool-turns", type=int, default=2)
    parser.add_argument("--folder", help="where to keep the run")
    parser.add_argument("--tools", default="python")
    main(parser.parse_args())
