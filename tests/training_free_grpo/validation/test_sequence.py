from math import inf

import numpy as np

from training_free_grpo.validation.pairs import Rewards
from training_free_grpo.validation.sequence import follow


def rewards(rates: "np.ndarray[tuple[int], np.dtype[np.float64]]", seed: int) -> Rewards:
    """Draw four attempts at each problem."""
    draw = np.random.default_rng(seed)
    return {
        f"p{n}": [float(draw.random() < rate) for _ in range(4)] for n, rate in enumerate(rates)
    }


RATES = np.random.default_rng(1).uniform(0, 1, 60)


def test_a_clear_gain_is_better_than_the_start() -> None:
    (look,) = follow(rewards(RATES, 1), [rewards(RATES + 0.4, 2)], 0.05, planned=3)
    assert look.better
    assert look.difference is not None
    assert look.low < look.difference < look.high


def test_a_clear_loss_is_worse_than_the_start() -> None:
    (look,) = follow(rewards(RATES, 1), [rewards(RATES - 0.4, 2)], 0.05, planned=3)
    assert look.worse


def test_a_look_does_not_change_when_later_looks_arrive() -> None:
    looks = [rewards(RATES + 0.1 * n, n) for n in range(1, 5)]
    start = rewards(RATES, 9)
    assert follow(start, looks, 0.05, 4)[:2] == follow(start, looks[:2], 0.05, 4)


def test_more_planned_looks_widen_the_bounds() -> None:
    start, look = rewards(RATES, 1), rewards(RATES, 2)
    (alone,), (shared,) = (follow(start, [look], 0.05, planned) for planned in (1, 20))
    assert shared.low < alone.low


def test_a_few_problems_bound_nothing() -> None:
    (look,) = follow(rewards(RATES[:4], 1), [rewards(RATES[:4] + 1, 2)], 0.05, planned=1)
    assert (look.low, look.high) == (-inf, inf)


def test_problems_that_are_missing_on_one_side_are_left_out() -> None:
    start, found = rewards(RATES, 1), dict(rewards(RATES, 2))
    found["p0"] = [None] * 4
    del found["p1"]
    (look,) = follow(start, [found], 0.05, planned=1)
    assert look.problems == 58


def test_false_claims_are_rare_over_a_whole_run() -> None:
    claims = 0
    for run in range(200):
        draw = np.random.default_rng(run)
        start = rewards(RATES, 10_000 + run)
        looks = [rewards(RATES + draw.normal(0, 0.1, 60), 100 * run + n) for n in range(6)]
        claims += any(look.better for look in follow(start, looks, 0.05, 6))
    # 10 are expected; 21 or more happen once in a thousand times.
    assert claims <= 20
