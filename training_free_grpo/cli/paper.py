"""`tfgrpo paper`: rerun a published table with the user's model."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, get_args

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.asking import interruptible
from training_free_grpo.cli.output import keeps_run, print_json, progress, reports_errors, results
from training_free_grpo.cli.paper_data import find_table, read_evaluation_sets, read_training_sets
from training_free_grpo.cli.paper_report import draw_report
from training_free_grpo.cli.progress import TrainingWatch, Watch
from training_free_grpo.cli.spending import RESUMES, announce
from training_free_grpo.cli.training_report import report
from training_free_grpo.datasets import OverlapError
from training_free_grpo.paper.forecast import forecast, forecast_work
from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.paper.protocol import differences
from training_free_grpo.paper.results import put_together
from training_free_grpo.paper.run import carry_out
from training_free_grpo.paper.tables import TABLES
from training_free_grpo.paper.work import Hear, Learning, Measurement, Work
from training_free_grpo.records import JSON, Event
from training_free_grpo.runs.folder import name_run
from training_free_grpo.runs.interrupts import stop_on_interrupt
from training_free_grpo.settings import SettingsError
from training_free_grpo.spending.budget import Budget, OutOfBudget
from training_free_grpo.spending.forecast import describe_forecast
from training_free_grpo.storage.files import write_atomically

Model = Annotated[str, *get_args(o.Model)[1:]]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Use only the first N problems of every data set.")
]
TrainOn = Annotated[
    list[str] | None,
    typer.Option(help="Learn from DATASET instead; SET=DATASET if the table has two."),
]
Sample = Annotated[
    int | None, typer.Option(min=1, help="Sample N problems of each --train-on data set.")
]


@reports_errors(keeps_run)
def paper(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(help=f"{', '.join(TABLES)}.")],
    model: Model,
    base_url: o.BaseUrl = None,
    reflection_model: o.ReflectionModel = None,
    reflection_base_url: o.ReflectionUrl = None,
    judge_model: o.JudgeModel = None,
    k: o.Attempts = None,
    limit: Limit = None,
    train_on: TrainOn = None,
    sample: Sample = None,
    run: Annotated[
        str, typer.Option(help="Name of the folder; tables in it share libraries.")
    ] = "paper",
    runs_dir: o.RunsDir = Path("runs"),
    pairs: o.Set = None,
    allow_overlap: o.AllowOverlap = False,
    price: o.Price = None,
    max_cost: o.MaxCost = None,
    max_tokens: o.MaxTokens = None,
    max_calls: o.MaxCalls = None,
    max_minutes: o.MaxMinutes = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Spend the forecast cost without asking.")
    ] = False,
    dry_run: o.DryRun = False,
    quiet: o.Quiet = False,
    as_json: o.Json = False,
) -> None:
    """Rerun a published table: learn every arm's library, evaluate every arm, and compare.

    The cost is forecast first. Rerun the same command to resume.

    Example: tfgrpo paper table1 --model openai:gpt-5-mini --limit 5
    """
    plan = plan_table(ctx.params)
    plan.check_unchanged()
    check_unseen(plan, allow_overlap)
    if dry_run:
        show_forecast(plan, as_json)
        return
    plan.check_models()
    make_table(plan, o.read_budget(ctx.params), yes)
    show(plan, put_together(plan, list(differences(plan, limit))), as_json)


def plan_table(options: JSON) -> PaperPlan:
    """Plan the work for a table, with the user's data and settings."""
    said, table = o.read_settings(options), find_table(options["table"])
    limit = options["limit"]
    return PaperPlan(
        table=table,
        folder=name_run(options["runs_dir"], options["run"]),
        options=said.model_dump(mode="json", include=said.model_fields_set),
        attempts=options["k"],
        training_sets=read_training_sets(
            table, options["train_on"] or [], options["sample"], limit
        ),
        evaluation_sets=read_evaluation_sets(table, limit),
    )


def make_table(plan: PaperPlan, budget: Budget, yes: bool) -> None:
    """Finish a table, once the user has agreed to the cost."""
    agree(plan, budget, yes)
    work = carry_out(plan, budget, watched)
    try:
        asyncio.run(stop_on_interrupt(work, plan.models.gate, progress.print))
    except OutOfBudget as error:
        raise OutOfBudget(
            f"{error}, including other work in {plan.folder}. Finished work is saved. "
            f"Rerunning the command with a larger budget {RESUMES}"
        ) from None


def check_unseen(plan: PaperPlan, allowed: bool) -> None:
    """Raise OverlapError if a library is evaluated on problems it learns from, unless allowed."""
    try:
        plan.check_overlap()
    except OverlapError as error:
        if not allowed:
            raise
        progress.print(f"note: {error.found}")


def show_forecast(plan: PaperPlan, as_json: bool) -> None:
    """Print the remaining cost, piece by piece."""
    left, total = plan.left(), forecast(plan)
    if as_json:
        work = [{"work": name_work(w), "forecast": forecast_work(w)} for w in left]
        print_json({"table": plan.table.name, "forecast": total, "work": work})
        return
    for piece in left:
        line, _, _ = describe_forecast(forecast_work(piece)).partition("\n")
        results.print(f"{name_work(piece)}: {line.removeprefix('forecast: ')}")
    results.print(
        describe_forecast(total) if total else "everything is finished: nothing is left to do"
    )


def agree(plan: PaperPlan, budget: Budget, yes: bool) -> None:
    """Print the remaining cost, and ask whether to spend it."""
    left = forecast(plan)
    if left is None:
        return
    done = [step for learning in plan.learnings() for step in learning.steps]
    budget.check(plan.prices, left["roles"])
    announce(left, budget, plan.prices, done)
    if yes:
        return
    if not sys.stdin.isatty():
        raise SettingsError("this spends the forecast cost: give --yes where nobody can be asked")
    confirm()


def confirm() -> None:
    """Ask whether to spend it; abort the command if not."""
    with interruptible():
        typer.confirm("Spend it?", abort=True, err=True)


@contextmanager
def watched(work: Work) -> Iterator[Hear]:
    """Announce each piece of work, and show its progress."""
    progress.print(name_work(work))
    with watch_over(work) as watch:

        def hear(event: Event) -> None:
            report(event)
            watch.hear(event)

        yield hear


def watch_over(work: Work) -> Watch:
    """Return the progress display for a piece of work."""
    if isinstance(work, Learning):
        return TrainingWatch(progress, work.run, work.run.forecast)
    watch = Watch(progress, work.run.prices)
    problems = len(work.data.problems)
    watch.begin(work.method.name, problems, problems * work.settings.attempts)
    return watch


def name_work(work: Work) -> str:
    """Describe a piece of work by its method and data."""
    problems = f"{len(work.data.problems):,} problems of {work.data.name}"
    settings = work.settings
    if isinstance(work, Measurement):
        return f"measure {work.method.name}: {problems} × {settings.attempts}"
    size = "" if settings.directly_generated else f" × {settings.group_size}"
    epochs = "1 epoch" if settings.epochs == 1 else f"{settings.epochs} epochs"
    return f"learn {work.name}: {problems}{size}, {epochs}"


def show(plan: PaperPlan, found: JSON, as_json: bool) -> None:
    """Show the finished table, and save it in the folder."""
    folder = plan.folder / plan.table.name
    text = "".join(f"{line}\n" for line in draw_report(found))
    write_atomically(folder / "results.json", json.dumps(found, ensure_ascii=False) + "\n")
    write_atomically(folder / "report.md", text)
    if as_json:
        print_json(found)
        return
    results.print(text, end="")
    progress.print(f"kept in {folder}")
