"""Two libraries on the same problems: one difference per problem."""

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import fmean, harmonic_mean
from typing import NamedTuple, Self

from training_free_grpo.metrics.student import Range, Student, limits_of

Rewards = Mapping[str, Sequence[float | None]]
"""The rewards of each problem's attempts; None for a missing one."""


class Pairs(NamedTuple):
    """The difference of mean rewards, candidate minus incumbent, for each problem in both."""

    by_problem: dict[str, float]
    doubt: float
    """Standard deviation assumed for a problem whose attempts show none: range over √attempts."""

    @classmethod
    def of(cls, incumbent: Rewards, candidate: Rewards) -> Self:
        """Pair the problems that have at least one graded attempt under both libraries."""
        graded = {
            problem: (known(incumbent[problem]), known(candidate[problem]))
            for problem in sorted(incumbent.keys() & candidate.keys())
        }
        graded = {problem: both for problem, both in graded.items() if all(both)}
        if not graded:
            return cls({}, 1.0)
        limits = limits_of(r for both in graded.values() for rewards in both for r in rewards)
        attempts = harmonic_mean([len(rewards) for both in graded.values() for rewards in both])
        return cls(
            {problem: fmean(new) - fmean(old) for problem, (old, new) in graded.items()},
            (limits.high - limits.low) / sqrt(attempts),
        )

    @property
    def mean(self) -> float | None:
        """Return the mean difference; None without a common problem."""
        return fmean(self.by_problem.values()) if self.by_problem else None

    @property
    def student(self) -> Student:
        """Return the t statistic of the differences: problems are the sample."""
        values = list(self.by_problem.values())
        width = max(self.doubt, *map(abs, values))
        return Student([*values, -self.doubt, self.doubt], Range(-width, width))


def known(rewards: Sequence[float | None]) -> list[float]:
    """Return the rewards that are not missing."""
    return [reward for reward in rewards if reward is not None]
