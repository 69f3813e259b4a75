"""`tfgrpo evaluate`: mean@k of an agent, with and without its library."""

import asyncio
from pathlib import Path
from typing import Annotated, get_args

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.evaluation_report import show_evaluations
from training_free_grpo.cli.output import keeps_run, reports_errors
from training_free_grpo.cli.recorded import grade_recorded, read_recorded
from training_free_grpo.cli.session import carry_out_evaluation
from training_free_grpo.graders import load_grader
from training_free_grpo.records import JSON
from training_free_grpo.session.evaluation import (
    PlannedEvaluation,
    plan_evaluation,
    report_evaluations,
)
from training_free_grpo.session.problems import grader_of
from training_free_grpo.settings import SettingsError

_MAKING_ANSWERS = {
    "dataset": "DATASET",
    "library": "--library",
    "run": "--run",
    "baseline": "--baseline",
    "attempts": "--k",
    "model": "--model",
    "judge_model": "--judge-model",
    "agent": "--agent",
    "sample": "--sample",
    "mapping": "--map",
    "placebo": "--placebo",
    "equal_cost": "--equal-cost",
    "inspect_logs": "--inspect-logs",
    "inspect_dir": "--inspect-dir",
}
"""Options for making answers, which --recorded does not need."""

Dataset = Annotated[str | None, *get_args(o.Dataset)[1:]]


@reports_errors(keeps_run)
def evaluate(
    ctx: typer.Context,
    dataset: Dataset = None,
    recorded: o.Recorded = None,
    library: o.Learned = None,
    run: o.Kept = None,
    runs_dir: o.RunsDir = Path("runs"),
    baseline: o.Baseline = False,
    placebo: o.Placebo = None,
    equal_cost: o.EqualCost = False,
    attempts: o.Attempts = None,
    preset: o.Preset = None,
    config: o.Config = None,
    model: o.Model = None,
    base_url: o.BaseUrl = None,
    judge_model: o.JudgeModel = None,
    agent: o.AgentName = None,
    grader: o.GraderName = "auto",
    concurrency: o.Concurrency = None,
    evaluation_temperature: o.EvaluationTemperature = None,
    seed: o.Seed = None,
    limit: o.Limit = None,
    sample: o.Sample = None,
    mapping: o.Map = None,
    allow_overlap: o.AllowOverlap = False,
    pairs: o.Set = None,
    price: o.Price = None,
    max_cost: o.MaxCost = None,
    max_tokens: o.MaxTokens = None,
    max_calls: o.MaxCalls = None,
    max_minutes: o.MaxMinutes = None,
    inspect_logs: o.InspectLogs = False,
    inspect_dir: o.InspectDir = None,
    dry_run: o.DryRun = False,
    table: o.Table = False,
    quiet: o.Quiet = False,
    as_json: o.Json = False,
) -> None:
    """Measure mean@k over a data set, with an interval over problems.

    With --run, answers are saved as they arrive: rerun the same command to resume.
    With --recorded, existing answers are graded, and no model is called.
    --placebo and --equal-cost show whether a gain comes from the lessons, or merely from a
    longer prompt or a larger budget.

    Example: tfgrpo evaluate aime.jsonl --library runs/first --baseline --k 32
    """
    if recorded:
        grade_file(recorded, ctx.params)
    else:
        carry_out_evaluation(plan_arms(dataset, ctx.params), ctx.params)


def plan_arms(dataset: str | None, options: JSON) -> PlannedEvaluation:
    """Plan the arms that the options request."""
    if dataset is None:
        raise SettingsError("name a data set, or give recorded answers with --recorded FILE")
    return plan_evaluation(dataset, **o.plan_options(plan_evaluation, options, dataset))


def grade_file(file: Path, options: JSON) -> None:
    """Grade recorded answers; raise SettingsError for options that describe how to make them."""
    settings = o.read_settings(options)
    if surplus := [flag for name, flag in _MAKING_ANSWERS.items() if options[name]]:
        raise SettingsError(
            f"--recorded grades answers that exist: leave out {', '.join(surplus)}, "
            "or leave out --recorded"
        )
    grader = load_grader(grader_of(options["grader"], ""))
    work = grade_recorded(read_recorded(file, options["limit"]), grader, settings.concurrency)
    said = report_evaluations({"recorded": asyncio.run(work)}, {})
    show_evaluations(said, options["table"], options["as_json"])
