"""`tfgrpo learn-from-traces`: learn a library from attempts that were made already."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.data import compares
from training_free_grpo.cli.output import keeps_run, plural, progress, reports_errors
from training_free_grpo.cli.spending import announce, is_judged, show_forecast
from training_free_grpo.cli.train import (
    make_run,
    note_changes,
    note_choices,
    open_folder,
    show_outcome,
)
from training_free_grpo.datasets import read_mapping
from training_free_grpo.graders import load_grader
from training_free_grpo.inspect_logs import TrainingLogs
from training_free_grpo.runs.files import read_metrics
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.spending.budget import Budget
from training_free_grpo.spending.forecast_traces import forecast_traces
from training_free_grpo.traces import FIELDS, Traces, load_traces

_LARGEST_GROUP = 256


@reports_errors(keeps_run)
def learn_from_traces(
    files: Annotated[
        list[Path],
        typer.Argument(help="Rollouts, talks or Inspect logs; a folder of them; or a run."),
    ],
    run: Annotated[str, typer.Option(help="Name of the run; the same name goes on.")] = "default",
    runs_dir: o.RunsDir = Path("runs"),
    fork: Annotated[str | None, typer.Option(help="New run, from this run's library.")] = None,
    library: Annotated[Path | None, typer.Option(help="Library or run to start from.")] = None,
    preset: o.Preset = None,
    config: o.Config = None,
    model: Annotated[str | None, typer.Option(help="Model that words the lessons.")] = None,
    base_url: o.BaseUrl = None,
    judge_model: o.JudgeModel = None,
    grader: Annotated[
        str, typer.Option(help="For what comes without a reward: math, qa, judge, module:attr.")
    ] = "math",
    regrade: Annotated[
        bool, typer.Option("--regrade", help="Grade what comes with a reward, too.")
    ] = False,
    batch_size: Annotated[int | None, typer.Option(help="Problems per step.")] = None,
    concurrency: o.Concurrency = None,
    seed: o.Seed = None,
    limit: o.Limit = None,
    fields: o.Map = None,
    review: Annotated[
        bool, typer.Option("--review", help="Wait for a person before each step's edits.")
    ] = False,
    settings: o.Set = None,
    database: o.Database = None,
    price: o.Price = None,
    max_cost: o.MaxCost = None,
    max_tokens: o.MaxTokens = None,
    max_calls: o.MaxCalls = None,
    max_minutes: o.MaxMinutes = None,
    inspect_logs: o.InspectLogs = False,
    inspect_dir: o.InspectDir = None,
    dry_run: o.DryRun = False,
    quiet: o.Quiet = False,
    as_json: o.Json = False,
) -> None:
    """Learn a library from recorded attempts, without making one; the same command goes on.

    Example: tfgrpo learn-from-traces production.jsonl --model openai:gpt-5-mini --run learned
    """
    own_grader = load_grader(grader)
    traces, notes = load_traces(
        [o.find_place(place, runs_dir) for place in files],
        mapping=read_mapping(fields or [], FIELDS),
        graded=not regrade,
        needs_truth=compares(grader),
        limit=limit,
    )
    for note in [*notes, describe_traces(traces)]:
        progress.print(f"note: {note}")
    chosen = o.read_settings(
        preset,
        config,
        settings,
        defaults={"epochs": 1, "group_size": min(traces.most, _LARGEST_GROUP)},
        model=model,
        base_url=base_url,
        judge_model=judge_model,
        batch_size=batch_size,
        concurrency=concurrency,
        seed=seed,
        review="each_step" if review else None,
        price=price,
    )
    folder, start, parent = open_folder(runs_dir, run, fork, library)
    log_folder = o.find_log_folder(inspect_logs, inspect_dir, folder.path)
    budget = Budget(max_cost, max_tokens, max_calls, max_minutes)
    learning = TrainingRun(
        folder=folder,
        settings=chosen,
        problems=traces.problems,
        library=start,
        traces=traces,
        grader=own_grader,
        grader_name=grader,
        parent=parent,
        database=database,
        budget=budget,
    )
    learning.check_place()
    done, judged = read_metrics(folder.path), is_judged(chosen, grader)
    foresee = partial(forecast_traces, chosen, traces, judged, library=start)
    forecast = foresee(done)
    if dry_run:
        show_forecast(forecast, as_json)
        return
    learning.models.check(chosen)
    note_choices(chosen, agent=None)
    note_changes(learning)
    announce(forecast, budget, learning.prices, done)
    logs = TrainingLogs(folder, log_folder, progress.print) if log_folder else None
    show_outcome(folder, make_run(learning, foresee, logs), as_json)


def describe_traces(traces: Traces) -> str:
    """Say what there is to learn from."""
    attempts = [trace for group in traces.attempts.values() for trace in group]
    graded = sum(trace.grade is not None for trace in attempts)
    single = " of one each: every one is reflected on alone" if traces.most == 1 else ""
    return (
        f"{plural(len(attempts), 'attempt')} at {plural(len(traces.problems), 'problem')}{single}, "
        f"{graded} of them with a reward"
    )
