"""`tfgrpo evaluate`: mean@k of an agent, with and without its library."""

import asyncio
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, get_args

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.arms import BASELINE, compare_arms, plan_arms
from training_free_grpo.cli.data import (
    check_unseen,
    compares,
    defaults_of,
    grader_of,
    read_data,
)
from training_free_grpo.cli.evaluation_report import (
    describe_details,
    describe_differences,
    describe_evaluation,
    draw_table,
)
from training_free_grpo.cli.first import check_first
from training_free_grpo.cli.output import (
    FAILED,
    keeps_run,
    print_json,
    progress,
    reports_errors,
    results,
)
from training_free_grpo.cli.progress import Watch
from training_free_grpo.cli.recorded import grade_recorded, read_recorded
from training_free_grpo.cli.spending import GOES_ON, announce, is_judged, show_forecast
from training_free_grpo.graders import load_grader
from training_free_grpo.inspect_logs import EvaluationLogs
from training_free_grpo.records import JSON, Evaluation, Event
from training_free_grpo.rollouts.load_agent import load_agent
from training_free_grpo.runs.evaluation import Arm, EvaluationRun
from training_free_grpo.runs.folder import name_run
from training_free_grpo.runs.interrupts import stop_on_interrupt
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.spending.budget import Budget, OutOfBudget
from training_free_grpo.spending.forecast import add_forecasts, forecast_evaluation
from training_free_grpo.storage.files import write_atomically

Dataset = Annotated[str | None, *get_args(o.Dataset)[1:]]


