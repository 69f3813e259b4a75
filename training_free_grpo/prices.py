"""The prices of model calls in dollars. An unknown price stays unknown, and is never 0.

Prices come from the bundled list of the package genai-prices, which is never downloaded, or from
the settings, for servers that no list includes.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from functools import cache
from typing import NamedTuple, TypedDict

from training_free_grpo.model_name import ModelName
from training_free_grpo.records import Cost, Ledger, RoleCost, Usage

_MILLION = 1_000_000
_SAMPLE = 1_000
"""Tokens for which a price is looked up: below the higher tiers for long prompts."""


class Price(NamedTuple):
    """Dollars per million tokens."""

    input: float
    cached: float
    output: float


FREE = Price(0.0, 0.0, 0.0)

RolePrice = tuple[str, Price | None]
"""The name of a model, and its price if it is known."""

Prices = Mapping[str, RolePrice]
"""The model and its price, by role."""


class Bill(TypedDict):
    """The cost of a ledger: in total, and by role with the model's name."""

    cost: Cost
    costs: dict[str, RoleCost]


def read_price(text: str) -> Price:
    """Parse the form of the settings: `INPUT,CACHED,OUTPUT`."""
    return Price(*(float(part) for part in text.split(",")))


@cache
def find_price(name: str, base_url: str | None = None) -> Price | None:
    """Return today's price of a model by its name in the settings; None if no list has it.

    A server is looked up by its address: `gpt-5-mini` on your own machine is not OpenAI's.
    """
    parsed = ModelName.parse(name)
    if parsed.is_embedded:
        return FREE
    from genai_prices import (
        Usage as Tokens,
    )  # takes a third of a second, so only when a price is needed
    from genai_prices import calc_price

    # At noon: some prices differ by the hour, and a run has one price.
    noon = datetime.combine(datetime.now(UTC), time(12), UTC)

    model = parsed.model or name
    place = {"provider_api_url": base_url} if base_url else {"provider_id": parsed.provider}

    def ask(**tokens: int) -> float:
        found = calc_price(Tokens(**tokens), model, genai_request_timestamp=noon, **place)
        return float(found.total_price * _MILLION / _SAMPLE)

    try:
        return Price(
            input=ask(input_tokens=_SAMPLE),
            cached=ask(input_tokens=_SAMPLE, cache_read_tokens=_SAMPLE),
            output=ask(output_tokens=_SAMPLE),
        )
    except LookupError:
        return None


def cost(usage: Usage, price: Price) -> float:
    """Return the cost of a usage in dollars: cached tokens at their own price, others as input."""
    fresh = usage["input"] - usage["cached"]
    total = fresh * price.input + usage["cached"] * price.cached + usage["output"] * price.output
    return total / _MILLION


def bill(ledger: Ledger, prices: Prices) -> Bill:
    """Return the cost of a ledger; the total is unknown as long as any part of it is."""
    costs: dict[str, RoleCost] = {}
    for role, usage in ledger.items():
        model, price = prices.get(role, ("unknown", None))
        amount: Cost = "unknown" if price is None else round(cost(usage, price), 9)
        costs[role] = {"model": model, "cost": amount}
    return {"cost": add_costs(row["cost"] for row in costs.values()), "costs": costs}


def add_bills(bills: Iterable[Bill]) -> Bill:
    """Add up the bills of steps, whose roles have one model each."""
    costs: dict[str, RoleCost] = {}
    for one in bills:
        for role, row in one["costs"].items():
            before = costs.get(role, {"model": row["model"], "cost": 0.0})
            costs[role] = before | {"cost": add_costs((before["cost"], row["cost"]))}
    return {"cost": add_costs(row["cost"] for row in costs.values()), "costs": costs}


def add_costs(costs: Iterable[Cost]) -> Cost:
    """Add up costs; the sum is unknown if any of them is."""
    total = 0.0
    for amount in costs:
        if amount == "unknown":
            return "unknown"
        total += amount
    return round(total, 9)


def show_cost(found: Bill) -> str:
    """Format the cost of a bill; name its unknown parts."""
    if found["cost"] != "unknown":
        return dollars(found["cost"])
    missing = sorted({row["model"] for row in found["costs"].values() if row["cost"] == "unknown"})
    known = sum(row["cost"] for row in found["costs"].values() if row["cost"] != "unknown")
    rest = f"{dollars(known)} and " if known else ""
    return f"{rest}an unknown cost ({', '.join(missing)})"


def dollars(amount: float) -> str:
    """Format an amount to the cent, a small one to two digits."""
    return f"${amount:,.2f}" if amount >= 0.1 or not amount else f"${amount:.2g}"
