"""`tfgrpo evaluate`: mean@k of an agent, with and without its library."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.data import (
    check_unseen,
    compares,
    defaults_of,
    grader_of,
    read_data,
)
from training_free_grpo.cli.evaluation_report import (
    describe_details,
    describe_difference,
    describe_evaluation,
    draw_table,
)
from training_free_grpo.cli.first import check_first
from training_free_grpo.cli.output import print_json, progress, reports_errors, results
from training_free_grpo.cli.recorded import grade_recorded, read_recorded
from training_free_grpo.files import write_atomically
from training_free_grpo.graders import Grader, load_grader
from training_free_grpo.graphs.evaluation import build_evaluation_graph
from training_free_grpo.graphs.parts import Agent
from training_free_grpo.interrupts import stop_on_interrupt
from training_free_grpo.journal import Journal
from training_free_grpo.metrics import compare_evaluations
from training_free_grpo.models import Models
from training_free_grpo.records import JSON, Evaluation, Library, Problem
from training_free_grpo.run_folder import RunError, RunFolder
from training_free_grpo.settings import Settings, SettingsError

Plan = tuple[str, Library | None]
"""The name of an evaluation, and the library it is made with."""
Dataset = Annotated[str | None, *get_args(o.Dataset)[1:]]


@reports_errors
def evaluate(
    dataset: Dataset = None,
    recorded: Annotated[Path | None, typer.Option(help="Grade the answers of this file.")] = None,
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
    grader: o.GraderName = "auto",
    concurrency: o.Concurrency = None,
    temperature: o.Temperature = None,
    seed: o.Seed = None,
    limit: o.Limit = None,
    sample: o.Sample = None,
    fields: o.Map = None,
    allow_overlap: o.AllowOverlap = False,
    settings: o.Set = None,
    table: Annotated[bool, typer.Option("--table", help="Also a line per problem.")] = False,
    as_json: o.Json = False,
) -> None:
    """Measure mean@k over a data set, with an interval over problems.

    With --run, answers are kept as they arrive: the same command goes on where it stopped.
    With --recorded, answers that exist are graded, and no model is asked.

    Example: tfgrpo evaluate aime.jsonl --library runs/first --baseline --k 32
    """
    chosen = o.read_settings(
        preset,
        config,
        settings,
        defaults=defaults_of(dataset or ""),
        model=model,
        base_url=base_url,
        judge_model=judge_model,
        attempts=k,
        concurrency=concurrency,
        evaluation_temperature=temperature,
        seed=seed,
    )
    grader = grader_of(grader, dataset or "")
    own_grader = load_grader(grader)
    if recorded:
        check_alone(
            {"DATASET": dataset, "--library": library, "--run": run, "--baseline": baseline}
            | {"--k": k, "--model": model, "--judge-model": judge_model, "--agent": agent}
            | {"--sample": sample, "--map": fields}
        )
        work = grade_recorded(read_recorded(recorded, limit), own_grader, chosen.concurrency)
        show(report({"recorded": asyncio.run(work)}), table, as_json)
        return
    if dataset is None:
        raise SettingsError("name a data set, or recorded answers with --recorded FILE")
    problems = read_data(dataset, limit, sample, fields, compares(grader))
    if library:
        check_unseen(library, runs_dir, problems, allow_overlap)
    lessons = o.find_library(library, runs_dir) if library else None
    plans, own_agent = plan(lessons, baseline), o.read_agent(agent)
    Models().check(chosen)
    folder = runs_dir / run if run else None
    said = report(make_evaluations(chosen, problems, plans, own_agent, own_grader, folder))
    if folder:
        write_atomically(folder / "evaluation.json", json.dumps(said) + "\n")
    show(said, table, as_json)


def check_alone(others: JSON) -> None:
    """Raise SettingsError for what says how to make answers beside answers that exist."""
    surplus = [name for name, value in others.items() if value]
    if surplus:
        raise SettingsError(
            f"--recorded grades answers that exist: leave out {', '.join(surplus)}, "
            "or leave out --recorded"
        )


def plan(library: Library | None, baseline: bool) -> list[Plan]:
    """List the evaluations to make, the baseline first."""
    if library is None:
        if baseline:
            raise SettingsError("--baseline compares with a library: name one with --library")
        return [("without library", None)]
    before: list[Plan] = [("without library", None)] if baseline else []
    return [*before, ("with library", library)]


def make_evaluations(
    settings: Settings,
    problems: Sequence[Problem],
    plans: Sequence[Plan],
    agent: Agent | None,
    grader: Grader,
    folder: Path | None,
) -> dict[str, Evaluation]:
    """Make the evaluations, going on where earlier ones in the folder stopped."""
    with journal_of(folder) as journal:
        models = Models(journal=journal)
        graph = build_evaluation_graph(agent, grader, models=models)
        first = check_first(settings, uses_tools=agent is None)
        work = run_all(graph, settings, problems, plans, first)
        return asyncio.run(stop_on_interrupt(work, models.gate, progress.print))


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
    problems: Sequence[Problem],
    plans: Sequence[Plan],
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


def show(said: JSON, table: bool, as_json: bool) -> None:
    """Show each evaluation, and their difference if there are two."""
    if as_json:
        print_json(said)
        return
    for name, evaluation in said["evaluations"].items():
        results.print(describe_evaluation(name, evaluation))
        for line in describe_details(evaluation):
            results.print(f"  {line}")
    if said["difference"]:
        results.print(describe_difference(said["difference"]))
    if table:
        for name, evaluation in said["evaluations"].items():
            results.print(f"\n{name}:")
            for line in draw_table(evaluation):
                results.print(line)
