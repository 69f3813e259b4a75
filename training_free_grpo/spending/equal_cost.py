"""How many attempts without a library cost as much as those with it."""

from collections.abc import Sequence
from math import floor
from typing import NamedTuple

from training_free_grpo.ledger import total_usage
from training_free_grpo.prices import Price, cost, dollars
from training_free_grpo.records import Cost, Evaluation, Ledger
from training_free_grpo.settings import MOST_ATTEMPTS

WEIGHTS = Price(input=1.0, cached=0.1, output=4.0)
"""Weights of tokens if no price is known, close to typical ratios of providers' prices."""
_MILLION = 1_000_000
_ROUNDING = 1e-9


class Spending(NamedTuple):
    """What was spent: in dollars, if known, and in tokens."""

    cost: Cost
    usage: Ledger


class EqualCost(NamedTuple):
    """How many attempts the money buys, with the calculation in words."""

    attempts: int
    reason: str


def attempts_for(
    library: Evaluation, training: Sequence[Spending], baseline: Evaluation
) -> EqualCost | None:
    """Return how many attempts at each problem cost as much as the library, training included.

    The baseline shows the cost of an attempt; None if it has no token counts.
    """
    parts = [spending_of(library), *training]
    base = spending_of(baseline)
    priced = base.cost != 0 and "unknown" not in [base.cost, *(part.cost for part in parts)]
    each = amount(base, priced) / baseline["attempts"]
    if not each:
        return None
    evaluation, *learning = (amount(part, priced) for part in parts)
    bought = max(floor((evaluation + sum(learning)) / each + _ROUNDING), 1)
    learned = (
        f"{show(sum(learning), priced)} to learn" if learning else "an unknown amount to learn"
    )
    said = (
        f"the library cost {show(evaluation, priced)} to evaluate and {learned}, an attempt at "
        f"every problem without it {show(each, priced)}: {bought:,} attempts"
    )
    if bought > MOST_ATTEMPTS:
        said += f", capped at {MOST_ATTEMPTS:,}, the maximum"
    return EqualCost(min(bought, MOST_ATTEMPTS), said)


def spending_of(evaluation: Evaluation) -> Spending:
    """Return what an evaluation spent."""
    return Spending(evaluation["cost"], evaluation["usage"])


def amount(spent: Spending, priced: bool) -> float:
    """Return a spending in dollars, or in tokens by their weights."""
    if priced:
        return float(spent.cost)
    return cost(total_usage(spent.usage), WEIGHTS) * _MILLION


def show(amount: float, priced: bool) -> str:
    """Write an amount with its unit."""
    return dollars(amount) if priced else f"{amount:,.0f} weighted tokens"