@reports_errors(keeps_run)
def evaluate(
    dataset: Dataset = None,
    recorded: Annotated[Path | None, typer.Option(help="Grade the answers of this file.")] = None,
    library: Annotated[Path | None, typer.Option(help="Library file, run folder or run.")] = None,
    run: Annotated[str | None, typer.Option(help="Keep the answers; the same goes on.")] = None,
    runs_dir: o.RunsDir = Path("runs"),
    baseline: Annotated[bool, typer.Option(help="Also without the library, and compare.")] = False,
    placebo: Annotated[
        Path | None, typer.Option(help="Also with as much text: a library of another domain.")
    ] = None,
    equal_cost: Annotated[
        bool, typer.Option("--equal-cost", help="Also with as many tokens spent on attempts.")
    ] = False,
    k: Annotated[int | None, typer.Option("--k", help="Attempts per problem.")] = None,
    preset: o.Preset = None,
    config: o.Config = None,
    model: o.Model = None,
    base_url: o.BaseUrl = None,
    judge_model: o.JudgeModel = None,
    agent: o.AgentName = None,
    grader: o.GraderName = "auto",
    concurrency: o.Concurrency = None,
    temperature: o.EvaluationTemperature = None,
    seed: o.Seed = None,
    limit: o.Limit = None,
    sample: o.Sample = None,
    fields: o.Map = None,
    allow_overlap: o.AllowOverlap = False,
    settings: o.Set = None,
    price: o.Price = None,
    max_cost: o.MaxCost = None,
    max_tokens: o.MaxTokens = None,
    max_calls: o.MaxCalls = None,
    max_minutes: o.MaxMinutes = None,
    inspect_logs: o.InspectLogs = False,
    inspect_dir: o.InspectDir = None,
    dry_run: o.DryRun = False,
    table: Annotated[bool, typer.Option("--table", help="Also a line per problem.")] = False,
    quiet: o.Quiet = False,
    as_json: o.Json = False,
) -> None:
    """Measure mean@k over a data set, with an interval over problems.

    With --run, answers are kept as they arrive: the same command goes on where it stopped.
    With --recorded, answers that exist are graded, and no model is asked.

    A gain may come of more text, or of more tokens spent: --placebo and --equal-cost tell.

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
        price=price,
    )
    grader = grader_of(grader, dataset or "")
    own_grader, loaded = load_grader(grader), load_agent(agent)
    if recorded:
        check_alone(
            {"DATASET": dataset, "--library": library, "--run": run, "--baseline": baseline}
            | {"--k": k, "--model": model, "--judge-model": judge_model, "--agent": agent}
            | {"--sample": sample, "--map": fields}
            | {"--placebo": placebo, "--equal-cost": equal_cost}
            | {"--inspect-logs": inspect_logs, "--inspect-dir": inspect_dir}
        )
        work = grade_recorded(read_recorded(recorded, limit), own_grader, chosen.concurrency)
        show(report({"recorded": asyncio.run(work)}, {}), table, as_json)
        return
    if dataset is None:
        raise SettingsError("name a data set, or recorded answers with --recorded FILE")
    folder = name_run(runs_dir, run) if run is not None else None
    log_folder = o.find_log_folder(inspect_logs, inspect_dir, folder)
    problems = read_data(dataset, limit, sample, fields, compares(grader))
    for place in filter(None, (library, placebo)):
        check_unseen(place, runs_dir, problems, allow_overlap)
    plan = plan_arms(
        chosen, library, runs_dir, baseline=baseline, placebo=placebo, equal_cost=equal_cost
    )
    budget = Budget(max_cost, max_tokens, max_calls, max_minutes)
    evaluation = EvaluationRun(
        problems=problems,
        arms=plan.arms,
        agent=loaded,
        agent_name=agent,
        grader=own_grader,
        folder=folder,
        budget=budget,
    )
    attempter, judged = evaluation.attempter, is_judged(chosen, grader)
    forecast = add_forecasts(
        forecast_evaluation(arm.settings, problems, judged, arm.library, attempter=attempter)
        for arm in plan.arms
        if isinstance(arm, Arm)
    )
    if equal_cost and not attempter.replayable:
        progress.print("note: your agent's own calls are not kept, so equal cost makes all anew")
    if dry_run:
        show_forecast(forecast, as_json)
        return
    evaluation.models.check(chosen)
    announce(forecast, budget, evaluation.prices(chosen))
    logs = None
    if log_folder:
        name = run or "evaluation"
        logs = EvaluationLogs(name, problems, attempter, grader, log_folder, progress.print)
    said = report(make_evaluations(evaluation, chosen, logs), plan.notes)
    if folder:
        write_atomically(folder / "evaluation.json", json.dumps(said) + "\n")
    show(said, table, as_json)
    if any(each["mean"] is None for each in said["evaluations"].values()):
        raise typer.Exit(FAILED)


def check_alone(others: JSON) -> None:
    """Raise SettingsError for what says how to make answers beside answers that exist."""
    surplus = [name for name, value in others.items() if value]
    if surplus:
        raise SettingsError(
            f"--recorded grades answers that exist: leave out {', '.join(surplus)}, "
            "or leave out --recorded"
        )


def make_evaluations(
    evaluation: EvaluationRun, settings: Settings, logs: EvaluationLogs | None
) -> dict[str, Evaluation]:
    """Make the evaluations, going on where earlier ones in the folder stopped."""
    arms = [arm for arm in evaluation.arms if isinstance(arm, Arm)]
    each = (arm.settings.attempts + 1 for arm in arms)
    expected = len(evaluation.problems) * sum(each)
    watch = Watch(progress, evaluation.prices(settings), expected=expected)

    def say(arm: Arm) -> None:
        problems, attempts = len(evaluation.problems), arm.settings.attempts
        progress.print(f"evaluating {arm.name}: {problems} problems × {attempts}")
        watch.begin(arm.name, problems, problems * attempts)
        if logs:
            logs.begin(arm)

    def hear(event: Event) -> None:
        watch.hear(event)
        if logs:
            logs.hear(event)

    first = check_first(settings, evaluation.attempter)
    gate = evaluation.models.gate
    work = evaluation.run(first, say, hear)
    try:
        with watch, logs or nullcontext():
            return asyncio.run(stop_on_interrupt(work, gate, progress.print))
    except OutOfBudget as error:
        rest = f"The same command with a larger budget {GOES_ON}"
        if not evaluation.folder:
            rest = "Nothing was kept: give --run NAME to be able to go on"
        raise OutOfBudget(f"{error}. {rest}") from None


def report(found: dict[str, Evaluation], notes: dict[str, str]) -> JSON:
    """Put the evaluations together, and by how much the library is better than each other arm."""
    differences = compare_arms(found)
    return {
        "evaluations": found,
        "difference": differences.get(BASELINE),
        "differences": differences,
        "notes": notes,
    }


def show(said: JSON, table: bool, as_json: bool) -> None:
    """Show each evaluation, and the differences between them."""
    if as_json:
        print_json(said)
        return
    for name, evaluation in said["evaluations"].items():
        results.print(describe_evaluation(name, evaluation))
        for line in describe_details(evaluation):
            results.print(f"  {line}")
    for name, note in said["notes"].items():
        results.print(f"{name}: {note}")
    for line in describe_differences(said["evaluations"], said["differences"]):
        results.print(line)
    if table:
        for name, evaluation in said["evaluations"].items():
            results.print(f"\n{name}:")
            for line in draw_table(evaluation):
                results.print(line)
