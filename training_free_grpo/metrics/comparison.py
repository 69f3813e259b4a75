"""The paired difference between two evaluations."""

from statistics import fmean, harmonic_mean

from training_free_grpo.metrics.student import Student, limits_of
from training_free_grpo.records import Comparison, Evaluation


def compare_evaluations(before: Evaluation, after: Evaluation) -> Comparison:
    """Compare over the problems that both have graded, each with itself."""
    pairs = []
    for problem in sorted(before["rewards"].keys() & after["rewards"].keys()):
        old, new = (
            [reward for reward in found["rewards"][problem] if reward is not None]
            for found in (before, after)
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
