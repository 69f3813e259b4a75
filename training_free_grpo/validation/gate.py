"""Accept an edit of the library only on evidence, with a bounded error rate for the whole run.

A run divides its error rate among its planned decisions. A decision that accepts returns its share:
an error that has not been made leaves the budget whole (Tian and Ramdas, 2021, "online fallback").
Within a decision the candidate attempts the problems in rounds. Each round but the last may stop it
for futility, which saves attempts and costs no error rate, or accept it early.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from training_free_grpo.validation.flips import signs
from training_free_grpo.validation.pairs import Pairs

_EARLY = 0.1
"""Share of a decision's level that the rounds before the last may use."""
_FUTILE = 0.3
"""The p-value above which a candidate is not attempted further."""
_FEWEST = 5
_ROUNDING = 1e-4

Verdict = Literal["accept", "refuse", "continue"]


@dataclass(frozen=True)
class Gate:
    """What remains of a run's error rate; plain figures, so that it can be kept in state."""

    error_rate: float
    planned: int
    """Decisions that the run expects to make."""
    made: int = 0
    spent: float = 0.0

    @property
    def level(self) -> float:
        """Return the maximum probability of a false acceptance for the next decision."""
        return (self.error_rate - self.spent) / max(self.planned - self.made, 2)

    def close(self, accepted: bool) -> "Gate":
        """Return the gate after a decision: a rejection uses up its level."""
        used = 0.0 if accepted else self.level
        return replace(self, made=self.made + 1, spent=self.spent + used)


def judge(pairs: Pairs, level: float, round: int, rounds: int) -> Verdict:
    """Decide on a candidate after one of its rounds of attempts at all problems."""
    last = round >= rounds
    if len(pairs.by_problem) < _FEWEST:
        return "refuse" if last else "continue"
    if chance(pairs) <= share_of(level, last, rounds):
        return "accept"
    if last or chance(pairs) > _FUTILE:
        return "refuse"
    return "continue"


def share_of(level: float, last: bool, rounds: int) -> float:
    """Return the part of a decision's level that a round may use."""
    if rounds == 1:
        return level
    return level * (1 - _EARLY) if last else level * _EARLY / (rounds - 1)


def chance(pairs: Pairs) -> float:
    """Return the one-sided p-value of no gain: the share of sign flips that do at least as well."""
    values = np.array(list(pairs.by_problem.values()), np.float32)
    sums = signs(pairs.by_problem) @ values
    return float((sums >= sums[0] - _ROUNDING).mean())
