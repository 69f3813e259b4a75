"""`tfgrpo evaluate`: mean@k of an agent, with and without its library."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.first import check_first
from training_free_grpo.cli.output import (
    percent,
    print_json,
    progress,
    reports_errors,
    results,
    signed,
    span,
)
from training_free_grpo.datasets import load_problems
from training_free_grpo.files import write_atomically
from training_free_grpo.graders import load_grader
from training_free_grpo.graphs.evaluation import build_evaluation_graph
from training_free_grpo.interrupts import stop_on_interrupt
from training_free_grpo.journal import Journal
from training_free_grpo.ledger import total_usage
from training_free_grpo.metrics import compare_evaluations
from training_free_grpo.models import Models
from training_free_grpo.records import JSON, Evaluation, Library
from training_free_grpo.run_folder import RunError, RunFolder
from training_free_grpo.settings import Settings, SettingsError


@reports_errors
def evaluate(
    dataset: o.Dataset,
    library: Annotated[Path | None, typer.Option(help="Library file, run folder or run.")] = None,
    run: Annotated[str | None, typer.Option(help="Keep the answers; the same goes on.")] = None,
    runs_dir: o.RunsDir = Path("runs"),
    baseline: Annotated[bool, typer.Option(help="Also without the library, and compare.")] = False,
    k: Annotated[int | None, typer.Option("--k", help="Attempts per problem.")] = None,
    preset: o.Preset = None,
    config: o.Config = None,
    model: o.Model = None,
    base_url: o.BaseUrl = None,
    judge_model: o.JudgeModel = None,
    agent: o.AgentName = None,
    grader: o.GraderName = "math",
    concurrency: o.Concurrency = None,
    temperature: o.Temperature = None,
    seed: o.Seed = None,
    limit: o.Limit = None,
    settings: o.Set = None,
    as_json: o.Json = False,
) -> None:
    """Measure mean@k over a data set, with an interval over problems.

    With --run, answers are kept as they arrive: the same command goes on where it stopped.

    Example: tfgrpo evaluate aime.jsonl --library runs/first --baseline --k 32
    """
    chosen = o.read_settings(
        preset,
        config,
        settings,
        model=model,
        base_url=base_url,
        judge_model=judge_model,
        attempts=k,
        concurrency=concurrency,
        evaluation_temperature=temperature,
        seed=seed,
    )
    problems, notes = load_problems(dataset, limit)
    for note in notes:
        progress.print(f"note: {note}")
    lessons = o.find_library(library, runs_dir) if library else None
    plans, own_agent, own_grader = plan(lessons, baseline), o.read_agent(agent), load_grader(grader)
    Models().check(chosen)
    with journal_of(runs_dir / run if run else None) as journal:
        models = Models(journal=journal)
        graph = build_evaluation_graph(own_agent, own_grader, models=models)
        first = check_first(chosen, uses_tools=own_agent is None)
        work = run_all(graph, chosen, problems, plans, first)
        found = asyncio.run(stop_on_interrupt(work, models.gate, progress.print))
    said = report(found)
    if run:
        write_atomically(runs_dir / run / "evaluation.json", json.dumps(said) + "\n")
    show(said, as_json)


def plan(library: Library | None, baseline: bool) -> list[tuple[str, Library | None]]:
    """List the evaluations to make, the baseline first."""
    if library is None:
        if baseline:
            raise SettingsError("--baseline compares with a library: name one with --library")
        return [("without library", None)]
    before: list[tuple[str, Library | None]] = [("without library", None)] if baseline else []
    return [*before, ("with library", library)]


@contextmanager
def journal_of(folder: Path | None) -> Iterator[Journal | None]:
    """Open the journal of an evaluation that is to be kept."""
    if folder is None:
        yield None
        return
    run = RunFolder(folder)
    if run.exists:
        raise RunError(f"{folder} is a training run; give the evaluation another name")
    with run.locked(), Journal.open(run.calls) as journal:
        yield journal


async def run_all(
    graph: Any,
    settings: Settings,
    problems: Any,
    plans: list[tuple[str, Library | None]],
    check: Callable[[], Awaitable[None]],
) -> dict[str, Evaluation]:
    """Run one evaluation after the other: at once they would compete for the endpoint."""
    await check()
    found = {}
    for name, library in plans:
        progress.print(f"evaluating {name}: {len(problems)} problems × {settings.attempts}")
        given = {"problems": problems, "library": library}
        found[name] = (await graph.ainvoke(given, context=settings))["evaluation"]
    return found


def report(found: dict[str, Evaluation]) -> JSON:
    """Put the evaluations together, with their difference if there are two."""
    difference = compare_evaluations(*found.values()) if len(found) == 2 else None
    return {"evaluations": found, "difference": difference}


def show(said: JSON, as_json: bool) -> None:
    """Show each evaluation, and their difference if there are two."""
    if as_json:
        print_json(said)
        return
    for name, evaluation in said["evaluations"].items():
        results.print(describe_evaluation(name, evaluation))
    if said["difference"]:
        results.print(describe_difference(said["difference"]))


def describe_evaluation(name: str, evaluation: Evaluation) -> str:
    """Write an evaluation in a line."""
    k, usage = evaluation["attempts"], total_usage(evaluation["usage"])
    missing = sum(evaluation["missing"].values())
    line = (
        f"{name}: mean@{k} {percent(evaluation['mean'])} {span(evaluation['interval'])}, "
        f"{name_best(evaluation)}@{k} {percent(evaluation['best'])}, "
        f"{evaluation['problems']} problems, "
        f"{usage['calls']} calls, {usage['input']:,} + {usage['output']:,} tokens"
    )
    return line + (f", {missing} attempts missing" if missing else "")


def name_best(evaluation: Evaluation) -> str:
    """Call the mean of the best attempts pass@k where rewards are 0 or 1, as everybody does."""
    rewards = {r for attempts in evaluation["rewards"].values() for r in attempts}
    return "pass" if rewards <= {0.0, 1.0, None} else "best"


def describe_difference(difference: JSON) -> str:
    """Write a paired difference in a line."""
    value, interval = difference["difference"], difference["interval"]
    if value is None:
        return "difference: nothing to compare"
    return f"difference: {100 * value:+.1f} points {signed(interval)}, paired by problem"
