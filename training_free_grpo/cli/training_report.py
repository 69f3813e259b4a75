"""The progress and outcome of a training run, in words."""

from collections import Counter

import typer

from training_free_grpo.cli.output import (
    FAILED,
    errors,
    percent,
    plural,
    print_json,
    print_lessons,
    progress,
    results,
)
from training_free_grpo.cli.undecided import warn_of_steps
from training_free_grpo.ledger import total_usage
from training_free_grpo.library import active_experiences
from training_free_grpo.prices import show_cost
from training_free_grpo.records import JSON, Event, Metrics
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.outcome import learned_nothing, say_most_frequent
from training_free_grpo.runs.reviews import read_pending


def report(event: Event) -> None:
    """Print a line per finished step."""
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
    if undecided := Counter(step.get("undecided")):
        line += f", {undecided.total()} undecided by the grader ({say_most_frequent(undecided)})"
    if lost := Counter(step["groups_lost"]):
        line += f", {lost.total()} groups lost ({say_most_frequent(lost)})"
    return line + (f"\n  warning: {step['warning']}" if step["warning"] else "")


def show_outcome(folder: RunFolder, state: JSON, as_json: bool) -> None:
    """Print the outcome of a run."""
    pending = read_pending(folder.path)
    warning = None if pending else learned_nothing(state["metrics"])
    if warning:
        errors.print(f"warning: {warning}")
    if undecided := None if pending else warn_of_steps(state["metrics"]):
        errors.print(f"warning: {undecided}")
    if as_json:
        status = "waiting for review" if pending else "finished"
        print_json({"status": status, **summarize_run(folder, state, warning)})
    elif pending:
        count = len(pending["operations"])
        waiting = plural(count, "operation")
        results.print(f"step {pending['step']} waits for a review of {waiting}.")
        results.print(f"Decide with  tfgrpo review {folder.path}  and then rerun this command.")
    else:
        count = len(active_experiences(state["library"]))
        results.print(f"{plural(count, 'lesson')} in {folder.path}:")
        print_lessons(state["library"])
    if state["metrics"] and all(is_lost(step) for step in state["metrics"]):
        raise typer.Exit(FAILED)


def is_lost(step: Metrics) -> bool:
    """Tell whether none of the rollouts of a step could be graded."""
    without = [*step["missing"].values(), *step.get("undecided", {}).values()]
    return 0 < step["rollouts"] == sum(without)


def summarize_run(folder: RunFolder, state: JSON, warning: str | None) -> JSON:
    """Return the outcome of a run as one JSON object."""
    return {
        "run": str(folder.path),
        "steps": len(state["metrics"]),
        "library": state["library"],
        "metrics": state["metrics"],
        "usage": folder.read_json("usage.json"),
        "warning": warning,
    }
