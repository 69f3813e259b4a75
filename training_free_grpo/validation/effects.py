"""Estimate the effect of each lesson, from attempts that do not see all of them.

Rewards are regressed on which lessons an attempt saw, within each visit of a problem: everything
that the attempts of a problem or its batch have in common drops out. Errors are clustered by
problem, the unit of every claim here. The lessons that an agent *names* play no part: it names them
after the fact.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training_free_grpo.metrics.student import quantile

_FEWEST = 5
_SINGULAR = 1e-9

Array = NDArray[np.float64]


class Attempted(NamedTuple):
    """One graded attempt, and the lessons hidden from it."""

    visit: str
    """The problem and the step: attempts at the same problem with the same library."""
    problem: str
    lessons: Sequence[str]
    """All lessons of the library at that step."""
    hidden: frozenset[str]
    reward: float


class Effect(NamedTuple):
    """How much seeing a lesson adds to the reward."""

    value: float | None
    """None if no visit had attempts both with and without it, or others were hidden identically."""
    error: float | None
    interval: tuple[float, float] | None
    """95 % interval for this lesson alone."""
    with_it: int
    without_it: int


def estimate_effects(attempts: Sequence[Attempted]) -> dict[str, Effect]:
    """Return the effect of every lesson that was hidden from some attempt."""
    lessons = sorted({lesson for attempt in attempts for lesson in attempt.hidden})
    found = {name: unknown(name, attempts) for name in lessons}
    design, rewards, problems = center(attempts, lessons)
    known = independent(design)
    clusters = len(set(problems))
    if not known or clusters < _FEWEST:
        return found
    values, errors = regress(design[:, known], rewards, problems)
    for column, value, error in zip(known, values, errors, strict=True):
        half = quantile(clusters - 1) * error
        found[lessons[column]] = found[lessons[column]]._replace(
            value=value, error=error, interval=(value - half, value + half)
        )
    return found


def harmful(effects: Mapping[str, Effect], error_rate: float) -> list[str]:
    """Return the lessons whose harm is significant, the worst first.

    The probability that any harmless lesson is among them is at most `error_rate`.
    """
    ratios = sorted(
        (effect.value / effect.error, name)
        for name, effect in effects.items()
        if effect.value is not None and effect.error
    )
    level = NormalDist().inv_cdf(1 - error_rate / max(len(ratios), 1))
    return [name for t, name in ratios if t < -level]


def unknown(lesson: str, attempts: Sequence[Attempted]) -> Effect:
    """Count a lesson's attempts, before anything is estimated."""
    there = [attempt for attempt in attempts if lesson in attempt.lessons]
    without = sum(lesson in attempt.hidden for attempt in there)
    return Effect(None, None, None, len(there) - without, without)


def center(
    attempts: Sequence[Attempted], lessons: Sequence[str]
) -> tuple[Array, Array, Sequence[str]]:
    """Return what each attempt saw, its reward and its problem, the first two centered by visit."""
    visits = defaultdict(list)
    for attempt in attempts:
        visits[attempt.visit].append(attempt)
    several = [group for group in visits.values() if len(group) > 1]
    columns = {name: n for n, name in enumerate(lessons)}
    design = np.zeros((sum(map(len, several)), len(lessons)))
    rewards = np.zeros(len(design))
    row = 0
    for group in several:
        rows = slice(row, row + len(group))
        for attempt in group:
            seen = [columns[a] for a in attempt.lessons if a in columns and a not in attempt.hidden]
            design[row, seen] = 1
            rewards[row] = attempt.reward
            row += 1
        design[rows] -= design[rows].mean(axis=0)
        rewards[rows] -= rewards[rows].mean()
    return design, rewards, [attempt.problem for group in several for attempt in group]


def independent(design: Array) -> list[int]:
    """Return the columns that can be separated from all others."""
    if not design.size:
        return []
    scale = np.linalg.norm(design, axis=0)
    scaled = design / np.where(scale > 0, scale, 1)
    sizes, directions = np.linalg.eigh(scaled.T @ scaled)
    # A column with a part in a direction of zero variance is confounded, or never hidden.
    null = directions[:, sizes < _SINGULAR]
    lost = (np.abs(null) > sqrt(_SINGULAR)).any(axis=1) | (scale == 0)
    return [n for n in range(design.shape[1]) if not lost[n]]


def regress(design: Array, rewards: Array, problems: Sequence[str]) -> tuple[Array, Array]:
    """Return coefficients and their standard errors, clustered by problem."""
    inverse = np.linalg.pinv(design.T @ design)
    values = inverse @ design.T @ rewards
    scores = design * (rewards - design @ values)[:, None]
    _, places = np.unique(np.array(problems), return_inverse=True)
    clusters = places.max() + 1
    sums = np.zeros((clusters, design.shape[1]))
    np.add.at(sums, places, scores)
    covariance = inverse @ (sums.T @ sums) @ inverse * clusters / (clusters - 1)
    return values, np.sqrt(np.diag(covariance))
