"""The progress and results of an evaluation, read from its files by another process."""

from collections import Counter
from typing import Literal, TypedDict

from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.metrics.figures import count
from training_free_grpo.prices import Price, Prices, bill
from training_free_grpo.records import JSON, Cost, Ledger, RoleCost, Usage
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.storage.journal import read_journal

RESULT = "evaluation.json"


class ArmStatus(TypedDict):
    """An arm that has started; `attempts` counts those at each problem."""

    name: str
    problems: int
    attempts: int


class EvaluationStatus(TypedDict):
    """The progress of an evaluation, and the cost of all its calls."""

    evaluation: str
    state: Literal["running", "stopped", "finished"]
    arms: list[ArmStatus]
    """Those that have started, in order; an old evaluation does not record them."""
    attempts: int
    """Saved ones of all arms; before the end, also of earlier commands with other settings."""
    missing: dict[str, int]
    """Attempts without an answer, by reason; rerunning the command retries them."""
    undecided: dict[str, int]
    """Attempts of the finished evaluation that the grader left undecided, by message."""
    usage: Ledger
    total: Usage
    cost: Cost
    costs: dict[str, RoleCost]
    found: JSON | None
    """The results of the finished evaluation, as in evaluation.json."""


def read_evaluation_status(folder: RunFolder) -> EvaluationStatus:
    """Read the progress of an evaluation."""
    kept = read_journal(folder.calls)
    rollouts = kept.notes.get("rollout", [])
    plan = kept.notes.get("arms", [{"arms": [], "prices": {}}])[0]
    found = read_found(folder, plan["arms"])
    missing = count(rollout["missing"] for rollout in rollouts)
    arms = list_arms(found)
    usage: Ledger = {}
    for role, used in kept.spent:
        usage = add_ledgers(usage, {role: used})
    return {
        "evaluation": str(folder.path),
        "state": "running" if folder.at_work else "finished" if found else "stopped",
        "arms": plan["arms"] or arms,
        "attempts": sum(a["problems"] * a["attempts"] for a in arms) if arms else len(rollouts),
        "missing": add_up(found, "missing") if found else missing,
        "undecided": add_up(found, "undecided") if found else {},
        "usage": usage,
        "total": total_usage(usage),
        **bill(usage, read_prices(plan["prices"])),
        "found": found,
    }


def read_found(folder: RunFolder, begun: list[ArmStatus]) -> JSON | None:
    """Return the results; None if they come from an earlier command."""
    if not (folder.path / RESULT).exists():
        return None
    found = folder.read_json(RESULT)
    return found if not begun or list_arms(found) == begun else None


def list_arms(found: JSON | None) -> list[ArmStatus]:
    """Return the arms in the results of an evaluation."""
    arms = found["evaluations"].items() if found else ()
    return [
        {"name": name, "problems": arm["problems"], "attempts": arm["attempts"]}
        for name, arm in arms
    ]


def add_up(found: JSON, name: Literal["missing", "undecided"]) -> dict[str, int]:
    """Count the attempts of all arms without a reward, by reason."""
    total: Counter[str] = Counter()
    for arm in found["evaluations"].values():
        total.update(arm.get(name))
    return dict(total)


def read_prices(noted: JSON) -> Prices:
    """Read prices from the journal."""
    return {role: (model, price and Price(*price)) for role, (model, price) in noted.items()}
