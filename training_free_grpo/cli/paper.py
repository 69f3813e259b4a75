"""`tfgrpo paper`: a published table, run again with a model of the user's."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, get_args

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.first import check_first
from training_free_grpo.cli.output import keeps_run, print_json, progress, reports_errors, results
from training_free_grpo.cli.paper_data import find_table, read_evaluation_sets, read_training_sets
from training_free_grpo.cli.paper_report import draw_report
from training_free_grpo.cli.progress import TrainingWatch, Watch
from training_free_grpo.cli.spending import GOES_ON, announce
from training_free_grpo.cli.train import report
from training_free_grpo.datasets import OverlapError
from training_free_grpo.models.prices import prices_of
from training_free_grpo.paper.forecast import forecast, forecast_learning, forecast_work
from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.paper.protocol import differences
from training_free_grpo.paper.results import put_together
from training_free_grpo.paper.run import carry_out
from training_free_grpo.paper.tables import TABLES
from training_free_grpo.paper.work import Hear, Learning, Measurement, Work
from training_free_grpo.records import JSON, Event
from training_free_grpo.rollouts.react import ReactAgent
from training_free_grpo.runs.folder import name_run
from training_free_grpo.runs.interrupts import stop_on_interrupt
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.spending.budget import Budget, OutOfBudget
from training_free_grpo.spending.forecast import describe_forecast
from training_free_grpo.storage.files import write_atomically

Model = Annotated[str, *get_args(o.Model)[1:]]


@reports_errors(keeps_run)
def paper(
    table: Annotated[str, typer.Argument(help=f"{', '.join(TABLES)}.")],
    model: Model,
    base_url: o.BaseUrl = None,
    reflection_model: o.ReflectionModel = None,
    reflection_base_url: o.ReflectionUrl = None,
    judge_model: o.JudgeModel = None,
    k: Annotated[int | None, typer.Option("--k", help="Attempts per problem.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first N problems of every data set.")
    ] = None,
    train_on: Annotated[
        list[str] | None,
        typer.Option(help="Learn from DATASET instead; where a table has two, SET=DATASET."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Draw N problems of the --train-on data sets.")
    ] = None,
    run: Annotated[str, typer.Option(help="Folder; its tables share what they learn.")] = "paper",
    runs_dir: o.RunsDir = Path("runs"),
    settings: o.Set = None,
    allow_overlap: o.AllowOverlap = False,
    price: o.Price = None,
    max_cost: o.MaxCost = None,
    max_tokens: o.MaxTokens = None,
    max_calls: o.MaxCalls = None,
    max_minutes: o.MaxMinutes = None,
    yes: Annotated[bool, typer.Option("--yes", help="Spend what is forecast, unasked.")] = False,
    dry_run: o.DryRun = False,
    quiet: o.Quiet = False,
    as_json: o.Json = False,
) -> None:
    """Run a published table again: learn every arm's library, measure every arm, and compare.

    What it will cost is forecast first. The same command goes on where it stopped.

    Example: tfgrpo paper table1 --model openai:gpt-5-mini --limit 5
    """
    said = o.read_settings(
        None,
        None,
        settings,
        model=model,
        base_url=base_url,
        reflection_model=reflection_model,
        reflection_base_url=reflection_base_url,
        judge_model=judge_model,
        price=price,
    )
    chosen = find_table(table)
    plan = PaperPlan(
        table=chosen,
        folder=name_run(runs_dir, run),
        options=said.model_dump(mode="json", include=said.model_fields_set),
        attempts=k,
        training_sets=read_training_sets(chosen, train_on or [], sample, limit),
        evaluation_sets=read_evaluation_sets(chosen, limit),
    )
    plan.check_unchanged()
    check_unseen(plan, allow_overlap)
    if dry_run:
        show_forecast(plan, as_json)
        return
    plan.check_models()
    budget = Budget(max_cost, max_tokens, max_calls, max_minutes)
    agree(plan, budget, yes)
    work = carry_out(plan, budget, lambda s: check_first(s, ReactAgent(plan.models))(), watched)
    try:
        asyncio.run(stop_on_interrupt(work, plan.models.gate, progress.print))
    except OutOfBudget as error:
        raise OutOfBudget(
            f"{error}, after what other work in {plan.folder} took. What is finished is kept, "
            f"and the same command with a larger budget {GOES_ON}"
        ) from None
    show(plan, put_together(plan, list(differences(plan, limit))), as_json)


def check_unseen(plan: PaperPlan, allowed: bool) -> None:
    """Raise OverlapError if a library is measured on what it learns from; if allowed, say so."""
    try:
        plan.check_overlap()
    except OverlapError as error:
        if not allowed:
            raise
        progress.print(f"note: {error.found}")


def show_forecast(plan: PaperPlan, as_json: bool) -> None:
    """Say what is left to be spent, piece by piece."""
    left, total = plan.left(), forecast(plan)
    if as_json:
        work = [{"work": name_work(w), "forecast": forecast_work(w)} for w in left]
        print_json({"table": plan.table.name, "forecast": total, "work": work})
        return
    for piece in left:
        line, _, _ = describe_forecast(forecast_work(piece)).partition("\n")
        results.print(f"{name_work(piece)}: {line.removeprefix('forecast: ')}")
    results.print(describe_forecast(total) if total else "everything is there: nothing is left")


def agree(plan: PaperPlan, budget: Budget, yes: bool) -> None:
    """Say what is left to be spent, and ask whether to spend it."""
    left = forecast(plan)
    if left is None:
        return
    settings = Settings.read(dict(plan.options))
    done = [step for learning in plan.learnings() for step in learning.steps]
    announce(left, budget, prices_of(plan.models, settings), done)
    if yes:
        return
    if not sys.stdin.isatty():
        raise SettingsError("this spends what is forecast: give --yes where nobody can be asked")
    typer.confirm("Spend it?", abort=True, err=True)


@contextmanager
def watched(work: Work) -> Iterator[Hear]:
    """Say which piece of work begins, and how it goes on."""
    progress.print(name_work(work))
    with watch_over(work) as watch:

        def hear(event: Event) -> None:
            report(event)
            watch.hear(event)

        yield hear


def watch_over(work: Work) -> Watch:
    """Return what shows how a piece of work goes on."""
    if isinstance(work, Learning):
        return TrainingWatch(progress, work.run, partial(forecast_learning, work))
    watch = Watch(progress, prices_of(work.models, work.settings))
    problems = len(work.data.problems)
    watch.begin(work.method.name, problems, problems * work.settings.attempts)
    return watch


def name_work(work: Work) -> str:
    """Name a piece of work by what it is done with."""
    problems = f"{len(work.data.problems):,} problems of {work.data.name}"
    settings = work.settings
    if isinstance(work, Measurement):
        return f"measure {work.method.name}: {problems} × {settings.attempts}"
    size = "" if settings.directly_generated else f" × {settings.group_size}"
    epochs = "1 epoch" if settings.epochs == 1 else f"{settings.epochs} epochs"
    return f"learn {work.name}: {problems}{size}, {epochs}"


def show(plan: PaperPlan, found: JSON, as_json: bool) -> None:
    """Show what the table came to, and keep it in the folder."""
    folder = plan.folder / plan.table.name
    text = "".join(f"{line}\n" for line in draw_report(found))
    write_atomically(folder / "results.json", json.dumps(found, ensure_ascii=False) + "\n")
    write_atomically(folder / "report.md", text)
    if as_json:
        print_json(found)
        return
    results.print(text, end="")
    progress.print(f"kept in {folder}")
