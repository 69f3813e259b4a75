"""Bounds on a library's gain that hold simultaneously at every step of a run.

At each look the held-out rewards of the step's library are paired, by problem, with those of the
start library. The error rate is for the whole run, spent in equal shares over the planned looks
(Lan and DeMets, 1983). The critical value of a look comes from flipping the signs of problems
(Westfall and Young, 1993): without a difference, all of a problem's differences could as well have
the opposite sign. Looks at similar libraries mostly err together, which makes these bounds
narrower than Bonferroni's.
"""

from collections.abc import Sequence
from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from training_free_grpo.validation.flips import FLIPS, Array, signs
from training_free_grpo.validation.pairs import Pairs, Rewards

_FEWEST = 5
"""Number of problems below which no bound is claimed: so few signs allow too few flips."""


class Look(NamedTuple):
    """One look's bounds on a library's gain over the start library, in units of the reward."""

    difference: float | None
    low: float
    """Exceeds the true gain at any look in at most the error rate's share of runs."""
    high: float
    """Falls below the true gain at any look in at most the error rate's share of runs."""
    problems: int

    @property
    def better(self) -> bool:
        """Return whether the library is better than the start library."""
        return self.low > 0

    @property
    def worse(self) -> bool:
        """Return whether the library is worse than the start library."""
        return self.high < 0


def follow(start: Rewards, looks: Sequence[Rewards], error_rate: float, planned: int) -> list[Look]:
    """Return each look's bounds, given the start library's rewards and those at each look so far.

    A look's bounds depend only on it and on earlier looks. `planned` is the planned number of
    looks.
    """
    bounds = ConfidenceSequence(error_rate, max(planned, len(looks)))
    return [bounds.look(Pairs.of(start, rewards)) for rewards in looks]


class ConfidenceSequence:
    """Spends an error rate over looks, one after the other."""

    def __init__(self, error_rate: float, planned: int) -> None:
        self._share = error_rate / planned
        self._looks = 0
        self._alive = np.ones(FLIPS, dtype=bool)
        """The sign flips that have not crossed a bound yet."""

    def look(self, pairs: Pairs) -> Look:
        """Return the bounds of the next look."""
        self._looks += 1
        if len(pairs.by_problem) < _FEWEST:
            return Look(pairs.mean, -inf, inf, len(pairs.by_problem))
        values = np.array(list(pairs.by_problem.values()), np.float32)
        error, flipped = studentize(values, pairs.doubt, signs(pairs.by_problem))
        critical = self._spend(flipped)
        # The invented problems shrink the mean; the bounds are centered on the observed mean.
        difference, half = float(values.mean()), critical * error
        return Look(difference, difference - half, difference + half, len(values))

    def _spend(self, flipped: Array) -> float:
        """Return the critical value at which the error rate of all looks so far is used up."""
        crossed = FLIPS - int(self._alive.sum())
        allowed = int(self._share * self._looks * FLIPS + 1e-9) - crossed
        if allowed < 1:
            return inf
        critical = float(np.sort(flipped[self._alive])[-allowed - 1])
        self._alive &= flipped <= critical
        return critical


def studentize(values: Array, doubt: float, flips: Array) -> tuple[float, Array]:
    """Return the standard error of the mean, and the t statistic under each flip of signs.

    Two invented problems, at `±doubt`, keep the spread of a few equal differences from being 0.
    """
    size = len(values) + 2
    squares = float(values @ values) + 2 * doubt**2
    means = flips @ values / size
    errors = np.sqrt((squares - size * means**2) / (size - 1) / size)
    mean = float(values.sum()) / size
    error = sqrt((squares - size * mean**2) / (size - 1) / size)
    return error * size / len(values), (means / errors).astype(np.float32)
