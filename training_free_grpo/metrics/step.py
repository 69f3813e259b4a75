"""The figures of a training step."""

from collections.abc import Mapping, Sequence
from typing import Any

from training_free_grpo.ledger import add_ledgers
from training_free_grpo.library import active_experiences
from training_free_grpo.metrics.figures import all_are, count, known_rewards, mean, undecided
from training_free_grpo.prices import Prices, bill
from training_free_grpo.records import Group, Ledger, Library, Metrics, Operation, Rejection


def measure_step(
    state: Mapping[str, Any],
    library: Library,
    applied: Sequence[Operation],
    rejected: Sequence[Rejection],
    usage: Ledger,
    warning: str | None,
    prices: Prices,
) -> Metrics:
    """Return the line of metrics.jsonl for a finished step."""
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
        "undecided": undecided(attempts),
        "mean_reward": mean(a["reward"] for a in attempts),
        "best_of_group": mean(max(known_rewards(g["attempts"]), default=None) for g in groups),
        "groups_with_contrast": sum(group["contrast"] for group in groups),
        "groups_all_right": sum(all_are(group, "right") for group in groups),
        "groups_all_wrong": sum(all_are(group, "wrong") for group in groups),
        "groups_lost": count(group["failure"] for group in groups),
        "tool_calls": mean(a["tool_calls"] for a in attempts if not a["missing"]) or 0.0,
        "seconds": round(mean(a["seconds"] for a in attempts if not a["missing"]) or 0.0, 3),
        "proposals": sum(len(group["proposals"]) for group in groups),
        "applied": count(operation["operation"] for operation in applied),
        "rejected": list(rejected),
        "library_size": len(active_experiences(library)),
        "warning": warning,
        "usage": usage,
        **bill(usage, prices),
    }
