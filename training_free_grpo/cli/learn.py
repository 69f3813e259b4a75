"""`tfgrpo learn-from-traces`: learn a library from recorded attempts."""

from pathlib import Path
from typing import Annotated

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.output import keeps_run, plural, reports_errors
from training_free_grpo.cli.session import carry_out_training, print_notes
from training_free_grpo.datasets import read_mapping
from training_free_grpo.graders import load_grader
from training_free_grpo.records import JSON
from training_free_grpo.session.places import find_place
from training_free_grpo.session.problems import compares
from training_free_grpo.session.training import plan_training
from training_free_grpo.traces import FIELDS, Traces, load_traces

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Files of rollouts, conversations or Inspect logs; a folder of them; or a run."
    ),
]
Model = Annotated[str | None, typer.Option(help="Model that writes the lessons.")]
Grader = Annotated[
    str, typer.Option(help="Grader for attempts without a reward: math, qa, judge, module:attr.")
]


@reports_errors(keeps_run)
def learn_from_traces(
    ctx: typer.Context,
    files: Files,
    run: o.Run = "default",
    runs_dir: o.RunsDir = Path("runs"),
    fork: o.Fork = None,
    library: o.Library = None,
    preset: o.Preset = None,
    config: o.Config = None,
    model: Model = None,
    base_url: o.BaseUrl = None,
    judge_model: o.JudgeModel = None,
    grader: Grader = "math",
    regrade: o.Regrade = False,
    batch_size: o.BatchSize = None,
    concurrency: o.Concurrency = None,
    seed: o.Seed = None,
    limit: o.Limit = None,
    fields: o.Map = None,
    review: o.Review = False,
    pairs: o.Set = None,
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
    """Learn a library from recorded attempts. Rerun the same command to resume.

    Example: tfgrpo learn-from-traces production.jsonl --model openai:gpt-5-mini --run learned
    """
    traces = read_traces(ctx.params)
    plan = plan_training(traces, **o.plan_options(plan_training, ctx.params, traces))
    carry_out_training(plan, ctx.params)


def read_traces(options: JSON) -> Traces:
    """Load recorded attempts, and describe them."""
    load_grader(options["grader"])
    traces, notes = load_traces(
        [find_place(place, options["runs_dir"]) for place in options["files"]],
        mapping=read_mapping(options["fields"] or [], FIELDS),
        graded=not options["regrade"],
        needs_truth=compares(options["grader"]),
        limit=options["limit"],
    )
    print_notes([*notes, describe_traces(traces)])
    return traces


def describe_traces(traces: Traces) -> str:
    """Describe recorded attempts."""
    attempts = [trace for group in traces.attempts.values() for trace in group]
    graded = sum(trace.grade is not None for trace in attempts)
    single = " (one each, so every attempt is reflected on alone)" if traces.most == 1 else ""
    return (
        f"{plural(len(attempts), 'attempt')} at {plural(len(traces.problems), 'problem')}{single}, "
        f"{graded} of them with a reward"
    )
