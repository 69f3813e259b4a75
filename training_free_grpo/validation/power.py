"""The statistical power of a validation set: the smallest gain it detects in four of five runs."""

from math import sqrt
from statistics import NormalDist

_POWER = 0.80
_ATTEMPT_VARIANCE = 1 / 6
"""Mean of p(1 − p) over success rates spread evenly from 0 to 1."""
_EFFECT_SPREAD = 0.15
"""Standard deviation of a lesson's effect from problem to problem, assumed before anything is
known."""


def smallest_gain(
    problems: int, attempts: int, decisions: int, error_rate: float, spread: float | None = None
) -> float:
    """Return the gain, in units of the reward, that is detected with 80 % power.

    `decisions` share the error rate. `spread` is the standard deviation of the differences between
    problems, if it is known; before the run, success rates are assumed to be spread evenly from 0
    to 1.
    """
    if spread is None:
        spread = sqrt(2 * _ATTEMPT_VARIANCE / attempts + _EFFECT_SPREAD**2)
    normal = NormalDist()
    level = normal.inv_cdf(1 - error_rate / max(decisions, 1))
    # Guenther's correction of the normal distribution for Student's t.
    size = max(problems - level**2 / 2, 1)
    return min((level + normal.inv_cdf(_POWER)) * spread / sqrt(size), 1.0)
