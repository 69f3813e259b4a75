"""`tfgrpo train`: learn a library from a data set."""

import asyncio
from collections import Counter
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.data import compares, defaults_of, grader_of, read_data
from training_free_grpo.cli.first import check_first
from training_free_grpo.cli.output import (
    FAILED,
    errors,
    keeps_run,
    percent,
    plural,
    print_json,
    print_lessons,
    progress,
    reports_errors,
    results,
)
from training_free_grpo.cli.progress import Foresee, TrainingWatch
from training_free_grpo.cli.spending import announce, explain_stop, is_judged, show_forecast
from training_free_grpo.graders import load_grader
from training_free_grpo.inspect_logs import TrainingLogs
from training_free_grpo.ledger import total_usage
from training_free_grpo.library import active_experiences, load_library
from training_free_grpo.prices import show_cost
from training_free_grpo.records import JSON, Event, Metrics
from training_free_grpo.rollouts.load_agent import load_agent
from training_free_grpo.runs.files import read_metrics
from training_free_grpo.runs.folder import RunError, RunFolder, name_run
from training_free_grpo.runs.interrupts import stop_on_interrupt
from training_free_grpo.runs.lineage import learner_of
from training_free_grpo.runs.reviews import read_pending
from training_free_grpo.runs.training import TrainingRun, learned_nothing, say_most_frequent
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget, OutOfBudget
from training_free_grpo.spending.forecast import forecast_training


