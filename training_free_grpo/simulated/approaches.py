"""What the simulated agent can do: kinds of problems, and several ways to attack each.

Nothing here says which approach is right; only the bundled data sets know the answers.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Facts: TypeAlias = tuple[Any, ...]
"""What was read out of a problem's text, in the order that the formulas take."""


@dataclass(frozen=True)
class Ask:
    """A tool is to be called with this text."""

    text: str


@dataclass(frozen=True)
class Found:
    """The tool's results show this answer."""

    answer: str


Move: TypeAlias = Ask | Found | None
"""The next move of an approach with a tool; None when its results lead nowhere."""


@dataclass(frozen=True)
class Tool:
    """How an approach uses a tool: what to ask next, given the facts and all results so far."""

    name: str
    argument: str
    move: Callable[[Facts, Sequence[str]], Move]


@dataclass(frozen=True)
class Approach:
    """One way to attack a kind of problem: by a formula in the head, or with a tool."""

    does: str
    """What the agent says it will do."""
    rate: float
    """Share of attempts that take it when no lesson says otherwise."""
    sign: str
    """Pattern by which a lesson that recommends it is recognised."""
    formula: Callable[..., object] | None = None
    spread: int = 0
    """How far the formula's value may be off: it is a recollection or an estimate."""
    tool: Tool | None = None


@dataclass(frozen=True)
class Family:
    """A kind of problem: how its text and its lessons are recognised, and its approaches."""

    kind: str
    topic: str
    read: Callable[[str], Facts | None]
    approaches: tuple[Approach, ...]


def read_numbers(guard: str, *patterns: str) -> Callable[[str], Facts | None]:
    """Make a reader that finds one whole number per pattern in a text that shows the guard."""

    def read(text: str) -> Facts | None:
        found = [re.search(pattern, text, re.IGNORECASE) for pattern in patterns]
        if not re.search(guard, text, re.IGNORECASE | re.DOTALL):
            return None
        numbers = [int(next(filter(None, match.groups()))) for match in found if match]
        return tuple(numbers) if len(numbers) == len(patterns) else None

    return read
