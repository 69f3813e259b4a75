"""`tfgrpo status`: how far a run is, asked from beside it."""

from collections.abc import Iterator
from pathlib import Path

from training_free_grpo.cli.options import Json, RunsDir
from training_free_grpo.cli.output import percent, print_json, reports_errors, results
from training_free_grpo.cli.report import Run
from training_free_grpo.prices import show_cost
from training_free_grpo.run_files import find_run
from training_free_grpo.run_status import RunStatus, StepStatus, read_status


@reports_errors
def status(run: Run, runs_dir: RunsDir = Path("runs"), as_json: Json = False) -> None:
    """Show how far a run is: finished, stopped, or while another process is at work on it.

    Example: tfgrpo status runs/first
    """
    found = read_status(find_run(run, runs_dir))
    if as_json:
        print_json({**found, "next": say_next(found)})
        return
    for line in describe_status(found):
        results.print(line)


def describe_status(found: RunStatus) -> Iterator[str]:
    """Write how far a run is, a line for each thing to know."""
    done, missing = of(found["steps"], found["steps_expected"]), sum(found["missing"].values())
    usage = found["total"]
    yield f"{found['run']}: {found['state']}, {done} steps"
    if found["current"] and (found["current"]["rollouts"] or found["state"] == "running"):
        yield f"  now      {describe_current(found['current'])}"
    if found["rewards"]:
        yield f"  rewards  {', '.join(percent(reward) for reward in found['rewards'])}"
    yield f"  lessons  {found['lessons']}"
    yield (
        f"  spent    {usage['calls']:,} calls, {usage['input']:,} + {usage['output']:,} tokens, "
        f"{show_cost(found)}; {usage['retries']:,} retries"
    )
    for reason, count in sorted(found["missing"].items(), key=lambda item: -item[1]):
        yield f"  missing  {count} of {missing} missing rollouts: {' '.join(reason.split())}"
    yield f"  next     {say_next(found)}"


def describe_current(step: StepStatus) -> str:
    """Write how far the step at work is."""
    epoch = f" (epoch {step['epoch']})" if step["epoch"] else ""
    return (
        f"step {step['step']}{epoch}: {of(step['rollouts'], step['rollouts_expected'])} rollouts, "
        f"{of(step['groups'], step['groups_expected'])} groups, "
        f"{step['groups_with_contrast']} with contrast, "
        f"reward {percent(step['mean_reward'])} so far"
    )


def of(done: int, expected: int | None) -> str:
    """Write a count, and what it will be at the end if that is known."""
    return f"{done:,}" if expected is None else f"{done:,} of {expected:,}"


def say_next(found: RunStatus) -> str:
    """Say what there is to do."""
    if found["state"] == "running":
        return "a process is at work on it; Ctrl-C there stops it, and loses nothing"
    if found["state"] == "waiting for review":
        return f"tfgrpo review {found['run']}, then repeat the command that began it"
    if found["state"] == "stopped":
        return "repeat the command that began it: it goes on where it stopped"
    return f"tfgrpo report {found['run']}"
