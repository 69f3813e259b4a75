"""The losses of a run in the report."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from training_free_grpo.records import Metrics
from training_free_grpo.runs.status import RunStatus


class Missing(NamedTuple):
    """Rollouts without a reward for one reason, in total and by step."""

    reason: str
    rollouts: int
    steps: Sequence[tuple[int, int]]


class Lost(NamedTuple):
    """Groups of a step that were not compared, or None for a step that had no plan."""

    step: int
    groups: int | None
    reason: str


def count_missing(metrics: Sequence[Metrics], status: RunStatus) -> list[Missing]:
    """Count the missing rollouts, the most frequent reason first."""
    found = []
    for reason, rollouts in status["missing"].items():
        steps = [(s["step"], n) for s in metrics if (n := s["missing"].get(reason))]
        rest = rollouts - sum(n for _, n in steps)
        if rest and status["current"]:
            steps.append((status["current"]["step"], rest))
        found.append(Missing(reason, rollouts, steps))
    return sorted(found, key=lambda missing: -missing.rollouts)


def count_undecided(metrics: Sequence[Metrics], status: RunStatus) -> list[Missing]:
    """Count the undecided rollouts, by the message of the grader."""
    found = []
    for reason, rollouts in status["undecided"].items():
        steps = [(s["step"], n) for s in metrics if (n := s.get("undecided", {}).get(reason))]
        found.append(Missing(reason, rollouts, steps))
    return sorted(found, key=lambda undecided: -undecided.rollouts)


def list_lost(metrics: Sequence[Metrics]) -> Iterator[Lost]:
    """List the groups that the finished steps could not use."""
    for step in metrics:
        for reason, groups in sorted(step["groups_lost"].items()):
            yield Lost(step["step"], groups, reason)
        if step["warning"]:
            yield Lost(step["step"], None, step["warning"])
