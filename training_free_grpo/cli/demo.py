"""`tfgrpo demo`: the whole loop on the embedded model, with no key and no network."""

import asyncio
import sys
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from training_free_grpo.cli.evaluation_report import describe_difference, describe_evaluation
from training_free_grpo.cli.options import Json, RunsDir
from training_free_grpo.cli.output import (
    percent,
    print_json,
    print_lessons,
    progress,
    reports_errors,
    results,
)
from training_free_grpo.cli.progress import TrainingWatch, Watch
from training_free_grpo.cli.training_report import report, summarize_run
from training_free_grpo.metrics import compare_evaluations
from training_free_grpo.records import JSON, Evaluation, Event, Metrics
from training_free_grpo.runs.evaluation import Arm, EvaluationRun
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings
from training_free_grpo.simulated import heldout_problems, training_problems

_BAR = 30


@reports_errors()
def demo(
    runs_dir: RunsDir = Path("runs"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the run.")] = 42,
    as_json: Json = False,
) -> None:
    """Learn a library on the embedded model, and show the better agent. Takes half a minute.

    Example: tfgrpo demo
    """
    settings = Settings(model="simulated", epochs=1, batch_size=20, attempts=2, seed=seed)
    folder = RunFolder(next(p for n in count(1) if not (p := runs_dir / f"demo-{n}").exists()))
    progress.print(
        "This demo uses a simulated model, so it says nothing about real models. Its rules solve\n"
        "several families of problems by sound or by tempting approaches, and follow a lesson\n"
        "if, and only if, the prompt contains one that fits.\n"
    )
    state, before, after = asyncio.run(run_demo(folder, settings))
    difference = compare_evaluations(before, after)
    if as_json:
        summary = summarize_run(folder, state, None)
        print_json(summary | {"before": before, "after": after, "difference": difference})
        return
    results.print("Mean reward of the rollouts, step by step:")
    for step in state["metrics"]:
        results.print(f"  {draw_step(step)}")
    results.print("\nWhat it learned:")
    print_lessons(state["library"])
    results.print("\nOn held-out problems:")
    results.print(f"  {describe_evaluation('before', before)}")
    results.print(f"  {describe_evaluation('after', after)}")
    results.print(f"  {describe_difference(difference)}")
    results.print(f"\nThe run is in {folder.path}: try  {sys.argv[0]} library show {folder.path}")


async def run_demo(folder: RunFolder, settings: Settings) -> tuple[JSON, Evaluation, Evaluation]:
    """Evaluate, train, evaluate again."""
    progress.print("baseline on held-out problems …")
    before = await evaluate_heldout(Arm("baseline", settings))
    progress.print("training …")
    training = TrainingRun(folder, settings, training_problems())
    await training.check()
    with TrainingWatch(progress, training, training.forecast) as watch:

        def hear(event: Event) -> None:
            report(event)
            watch.hear(event)

        state = await training.run(hear)
    progress.print("held-out problems again, with the library …\n")
    return state, before, await evaluate_heldout(Arm("with library", settings, state["library"]))


async def evaluate_heldout(arm: Arm) -> Evaluation:
    """Evaluate on the held-out problems."""
    problems = heldout_problems()
    evaluation = EvaluationRun(problems, [arm])
    await evaluation.check()
    with Watch(progress, evaluation.prices) as watch:

        def begin(arm: Arm) -> None:
            watch.begin(arm.name, len(problems), len(problems) * arm.settings.attempts)

        found = await evaluation.run(begin, watch.hear)
    return found[arm.name]


def draw_step(step: Metrics) -> str:
    """Draw the reward of a step as a bar."""
    reward = step["mean_reward"] or 0.0
    bar = ("█" * round(_BAR * reward)).ljust(_BAR, "·")
    return f"step {step['step']}  {bar} {percent(reward)}  {step['library_size']} lessons"
