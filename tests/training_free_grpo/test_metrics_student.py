"""The intervals: against scipy, against simulations whose truth is known, and their power."""

from collections.abc import Iterable
from random import Random
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from training_free_grpo.metrics.student import Range, Student, limits_of

REWARDS = Range(0.0, 1.0)
SKILLS = {
    "half": (1.0, 1.0),
    "all or nothing": (0.25, 0.25),
    "high": (9.0, 1.0),
    "high, all or nothing": (0.9, 0.1),
    "low": (0.5, 9.5),
    "low, all or nothing": (0.05, 0.95),
}
"""Parameters of beta distributions."""
GAINS = [0.25, -0.125, 0.0, 0.5, 0.125, 0.0, 0.375, -0.25, 0.125, 0.25]


def test_the_interval_of_a_mean_is_that_of_a_t_test_with_a_zero_and_a_one_more() -> None:
    found = Student.of_rewards([0.5, 0.25, 0.75, 0.5], REWARDS).interval()
    expected = stats.ttest_1samp([0.5, 0.25, 0.75, 0.5, 0.0, 1.0], 0.5).confidence_interval()
    assert found == pytest.approx((expected.low, expected.high))


def test_the_figures_of_a_difference_are_those_of_a_paired_t_test_with_a_doubt_more() -> None:
    found = Student.of_differences(GAINS, 16, REWARDS)
    expected = stats.ttest_rel([*GAINS, -0.25, 0.25], [0.0] * 12)
    span = expected.confidence_interval()
    assert found.interval() == pytest.approx((span.low, span.high))
    assert found.p_value() == pytest.approx(expected.pvalue)


def test_the_p_value_is_near_that_of_the_exact_sign_flip_test() -> None:
    exact = stats.permutation_test(
        (GAINS,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    assert Student.of_differences(GAINS, 16, REWARDS).p_value() == pytest.approx(
        exact.pvalue, abs=0.02
    )


def test_ends_lie_within_what_is_possible() -> None:
    assert Student.of_rewards([0.0, 1.0], REWARDS).interval() == REWARDS
    assert Student.of_differences([1.0], 1, REWARDS).interval() == (-1.0, 1.0)


def test_rewards_may_be_of_any_size() -> None:
    assert limits_of([]) == (0.0, 1.0)
    assert limits_of([-2.0, 0.5, 7.0]) == (-2.0, 7.0)


@pytest.mark.parametrize("seed", range(20))
def test_p_is_below_5_percent_exactly_where_the_interval_leaves_out_0(seed: int) -> None:
    random = Random(seed)
    found = Student.of_differences([random.gauss(0.15, 0.3) for _ in range(20)], 8, REWARDS)
    low, high = found.interval()
    assert (found.p_value() < 0.05) == (low > 0 or high < 0)


def toss(random: np.random.Generator, skills: Any, attempts: int) -> Any:
    """Return the mean reward of every problem of every simulated evaluation."""
    return random.binomial(attempts, skills) / attempts


def share_that_holds(intervals: Iterable[tuple[float, float]], truth: float) -> float:
    return fmean(low - 1e-9 <= truth <= high + 1e-9 for low, high in intervals)


@pytest.mark.parametrize("skill", SKILLS)
@pytest.mark.parametrize(("problems", "attempts"), [(10, 1), (30, 8), (60, 4)])
def test_intervals_hold_the_truth_as_often_as_they_say(
    skill: str, problems: int, attempts: int
) -> None:
    random, (a, b) = np.random.default_rng(3), SKILLS[skill]
    skills = random.beta(a, b, (400, problems))
    before = toss(random, skills, attempts)
    gains = toss(random, skills + 0.2 * (1 - skills), attempts) - before
    of_mean = [Student.of_rewards(row, REWARDS).interval() for row in before]
    of_gain = [Student.of_differences(row, attempts, REWARDS).interval() for row in gains]
    assert share_that_holds(of_mean, a / (a + b)) >= 0.93
    assert share_that_holds(of_gain, 0.2 * b / (a + b)) >= 0.93


def test_a_planted_difference_is_found() -> None:
    random = np.random.default_rng(4)
    skills = random.beta(1.0, 1.0, (50, 100))
    gains = toss(random, skills + 0.2 * (1 - skills), 32) - toss(random, skills, 32)
    found = [Student.of_differences(row, 32, REWARDS) for row in gains]
    assert all(student.p_value() < 0.05 for student in found)


def test_noise_is_rarely_taken_for_a_difference() -> None:
    random = np.random.default_rng(5)
    skills = random.beta(1.0, 1.0, (400, 30))
    gains = toss(random, skills, 8) - toss(random, skills, 8)
    found = [Student.of_differences(row, 8, REWARDS).p_value() < 0.05 for row in gains]
    assert fmean(found) <= 0.07


def test_no_number_of_problems_detects_a_mean_of_zero() -> None:
    student = Student.of_differences([1 - 2 / 3, -1 / 3], 3, REWARDS)
    assert student.problems_needed(fmean([1 - 2 / 3, -1 / 3])) is None


@pytest.mark.parametrize("gain", [0.05, 0.1, 0.3])
def test_the_problems_needed_give_the_t_test_80_percent_power(gain: float) -> None:
    student = Student.of_differences([gain - 0.3, gain, gain + 0.3] * 8, 32, REWARDS)
    n = student.problems_needed(gain)
    assert n is not None
    shift, edge = gain / student.spread * n**0.5, stats.t.ppf(0.975, n - 1)
    assert 0.79 < stats.nct.sf(edge, n - 1, shift) < 0.84