@reports_errors(keeps_run)
def train(
    dataset: o.Dataset,
    run: Annotated[str, typer.Option(help="Name of the run; the same name goes on.")] = "default",
    runs_dir: o.RunsDir = Path("runs"),
    fork: Annotated[str | None, typer.Option(help="New run, from this run's library.")] = None,
    library: Annotated[Path | None, typer.Option(help="Library or run to start from.")] = None,
    preset: o.Preset = None,
    config: o.Config = None,
    model: o.Model = None,
    base_url: o.BaseUrl = None,
    reflection_model: o.ReflectionModel = None,
    reflection_base_url: o.ReflectionUrl = None,
    judge_model: o.JudgeModel = None,
    agent: o.AgentName = None,
    grader: o.GraderName = "auto",
    epochs: Annotated[int | None, typer.Option(help="Passes over the problems.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Problems per step.")] = None,
    group_size: o.GroupSize = None,
    concurrency: o.Concurrency = None,
    temperature: o.Temperature = None,
    seed: o.Seed = None,
    limit: o.Limit = None,
    sample: o.Sample = None,
    fields: o.Map = None,
    review: Annotated[
        bool, typer.Option("--review", help="Wait for a person before each step's edits.")
    ] = False,
    settings: o.Set = None,
    database: o.Database = None,
    executor: o.Executor = "local",
    ray_address: o.RayAddress = None,
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
    """Learn a library from a data set; the same command again goes on where it stopped.

    Example: tfgrpo train problems.jsonl --model openai:gpt-5-mini --run first
    """
    chosen = o.read_settings(
        preset,
        config,
        settings,
        defaults=defaults_of(dataset),
        model=model,
        base_url=base_url,
        reflection_model=reflection_model,
        reflection_base_url=reflection_base_url,
        judge_model=judge_model,
        epochs=epochs,
        batch_size=batch_size,
        group_size=group_size,
        concurrency=concurrency,
        temperature=temperature,
        seed=seed,
        review="each_step" if review else None,
        price=price,
    )
    grader = grader_of(grader, dataset)
    own_grader, loaded = load_grader(grader), load_agent(agent)
    needs_truth = compares(grader) and not chosen.directly_generated
    problems = read_data(dataset, limit, sample, fields, needs_truth)
    folder, start, parent = open_folder(runs_dir, run, fork, library)
    log_folder = o.find_log_folder(inspect_logs, inspect_dir, folder.path)
    budget = Budget(max_cost, max_tokens, max_calls, max_minutes)
    training = TrainingRun(
        folder=folder,
        settings=chosen,
        problems=problems,
        library=start,
        agent=loaded,
        agent_name=agent,
        grader=own_grader,
        grader_name=grader,
        parent=parent,
        database=database,
        cluster=o.find_cluster(executor, ray_address),
        budget=budget,
    )
    training.check_place()
    done, judged = read_metrics(folder.path), is_judged(chosen, grader)
    foresee = partial(
        forecast_training, chosen, problems, judged, library=start, attempter=training.attempter
    )
    forecast = foresee(done)
    if dry_run:
        show_forecast(forecast, as_json)
        return
    training.models.check(chosen)
    note_choices(chosen, agent)
    note_changes(training)
    announce(forecast, budget, training.prices, done)
    logs = TrainingLogs(folder, log_folder, progress.print) if log_folder else None
    show_outcome(folder, make_run(training, foresee, logs), as_json)


def open_folder(
    runs_dir: Path, run: str, fork: str | None, library: Path | None
) -> tuple[RunFolder, Any, str | None]:
    """Return the folder of the run, the library it starts from, and the run that learned that."""
    start = o.find_library(library, runs_dir) if library else None
    learner = learner_of(o.find_place(library, runs_dir), runs_dir) if library else None
    if fork is None:
        return RunFolder(name_run(runs_dir, run)), start, learner
    parent, new = name_run(runs_dir, run), name_run(runs_dir, fork)
    if not parent.is_dir():
        raise RunError(f"there is no run {run!r} in {runs_dir} to fork")
    if not (start or (parent / "library.json").exists()):
        raise RunError(f"the run {run!r} has finished no step, so there is nothing to fork")
    return RunFolder(new), start or load_library(parent), learner or parent.name


def make_run(training: TrainingRun, foresee: Foresee, logs: TrainingLogs | None = None) -> JSON:
    """Make a run, or what is left of it, show how it goes on, and return its state."""
    folder, watch = training.folder, TrainingWatch(progress, training, foresee)

    def hear(event: Event) -> None:
        report(event)
        watch.hear(event)
        if logs:
            logs.hear(event)

    work = training.run(check_first(training.settings, training.attempter), hear)
    try:
        with watch, logs or nullcontext():
            return asyncio.run(stop_on_interrupt(work, training.models.gate, progress.print))
    except OutOfBudget as error:
        raise explain_stop(error, folder, read_metrics(folder.path)) from None


def note_choices(settings: Settings, agent: str | None) -> None:
    """Say what a user may not expect of the models that were chosen."""
    if settings.model == "simulated":
        progress.print("note: the model is simulated: rules that follow lessons, not a real model")
    if settings.model.startswith("recorded:") and settings.reflection_model is None:
        progress.print("note: rollouts are recorded; the embedded model words the lessons")
    if agent and settings.model == "simulated" and settings.reflection_model is None:
        progress.print("note: name a real --reflection-model to learn from your agent's attempts")


def note_changes(training: TrainingRun) -> None:
    """Say with which settings a run goes on that change nothing in what is learned."""
    if training.folder.exists:
        for change in training.folder.list_changes(training.settings.model_dump(mode="json")):
            progress.print(f"note: the run goes on with {change}")
    if training.finished:
        progress.print("note: the run is finished: nothing is left to do")


def report(event: Event) -> None:
    """Say a line per finished step."""
    if event["event"] == "step":
        progress.print(describe_step(event["metrics"]))


def describe_step(step: Metrics) -> str:
    """Write the figures of a step in a line."""
    usage = total_usage(step["usage"])
    missing = sum(step["missing"].values())
    line = (
        f"step {step['step']} (epoch {step['epoch']}): reward {percent(step['mean_reward'])}, "
        f"{step['groups_with_contrast']} of {step['problems']} groups with contrast, "
        f"{step['library_size']} lessons, {usage['calls']} calls, "
        f"{usage['input']:,} + {usage['output']:,} tokens, {show_cost(step)}"
    )
    if missing:
        line += f", {missing} rollouts missing ({say_most_frequent(Counter(step['missing']))})"
    if lost := Counter(step["groups_lost"]):
        line += f", {lost.total()} groups lost ({say_most_frequent(lost)})"
    return line + (f"\n  warning: {step['warning']}" if step["warning"] else "")


def show_outcome(folder: RunFolder, state: JSON, as_json: bool) -> None:
    """Say what a run has come to."""
    pending = read_pending(folder.path)
    warning = None if pending else learned_nothing(state["metrics"])
    if warning:
        errors.print(f"warning: {warning}")
    if as_json:
        status = "waiting for review" if pending else "finished"
        print_json({"status": status, **summarize_run(folder, state, warning)})
    elif pending:
        count = len(pending["operations"])
        waiting = plural(count, "operation")
        results.print(f"step {pending['step']} waits for a review of {waiting}.")
        results.print(f"Decide with  tfgrpo review {folder.path}  and repeat this command.")
    else:
        count = len(active_experiences(state["library"]))
        results.print(f"{plural(count, 'lesson')} in {folder.path}:")
        print_lessons(state["library"])
    if state["metrics"] and all(is_lost(step) for step in state["metrics"]):
        raise typer.Exit(FAILED)


def is_lost(step: Metrics) -> bool:
    """Tell whether a step made rollouts, and none of them could be graded."""
    return 0 < step["rollouts"] == sum(step["missing"].values())


def summarize_run(folder: RunFolder, state: JSON, warning: str | None) -> JSON:
    """Put what a run has come to into one JSON object."""
    return {
        "run": str(folder.path),
        "steps": len(state["metrics"]),
        "library": state["library"],
        "metrics": state["metrics"],
        "usage": folder.read_json("usage.json"),
        "warning": warning,
    }
