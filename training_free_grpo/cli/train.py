"""`tfgrpo train`: learn a library from a data set."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.data import compares, grader_of, read_data
from training_free_grpo.cli.first import check_first
from training_free_grpo.cli.output import (
    percent,
    print_json,
    print_lessons,
    progress,
    reports_errors,
    results,
)
from training_free_grpo.graders import load_grader
from training_free_grpo.interrupts import stop_on_interrupt
from training_free_grpo.ledger import total_usage
from training_free_grpo.library import active_experiences, load_library
from training_free_grpo.records import JSON, Metrics
from training_free_grpo.run_folder import RunError, RunFolder
from training_free_grpo.settings import Settings
from training_free_grpo.training_run import TrainingRun, learned_nothing


@reports_errors
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
    settings: o.Set = None,
    as_json: o.Json = False,
) -> None:
    """Learn a library from a data set; the same command again goes on where it stopped.

    Example: tfgrpo train problems.jsonl --model openai:gpt-5-mini --run first
    """
    chosen = o.read_settings(
        preset,
        config,
        settings,
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
    )
    grader = grader_of(grader, dataset)
    needs_truth = compares(grader) and not chosen.directly_generated
    problems = read_data(dataset, limit, sample, fields, needs_truth)
    folder, start, parent = open_folder(runs_dir, run, fork, library)
    training = TrainingRun(
        folder=folder,
        settings=chosen,
        problems=problems,
        library=start,
        agent=o.read_agent(agent),
        agent_name=agent,
        grader=load_grader(grader),
        grader_name=grader,
        parent=parent,
    )
    training.models.check(chosen)
    note_choices(chosen, agent)
    work = training.run(check_first(chosen, uses_tools=agent is None), report)
    state = asyncio.run(stop_on_interrupt(work, training.models.gate, progress.print))
    show_outcome(folder, state, as_json)


def open_folder(
    runs_dir: Path, run: str, fork: str | None, library: Path | None
) -> tuple[RunFolder, Any, str | None]:
    """Return the folder of the run, the library it starts from, and the run it was forked from."""
    start = o.find_library(library, runs_dir) if library else None
    if fork is None:
        return RunFolder(runs_dir / run), start, None
    if not (runs_dir / run).is_dir():
        raise RunError(f"there is no run {run!r} in {runs_dir} to fork")
    new = RunFolder(runs_dir / fork)
    return new, start or load_library(runs_dir / run), run


def note_choices(settings: Settings, agent: str | None) -> None:
    """Say what a user may not expect of the models that were chosen."""
    if settings.model == "simulated":
        progress.print("note: the model is simulated: rules that follow lessons, not a real model")
    if settings.model.startswith("recorded:") and settings.reflection_model is None:
        progress.print("note: rollouts are recorded; the embedded model words the lessons")
    if agent and settings.model == "simulated" and settings.reflection_model is None:
        progress.print("note: name a real --reflection-model to learn from your agent's attempts")


def report(node: str, update: Any) -> None:
    """Say a line per finished step."""
    if node == "edit_experiences":
        progress.print(describe_step(update["metrics"][-1]))


def describe_step(step: Metrics) -> str:
    """Write the figures of a step in a line."""
    usage = total_usage(step["usage"])
    missing = sum(step["missing"].values())
    line = (
        f"step {step['step']} (epoch {step['epoch']}): reward {percent(step['mean_reward'])}, "
        f"{step['groups_with_contrast']} of {step['problems']} groups with contrast, "
        f"{step['library_size']} lessons, {usage['calls']} calls, "
        f"{usage['input']:,} + {usage['output']:,} tokens"
    )
    line += f", {missing} rollouts missing" if missing else ""
    return line + (f"\n  warning: {step['warning']}" if step["warning"] else "")


def show_outcome(folder: RunFolder, state: JSON, as_json: bool) -> None:
    """Say what a run has come to."""
    warning = learned_nothing(state["metrics"])
    if warning:
        progress.print(f"warning: {warning}")
    if as_json:
        print_json(summarize_run(folder, state, warning))
        return
    results.print(f"{len(active_experiences(state['library']))} lessons in {folder.path}:")
    print_lessons(state["library"])


def summarize_run(folder: RunFolder, state: JSON, warning: str | None) -> JSON:
    """Put what a run has come to into one JSON object."""
    return {
        "run": str(folder.path),
        "steps": state["step"],
        "library": state["library"],
        "metrics": state["metrics"],
        "usage": folder.read_json("usage.json"),
        "warning": warning,
    }
