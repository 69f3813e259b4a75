import numpy as np

from training_free_grpo.validation.gate import judge
from training_free_grpo.validation.pairs import Pairs
from training_free_grpo.validation.power import smallest_gain


def test_more_problems_show_smaller_gains() -> None:
    assert smallest_gain(100, 2, 1, 0.05) < smallest_gain(30, 2, 1, 0.05)


def test_more_decisions_show_larger_gains_only() -> None:
    assert smallest_gain(50, 2, 10, 0.05) > smallest_gain(50, 2, 1, 0.05)


def test_a_gain_of_that_size_is_shown_in_about_four_of_five_runs() -> None:
    gain, shown = smallest_gain(60, 2, 1, 0.05), 0
    for run in range(200):
        draw = np.random.default_rng(run)
        rates = draw.uniform(0, 1 - gain, 60)
        better = rates + draw.normal(gain, 0.15, 60)
        before, after = ((draw.random((60, 2)) < r[:, None]).astype(float) for r in (rates, better))
        found = Pairs.of(
            {f"p{n}": list(row) for n, row in enumerate(before)},
            {f"p{n}": list(row) for n, row in enumerate(after)},
        )
        shown += judge(found, 0.05, round=1, rounds=1) == "accept"
    assert 0.6 < shown / 200 < 0.9
