"""The progress of a run, read from its files, even while another process writes them."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal, TypedDict

from training_free_grpo.learning.batches import count_steps, draw
from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.library import active_experiences, load_library
from training_free_grpo.metrics.figures import count, mean
from training_free_grpo.metrics.figures import undecided as count_undecided
from training_free_grpo.models import Models
from training_free_grpo.models.prices import price_of, prices_of
from training_free_grpo.prices import add_bills, bill
from training_free_grpo.records import JSON, Cost, Ledger, RoleCost, Usage
from training_free_grpo.runs.files import read_groups, read_rollouts
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.lines import read_lines
from training_free_grpo.runs.reviews import read_pending
from training_free_grpo.settings import Settings

State = Literal["running", "waiting for review", "stopped", "finished"]


class StepStatus(TypedDict):
    """The progress of a step; expected counts are None if the problems are not known."""

    step: int
    epoch: int | None
    rollouts: int
    rollouts_expected: int | None
    groups: int
    groups_expected: int | None
    groups_with_contrast: int
    mean_reward: float | None
    """Of the groups that are finished."""


class RunStatus(TypedDict):
    """The progress and cost of a run; calls in flight are not counted."""

    run: str
    state: State
    steps: int
    """Finished ones."""
    steps_expected: int | None
    current: StepStatus | None
    """The current step; None once all are finished."""
    rewards: list[float | None]
    """Mean reward of each finished step."""
    lessons: int
    missing: dict[str, int]
    """Rollouts without an answer, or whose grader failed, by reason."""
    undecided: dict[str, int]
    """Rollouts that the grader left undecided, by the grader's message."""
    usage: Ledger
    total: Usage
    cost: Cost
    costs: dict[str, RoleCost]


def read_status(folder: RunFolder) -> RunStatus:
    """Read the progress of a run."""
    settings, attempter = folder.settings, folder.attempter
    problems = list(read_lines(folder.path / "problems.jsonl", "id"))
    steps = folder.metrics
    rollouts = read_rollouts(folder.path, len(steps) + 1)
    groups = read_groups(folder.path, len(steps) + 1)
    expected = count_steps(len(problems), settings) if problems else None
    current = None
    if len(steps) != expected:
        size, finished = attempter["group_size"], groups.values()
        current = measure_current(settings, problems, len(steps) + 1, size, len(rollouts), finished)
    usage = usage_so_far(rollouts.values(), groups.values())
    rollout = price_of(settings.price, (attempter["model"], settings.base_url))
    bills = [bill(usage, prices_of(Models(), settings, rollout)), *steps]
    missing = Counter(count(row["missing"] for row in rollouts.values()))
    undecided = Counter(count_undecided(a for group in groups.values() for a in group["attempts"]))
    for step in steps:
        usage = add_ledgers(usage, step["usage"])
        missing.update(step["missing"])
        undecided.update(step.get("undecided"))
    return {
        "run": str(folder.path),
        "state": find_state(folder, finished=current is None),
        "steps": len(steps),
        "steps_expected": expected,
        "current": current,
        "rewards": [step["mean_reward"] for step in steps],
        "lessons": count_lessons(folder),
        "missing": dict(missing),
        "undecided": dict(undecided),
        "usage": usage,
        "total": total_usage(usage),
        **add_bills(bills),
    }


def find_state(folder: RunFolder, *, finished: bool) -> State:
    """Return the state of a run: running, or why not."""
    if folder.at_work:
        return "running"
    if read_pending(folder.path):
        return "waiting for review"
    return "finished" if finished else "stopped"


def measure_current(
    settings: Settings,
    problems: Sequence[str],
    step: int,
    size: int | None,
    rollouts: int,
    groups: Collection[JSON],
) -> StepStatus:
    """Count what the current step has finished."""
    epoch, batch = draw(problems, step, settings) if problems else (None, None)
    return {
        "step": step,
        "epoch": epoch,
        "rollouts": rollouts,
        "rollouts_expected": None if batch is None or size is None else size * len(batch),
        "groups": len(groups),
        "groups_expected": None if batch is None else len(batch),
        "groups_with_contrast": sum(group["contrast"] for group in groups),
        "mean_reward": mean(a["reward"] for group in groups for a in group["attempts"]),
    }


def usage_so_far(rollouts: Collection[JSON], groups: Collection[JSON]) -> Ledger:
    """Add up the finished groups of a step, and the rollouts of the others."""
    usage: Ledger = {}
    closed = {attempt["id"] for group in groups for attempt in group["attempts"]}
    for row in [*groups, *(row for row in rollouts if row["id"] not in closed)]:
        usage = add_ledgers(usage, row["usage"])
    return usage


def count_lessons(folder: RunFolder) -> int:
    """Count the active lessons; before the first step no library is saved."""
    file = folder.path / "library.json"
    return len(active_experiences(load_library(file))) if file.exists() else 0
