"""The abilities of the simulated agent: kinds of problems, and several approaches to each.

Nothing here says which approach is right; only the bundled data sets contain the answers.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Facts: TypeAlias = tuple[Any, ...]
"""The values read from a problem's text, in the order that the formulas use."""


@dataclass(frozen=True)
class Ask:
    """Call a tool with this text."""

    text: str


@dataclass(frozen=True)
class Found:
    """The tool's results contain this answer."""

    answer: str


Move: TypeAlias = Ask | Found | None
"""The next move of an approach with a tool; None if its results lead nowhere."""


@dataclass(frozen=True)
class Tool:
    """How an approach uses a tool: the next query, given the facts and all results so far."""

    name: str
    argument: str
    move: Callable[[Facts, Sequence[str]], Move]


@dataclass(frozen=True)
class Approach:
    """One approach to a kind of problem: a formula in the head, or a tool."""

    does: str
    """What the agent says it will do."""
    rate: float
    """Share of attempts that use it when no lesson says otherwise."""
    sign: str
    """Pattern that recognizes a lesson recommending it."""
    formula: Callable[..., object] | None = None
    spread: int = 0
    """The maximum error of the formula's value, for a recollection or an estimate."""
    tool: Tool | None = None


@dataclass(frozen=True)
class Family:
    """A kind of problem: its approaches, and the patterns of its text and its lessons."""

    kind: str
    topic: str
    read: Callable[[str], Facts | None]
    approaches: tuple[Approach, ...]


def read_numbers(guard: str, *patterns: str) -> Callable[[str], Facts | None]:
    """Make a reader that finds one whole number per pattern in a text that matches the guard."""

    def read(text: str) -> Facts | None:
        found = [re.search(pattern, text, re.IGNORECASE) for pattern in patterns]
        if not re.search(guard, text, re.IGNORECASE | re.DOTALL):
            return None
        numbers = [int(next(filter(None, match.groups()))) for match in found if match]
        return tuple(numbers) if len(numbers) == len(patterns) else None

    return read
