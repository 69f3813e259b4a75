"""`tfgrpo train`: learn a library from a data set."""

from pathlib import Path

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.output import keeps_run, reports_errors
from training_free_grpo.cli.session import carry_out_training
from training_free_grpo.session.training import plan_training


@reports_errors(keeps_run)
def train(
    ctx: typer.Context,
    dataset: o.Dataset,
    run: o.Run = "default",
    runs_dir: o.RunsDir = Path("runs"),
    fork: o.Fork = None,
    library: o.Library = None,
    preset: o.Preset = None,
    config: o.Config = None,
    model: o.Model = None,
    base_url: o.BaseUrl = None,
    reflection_model: o.ReflectionModel = None,
    reflection_base_url: o.ReflectionUrl = None,
    judge_model: o.JudgeModel = None,
    agent: o.AgentName = None,
    grader: o.GraderName = "auto",
    epochs: o.Epochs = None,
    batch_size: o.BatchSize = None,
    group_size: o.GroupSize = None,
    concurrency: o.Concurrency = None,
    temperature: o.Temperature = None,
    seed: o.Seed = None,
    limit: o.Limit = None,
    sample: o.Sample = None,
    mapping: o.Map = None,
    review: o.Review = False,
    pairs: o.Set = None,
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
    """Learn a library from a data set. Rerun the same command to resume.

    Example: tfgrpo train problems.jsonl --model openai:gpt-5-mini --run first
    """
    plan = plan_training(dataset, **o.plan_options(plan_training, ctx.params, dataset))
    carry_out_training(plan, ctx.params)
