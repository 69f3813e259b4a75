"""The figures of an evaluation."""

from collections.abc import Iterable, Sequence

from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.metrics.figures import (
    all_are,
    best_of,
    count,
    known_rewards,
    majority,
    mean,
    undecided,
    worst_of,
)
from training_free_grpo.metrics.student import Range, Student, limits_of
from training_free_grpo.prices import Prices, bill
from training_free_grpo.records import Evaluation, Figure, Group, Ledger, ProblemFigures


def measure_evaluation(groups: Sequence[Group], attempts: int, prices: Prices) -> Evaluation:
    """Compute the figures of an evaluation with this many attempts at each problem."""
    groups = sorted(groups, key=lambda group: group["problem"])
    everything = [attempt for group in groups for attempt in group["attempts"]]
    known = [known_rewards(group["attempts"]) for group in groups]
    limits = limits_of(reward for rewards in known for reward in rewards)
    usage: Ledger = {}
    for group in groups:
        usage = add_ledgers(usage, group["usage"])
    by_problem = {group["problem"]: measure_problem(group, prices) for group in groups}
    average = figure((row["mean"] for row in by_problem.values()), limits)
    sizes = draws(attempts)
    return {
        "problems": len(groups),
        "attempts": attempts,
        "mean": average["value"],
        "interval": average["interval"],
        "pass_at": {str(j): figure((best_of(r, j) for r in known), limits) for j in sizes},
        "pass_all": {str(j): figure((worst_of(r, j) for r in known), limits) for j in sizes},
        "majority": figure((row["majority"] for row in by_problem.values()), limits),
        "all_right": sum(all_are(group, "right") for group in groups),
        "all_wrong": sum(all_are(group, "wrong") for group in groups),
        "missing": count(a["missing"] for a in everything),
        "undecided": undecided(everything),
        "tool_calls": mean(a["tool_calls"] for a in everything if not a["missing"]) or 0.0,
        "rewards": {g["problem"]: [a["reward"] for a in g["attempts"]] for g in groups},
        "by_problem": by_problem,
        "usage": usage,
        **bill(usage, prices),
        "seconds": round(sum(attempt["seconds"] for attempt in everything), 3),
    }


def measure_problem(group: Group, prices: Prices) -> ProblemFigures:
    """Compute the figures of the attempts at one problem."""
    attempts = group["attempts"]
    return {
        "mean": mean(known_rewards(attempts)),
        "majority": majority(attempts),
        "missing": count(attempt["missing"] for attempt in attempts),
        "undecided": undecided(attempts),
        "usage": total_usage(group["usage"]),
        "cost": bill(group["usage"], prices)["cost"],
        "seconds": round(sum(attempt["seconds"] for attempt in attempts), 3),
    }


def figure(values: Iterable[float | None], limits: Range) -> Figure:
    """Average one value for each problem; problems without one do not count."""
    known = [value for value in values if value is not None]
    return {
        "value": mean(known),
        "interval": Student.of_rewards(known, limits).interval() if known else None,
        "problems": len(known),
    }


def draws(attempts: int) -> list[int]:
    """Return the j of the reported pass@j: the powers of two, and all attempts."""
    return [2**n for n in range(attempts.bit_length()) if 2**n < attempts] + [attempts]
