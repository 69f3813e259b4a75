"""The kinds of problems for which the simulated agent may use a tool."""

import re
from collections.abc import Callable, Sequence
from math import lcm, log10

from training_free_grpo.simulated.approaches import (
    Approach,
    Ask,
    Facts,
    Family,
    Found,
    Move,
    Tool,
    read_numbers,
)


def run_code(template: str) -> Tool:
    """Make a use of run_python that computes one number with a line of code."""

    def move(facts: Facts, results: Sequence[str]) -> Move:
        if not results:
            return Ask(f"print('answer =', {template.format(*facts)})")
        shown = re.search(r"answer = (-?\d+)", results[-1])
        return Found(shown[1]) if shown else None

    return Tool("run_python", "code", move)


def web_search(move: Callable[[Facts, str, int], Move]) -> Tool:
    """Make a use of web_search from a move over the text of all results, and their number."""

    def read(facts: Facts, results: Sequence[str]) -> Move:
        return move(facts, " ".join(" ".join(results).split()), len(results))

    return Tool("web_search", "query", read)


def search_full_name(facts: Facts, text: str, turns: int) -> Move:
    """Search once with the full name, and read the year next to that name."""
    building, town, _ = facts
    if turns == 0:
        return Ask(f"{building} of {town} completed")
    shown = re.search(rf"{building} of {town}\b.{{0,200}}?completed in (\d{{4}})", text)
    return Found(shown[1]) if shown else None


def search_question(facts: Facts, text: str, turns: int) -> Move:
    """Search once with the whole question, and take the first year of birth in the results."""
    if turns == 0:
        return Ask(facts[2])
    shown = re.search(r"born in (\d{4})", text)
    return Found(shown[1]) if shown else None


def search_stepwise(facts: Facts, text: str, turns: int) -> Move:
    """Search for the building, then for the architect named in the results."""
    building, town, _ = facts
    if turns == 0:
        return Ask(f"{building} of {town} architect")
    who = re.search(rf"{building} of {town}\b.{{0,200}}?architect ([A-Z]\w+ [A-Z]\w+)", text)
    if not who:
        return None
    shown = re.search(rf"{who[1]} was born in (\d{{4}})", text)
    if shown:
        return Found(shown[1])
    return Ask(f"{who[1]} architect born") if turns == 1 else None


def read_building(guard: str) -> Callable[[str], Facts | None]:
    """Make a reader of a building's name, its town and the question."""

    def read(text: str) -> Facts | None:
        name = re.search(r"[Tt]he ((?:[A-Z]\w+ )+)of ([A-Z]\w+)", text)
        if not name or not re.search(guard, text):
            return None
        return name[1].strip(), name[2], text.strip()

    return read


def recall(rate: float) -> Approach:
    """Make the approach that trusts memory: it names some plausible year."""
    return Approach(
        "recall the year from memory",
        rate,
        r"recall|memory|remember",
        lambda building, town, question: 1800,
        spread=95,
    )


DIGITS = Family(
    "digit-sum",
    r"digit",
    read_numbers(
        r"digits",
        r"(\d+) ?(?:\^|\*\*|to the power)",
        r"\d+ ?(?:\^|\*\*|to the power(?: of)?) ?\{?(\d+)",
    ),
    (
        Approach(
            "estimate the digits in the head",
            0.55,
            r"estimat|in the head|mental",
            lambda base, power: round(power * log10(base) * 4.5),
            spread=12,
        ),
        Approach(
            "compute the digits with run_python",
            0.45,
            r"run_python|python|\bcode\b",
            tool=run_code("sum(int(digit) for digit in str({0}**{1}))"),
        ),
    ),
)

DIVISIBLE = Family(
    "divisibility-count",
    r"divisib",
    read_numbers(
        r"not (both|by both)",
        r"from 1 (?:to|through) (\d+)|(?:up to|below or equal to) (\d+)",
        r"(?:divisible by|multiples of) (\d+)",
        r"(?:divisible by|multiples of) \d+ or (?:by |of )?(\d+)",
    ),
    (
        Approach(
            "enumerate the numbers with run_python",
            0.45,
            r"run_python|python|\bcode\b|enumerat",
            tool=run_code("sum((n % {1} == 0) != (n % {2} == 0) for n in range(1, {0} + 1))"),
        ),
        Approach(
            "count by hand and subtract the overlap",
            0.55,
            r"by hand|subtract the overlap",
            lambda top, one, two: top // one + top // two - top // lcm(one, two),
        ),
    ),
)

HISTORY = Family(
    "local-history",
    r"histor|year of a building",
    read_building(r"completed|finished"),
    (
        recall(0.55),
        Approach(
            "search for the full name with web_search",
            0.45,
            r"search",
            tool=web_search(search_full_name),
        ),
    ),
)

TWO_STEPS = Family(
    "two-step-lookup",
    r"two[- ](step|hop)|multi[- ]hop|architect",
    read_building(r"architect.*\bborn|architect.*\bbirth"),
    (
        recall(0.25),
        Approach(
            "search once with the whole question",
            0.4,
            r"search once|whole question|single search",
            tool=web_search(search_question),
        ),
        Approach(
            "search step by step for one name at a time",
            0.35,
            r"step by step|at a time|separate searches",
            tool=web_search(search_stepwise),
        ),
    ),
)

LOOKUPS = (DIGITS, DIVISIBLE, HISTORY, TWO_STEPS)
