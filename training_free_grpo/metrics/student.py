"""Student's t on one figure per problem, made honest where a few equal values show no spread.

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
"""The chance of an interval that misses, and of noise that is taken for more."""
_POWER = 0.80
_ROUNDING = 1e-12


class Range(NamedTuple):
    """The least and the greatest reward there can be."""

    low: float
    high: float


class Student(NamedTuple):
    """A mean over problems: what is known of it."""

    values: Sequence[float]
    """One for each problem, and the invented ones."""
    limits: Range
    """Where the mean can lie."""

    @classmethod
    def of_rewards(cls, values: Sequence[float], limits: Range) -> Self:
        """Take the rewards of problems, each the mean of its attempts."""
        return cls([*values, *limits], limits)

    @classmethod
    def of_differences(cls, values: Sequence[float], attempts: float, limits: Range) -> Self:
        """Take differences between such means of so many attempts, whose rewards have limits."""
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
        """Return the p-value of a mean of 0: below .05 exactly where the interval leaves out 0."""
        return tails(fmean(self.values) / self.error, len(self.values) - 1)

    def problems_needed(self, mean: float) -> int | None:
        """Return how many problems tell this mean from 0 in four of five samples; None for 0."""
        if abs(mean) < _ROUNDING:
            return None
        normal = NormalDist()
        level = normal.inv_cdf(1 - LEVEL / 2)
        # The second term is Guenther's: what Student's t needs beyond the normal distribution.
        needed = ((level + normal.inv_cdf(_POWER)) * self.spread / mean) ** 2 + level**2 / 2
        return ceil(needed)


def limits_of(rewards: Iterable[float]) -> Range:
    """Return the range of rewards: from 0 to 1, and as far beyond as any was seen."""
    known = [0.0, 1.0, *rewards]
    return Range(min(known), max(known))


def tails(t: float, freedom: int) -> float:
    """Return the chance of a Student's t at least that far from 0, on either side."""
    from mpmath import betainc  # type: ignore[import-untyped]

    inside = freedom / (freedom + t * t)
    return float(betainc(freedom / 2, 0.5, 0, inside, regularized=True))


@lru_cache(maxsize=1024)
def quantile(freedom: int) -> float:
    """Return how far from 0 a Student's t lies with a chance of 5 %."""
    from mpmath import findroot

    return float(findroot(lambda t: tails(t, freedom) - LEVEL, (1.9, 13.0), solver="anderson"))
