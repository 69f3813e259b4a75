"""`tfgrpo status`: the progress of a run or an evaluation, from another process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from training_free_grpo.cli.evaluation_report import describe_differences, describe_evaluation
from training_free_grpo.cli.options import Json, RunsDir
from training_free_grpo.cli.output import percent, print_json, reports_errors, results
from training_free_grpo.cli.undecided import REMEDY, give_examples
from training_free_grpo.errors import UserError
from training_free_grpo.prices import Bill, show_cost
from training_free_grpo.records import JSON, Usage
from training_free_grpo.runs.evaluation_status import EvaluationStatus, read_evaluation_status
from training_free_grpo.runs.files import find_folder, is_evaluation, list_folders
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.runs.status import RunStatus, StepStatus, read_status

Place = Annotated[
    Path | None,
    typer.Argument(help="Folder or name of a run or an evaluation; default: all of them."),
]


@reports_errors()
def status(run: Place = None, runs_dir: RunsDir = Path("runs"), as_json: Json = False) -> None:
    """Show the progress of a run or an evaluation, even while another process works on it.

    Example: tfgrpo status runs/first
    """
    if run is None:
        show_all(runs_dir, as_json)
        return
    said, lines = read_any(find_folder(run, runs_dir))
    if as_json:
        print_json(said)
        return
    for line in lines:
        results.print(line)


def show_all(runs_dir: Path, as_json: bool) -> None:
    """Show the progress of each run and evaluation in one line."""
    folders = list_folders(runs_dir)
    if not folders:
        raise RunError(
            f"there are no runs in {runs_dir}: start one with tfgrpo demo or tfgrpo train"
        )
    found = []
    for folder in folders:
        try:
            said, lines = read_any(folder)
        except UserError as error:  # one damaged run does not hide the others
            said = {"run": str(folder.path), "error": str(error)}
            lines = [f"{folder.path}: {error}"]
        found.append(said)
        if not as_json:
            results.print(lines[0])
    if as_json:
        print_json({"runs": found})


def read_any(folder: RunFolder) -> tuple[JSON, list[str]]:
    """Return the progress of a run or an evaluation, as one object and in lines."""
    if is_evaluation(folder):
        evaluation = read_evaluation_status(folder)
        next_step = say_next_of_evaluation(evaluation)
        return {**evaluation, "next": next_step}, [*describe_evaluation_status(evaluation)]
    run = read_status(folder)
    return {**run, "next": say_next(run)}, [*describe_status(run)]


def describe_status(found: RunStatus) -> Iterator[str]:
    """Write the progress of a run, one fact per line."""
    done = of(found["steps"], found["steps_expected"])
    yield f"{found['run']}: {found['state']}, {done} steps"
    if found["current"] and (found["current"]["rollouts"] or found["state"] == "running"):
        yield f"  now      {describe_current(found['current'])}"
    if found["rewards"]:
        yield f"  rewards  {', '.join(percent(reward) for reward in found['rewards'])}"
    yield f"  lessons  {found['lessons']}"
    yield describe_spending(found["total"], found)
    yield from describe_missing(found["missing"], "rollouts")
    yield from describe_undecided(found["undecided"], "rollouts")
    yield f"  next     {say_next(found)}"


def describe_current(step: StepStatus) -> str:
    """Write the progress of the current step."""
    epoch = f" (epoch {step['epoch']})" if step["epoch"] else ""
    line = (
        f"step {step['step']}{epoch}: {of(step['rollouts'], step['rollouts_expected'])} rollouts, "
        f"{of(step['groups'], step['groups_expected'])} groups, "
        f"{step['groups_with_contrast']} with contrast"
    )
    # Groups without contrast are finished first: this is no estimate of the step's reward.
    reward = step["mean_reward"]
    return line + ("" if reward is None else f", reward of the finished groups {percent(reward)}")


def describe_evaluation_status(found: EvaluationStatus) -> Iterator[str]:
    """Write the progress and results of an evaluation, one fact per line."""
    kept = f"{found['attempts']:,} attempts kept"
    yield f"{found['evaluation']}: evaluation, {found['state']}, {kept}"
    if said := found["found"]:
        for name, evaluation in said["evaluations"].items():
            yield f"  {describe_evaluation(name, evaluation)}"
        for line in describe_differences(said["evaluations"], said["differences"]):
            yield f"  {line}"
    elif found["arms"]:
        arms = (f"{a['name']} ({a['problems']} problems × {a['attempts']})" for a in found["arms"])
        yield f"  begun    {', '.join(arms)}"
    yield describe_spending(found["total"], found)
    yield from describe_missing(found["missing"], "attempts")
    yield from describe_undecided(found["undecided"], "attempts")
    yield f"  next     {say_next_of_evaluation(found)}"


def describe_spending(usage: Usage, costs: Bill) -> str:
    """Write the calls, tokens and cost."""
    return (
        f"  spent    {usage['calls']:,} calls, {usage['input']:,} + {usage['output']:,} tokens, "
        f"{show_cost(costs)}; {usage['retries']:,} retries"
    )


def describe_missing(reasons: dict[str, int], what: str) -> Iterator[str]:
    """Write why rollouts are missing, the most frequent reason first."""
    missing = sum(reasons.values())
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
        yield f"  missing  {count} of {missing} missing {what}: {' '.join(reason.split())}"


def describe_undecided(reasons: dict[str, int], what: str) -> Iterator[str]:
    """Write how many rollouts the grader could not decide, with examples and what to do."""
    if count := sum(reasons.values()):
        yield f"  undecided  {count} {what} by the grader. {REMEDY} {give_examples(reasons)}"


def of(done: int, expected: int | None) -> str:
    """Write a count, and the expected total if it is known."""
    return f"{done:,}" if expected is None else f"{done:,} of {expected:,}"


def say_next(found: RunStatus) -> str:
    """Say what to do next."""
    if found["state"] == "running":
        return "a process is working on it; Ctrl-C there stops it without losing anything"
    if found["state"] == "waiting for review":
        return f"tfgrpo review {found['run']}, then rerun the command that started it"
    if found["state"] == "stopped":
        return "rerun the command that started it to resume"
    return f"tfgrpo report {found['run']}"


def say_next_of_evaluation(found: EvaluationStatus) -> str:
    """Say what to do next."""
    if found["state"] == "running":
        return "a process is working on it; Ctrl-C there stops it without losing anything"
    if found["state"] == "stopped":
        return "rerun the command that started it to resume"
    return (
        "rerun the command that started it with --table for a line per problem: "
        "saved answers are not paid for again"
    )
