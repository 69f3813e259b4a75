"""Student's t on one figure per problem, valid even if a few equal values show no spread.

Problems are the sample: attempts at one problem are not independent, problems are. Two invented
problems join them, one at each end of what is in doubt: for counts that is Agresti and Coull's
interval, for pairs of counts Bonett and Price's. docs/evaluation.md has the formulas and figures.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import ceil, sqrt
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple, Self

LEVEL = 0.05
"""The error rate of intervals and tests."""
_POWER = 0.80
_ROUNDING = 1e-12


class Range(NamedTuple):
    """The lowest and highest possible reward."""

    low: float
    high: float


class Student(NamedTuple):
    """An estimated mean over problems."""

    values: Sequence[float]
    """One value per problem, including the invented ones."""
    limits: Range
    """The possible range of the mean."""

    @classmethod
    def of_rewards(cls, values: Sequence[float], limits: Range) -> Self:
        """Create an estimate from the rewards of problems, each the mean of its attempts."""
        return cls([*values, *limits], limits)

    @classmethod
    def of_differences(cls, values: Sequence[float], attempts: float, limits: Range) -> Self:
        """Create an estimate from differences between such means, for rewards within limits."""
        width = limits.high - limits.low
        doubt = width / sqrt(attempts)
        return cls([*values, -doubt, doubt], Range(-width, width))

    @property
    def spread(self) -> float:
        """The standard deviation from problem to problem."""
        return stdev(self.values)

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.spread / sqrt(len(self.values))

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the mean."""
        middle, half = fmean(self.values), quantile(len(self.values) - 1) * self.error
        return max(middle - half, self.limits.low), min(middle + half, self.limits.high)

    def p_value(self) -> float:
        """Return the p-value of a mean of 0: below .05 exactly where the interval excludes 0."""
        return tails(fmean(self.values) / self.error, len(self.values) - 1)

    def problems_needed(self, mean: float) -> int | None:
        """Return how many problems detect this mean with 80 % power; None for 0."""
        if abs(mean) < _ROUNDING:
            return None
        normal = NormalDist()
        level = normal.inv_cdf(1 - LEVEL / 2)
        # The second term is Guenther's correction of the normal distribution for Student's t.
        needed = ((level + normal.inv_cdf(_POWER)) * self.spread / mean) ** 2 + level**2 / 2
        return ceil(needed)


def limits_of(rewards: Iterable[float]) -> Range:
    """Return the range of rewards: 0 to 1, extended to the values seen."""
    known = [0.0, 1.0, *rewards]
    return Range(min(known), max(known))


def tails(t: float, freedom: int) -> float:
    """Return the two-sided probability of a Student's t at least this far from 0."""
    from mpmath import betainc  # type: ignore[import-untyped]

    inside = freedom / (freedom + t * t)
    return float(betainc(freedom / 2, 0.5, 0, inside, regularized=True))


@lru_cache(maxsize=1024)
def quantile(freedom: int) -> float:
    """Return the distance from 0 that a Student's t exceeds with a probability of 5 %."""
    from mpmath import findroot

    return float(findroot(lambda t: tails(t, freedom) - LEVEL, (1.9, 13.0), solver="anderson"))
