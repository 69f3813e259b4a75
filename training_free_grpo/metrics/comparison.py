"""The paired difference between two evaluations."""

from collections.abc import Mapping, Sequence
from statistics import fmean, harmonic_mean

from training_free_grpo.metrics.student import Student, limits_of
from training_free_grpo.records import Comparison, Evaluation

Rewards = Mapping[str, Sequence[float | None]]
"""Rewards by problem; None for a missing one."""


def compare_evaluations(before: Evaluation, after: Evaluation) -> Comparison:
    """Compare each problem with itself, over the problems graded in both."""
    return compare_rewards(before["rewards"], after["rewards"])


def compare_majority(before: Evaluation, after: Evaluation) -> Comparison:
    """Compare the majority's answers of one with the mean of the other: one reward per problem."""
    rows = before["by_problem"].items()
    return compare_rewards({id: [row["majority"]] for id, row in rows}, after["rewards"])


def compare_rewards(before: Rewards, after: Rewards) -> Comparison:
    """Compare over the problems that have a reward in both."""
    pairs = []
    for problem in sorted(before.keys() & after.keys()):
        old, new = (
            [reward for reward in found[problem] if reward is not None] for found in (before, after)
        )
        if old and new:
            pairs.append((old, new))
    if not pairs:
        return {
            "difference": None,
            "interval": None,
            "p_value": None,
            "problems": 0,
            "problems_needed": None,
        }
    differences = [fmean(new) - fmean(old) for old, new in pairs]
    attempts = harmonic_mean([len(rewards) for pair in pairs for rewards in pair])
    limits = limits_of(reward for pair in pairs for rewards in pair for reward in rewards)
    student = Student.of_differences(differences, attempts, limits)
    difference = fmean(differences)
    return {
        "difference": difference,
        "interval": student.interval(),
        "p_value": student.p_value(),
        "problems": len(pairs),
        "problems_needed": student.problems_needed(difference),
    }
