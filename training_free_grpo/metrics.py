"""The figures of a step and of an evaluation."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import Any

from training_free_grpo.ledger import add_ledgers
from training_free_grpo.library import active_experiences
from training_free_grpo.records import (
    Attempt,
    Evaluation,
    Group,
    Ledger,
    Library,
    Metrics,
    Operation,
    Rejection,
)

_Z = 1.96
"""Half width of a 95 % interval, in standard errors."""


def measure_step(
    state: Mapping[str, Any],
    library: Library,
    applied: Sequence[Operation],
    rejected: Sequence[Rejection],
    usage: Ledger,
    warning: str | None,
) -> Metrics:
    """Make the line of metrics.jsonl for a finished step."""
    groups: list[Group] = state["groups"]
    attempts = [attempt for group in groups for attempt in group["attempts"]]
    for group in groups:
        usage = add_ledgers(usage, group["usage"])
        rejected = [*group["rejected"], *rejected]
    return {
        "step": state["step"],
        "epoch": state["epoch"],
        "problems": len(groups),
        "rollouts": len(attempts),
        "missing": count(a["missing"] for a in attempts),
        "mean_reward": mean(a["reward"] for a in attempts),
        "best_of_group": mean(best(group["attempts"]) for group in groups),
        "groups_with_contrast": sum(group["contrast"] for group in groups),
        "groups_all_right": sum(all_are(group, "right") for group in groups),
        "groups_all_wrong": sum(all_are(group, "wrong") for group in groups),
        "groups_lost": count(group["failure"] for group in groups),
        "tool_calls": mean(a["tool_calls"] for a in attempts if not a["missing"]) or 0.0,
        "proposals": sum(len(group["proposals"]) for group in groups),
        "applied": count(operation["operation"] for operation in applied),
        "rejected": list(rejected),
        "library_size": len(active_experiences(library)),
        "warning": warning,
        "usage": usage,
    }


def measure_evaluation(groups: Sequence[Group], attempts: int) -> Evaluation:
    """Count what an evaluation found: mean@k, pass@k and the interval over problems."""
    groups = sorted(groups, key=lambda group: group["problem"])
    per_problem = [mean(a["reward"] for a in group["attempts"]) for group in groups]
    everything = [attempt for group in groups for attempt in group["attempts"]]
    usage: Ledger = {}
    for group in groups:
        usage = add_ledgers(usage, group["usage"])
    return {
        "problems": len(groups),
        "attempts": attempts,
        "mean": mean(per_problem),
        "interval": interval(per_problem),
        "best": mean(best(group["attempts"]) for group in groups),
        "missing": count(a["missing"] for a in everything),
        "tool_calls": mean(a["tool_calls"] for a in everything if not a["missing"]) or 0.0,
        "rewards": {g["problem"]: [a["reward"] for a in g["attempts"]] for g in groups},
        "usage": usage,
    }


def compare_evaluations(before: Evaluation, after: Evaluation) -> dict[str, Any]:
    """Return the mean difference over the problems that both have graded, with its interval."""
    differences = []
    for problem in sorted(before["rewards"].keys() & after["rewards"].keys()):
        old, new = mean(before["rewards"][problem]), mean(after["rewards"][problem])
        if old is not None and new is not None:
            differences.append(new - old)
    return {
        "difference": mean(differences),
        "interval": interval(differences),
        "problems": len(differences),
    }


def interval(values: Iterable[float | None]) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean over problems (normal approximation).

    Attempts at one problem are not independent; their means are, so problems are the sample.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    half = _Z * stdev(known) / sqrt(len(known))
    return fmean(known) - half, fmean(known) + half


def mean(values: Iterable[float | None]) -> float | None:
    """Average what is not missing; None if everything is."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def best(attempts: Sequence[Attempt]) -> float | None:
    """Return the best reward of a group."""
    return max((a["reward"] for a in attempts if a["reward"] is not None), default=None)


def all_are(group: Group, verdict: str) -> bool:
    """Tell whether every graded attempt of a group has this verdict, and there is one."""
    verdicts = {a["verdict"] for a in group["attempts"] if a["reward"] is not None}
    return verdicts == {verdict}


def count(reasons: Iterable[str | None]) -> dict[str, int]:
    """Count how often each reason or kind stands there."""
    return dict(Counter(reason for reason in reasons if reason is not None))
