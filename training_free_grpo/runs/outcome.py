"""The outcome of a run, in words."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from training_free_grpo.records import Metrics


def learned_nothing(metrics: Sequence[Metrics]) -> str | None:
    """Say why a run without a single lesson learned nothing, or return None."""
    if any(step["applied"] for step in metrics):
        return None
    missing, lost = add_up(metrics, "missing"), add_up(metrics, "groups_lost")
    missing.update(add_up(metrics, "undecided"))
    rollouts = sum(step["rollouts"] for step in metrics)
    if rollouts and missing.total() == rollouts:
        return f"nothing was learned: no rollout could be graded; {say_most_frequent(missing)}"
    if lost and lost.total() == sum(step["groups_with_contrast"] for step in metrics):
        return f"nothing was learned: every comparison was lost; {say_most_frequent(lost)}"
    if not any(step["groups_with_contrast"] for step in metrics):
        right = sum(step["groups_all_right"] for step in metrics)
        wrong = sum(step["groups_all_wrong"] for step in metrics)
        return (
            "nothing was learned: in no group did one attempt beat another "
            f"({right} groups all right, {wrong} all wrong). Try harder or easier problems, "
            "a larger group, a higher temperature, or a grader with partial rewards."
        )
    turned_down = Counter(found["reason"] for step in metrics for found in step["rejected"])
    if turned_down:
        return f"nothing was learned: no proposal was kept; {say_most_frequent(turned_down)}"
    if not any(step["proposals"] for step in metrics):
        return "nothing was learned: the reflection model proposed no lesson; try a stronger one"
    return "nothing was learned: no proposed lesson could be applied (see metrics.jsonl)"


def add_up(
    metrics: Sequence[Metrics], name: Literal["missing", "undecided", "groups_lost"]
) -> Counter[str]:
    """Count by reason over all steps."""
    return sum((Counter(step.get(name)) for step in metrics), Counter())


def say_most_frequent(reasons: Counter[str]) -> str:
    """Write the most frequent reason, and how often it occurred."""
    ((reason, times),) = reasons.most_common(1)
    return f"{times} of {reasons.total()}: {reason}"
