import numpy as np
import pytest

from training_free_grpo.validation.gate import Gate, judge
from training_free_grpo.validation.pairs import Pairs


def pairs(differences: list[float]) -> Pairs:
    start = {f"p{n}": [0.5] for n in range(len(differences))}
    return Pairs.of(start, {f"p{n}": [0.5 + d] for n, d in enumerate(differences)})


def test_evidence_of_a_gain_is_accepted() -> None:
    assert judge(pairs([0.4] * 15 + [-0.2] * 3), 0.01, round=2, rounds=2) == "accept"


def test_what_the_last_round_does_not_show_is_refused() -> None:
    assert judge(pairs([0.4] * 9 + [-0.4] * 7), 0.01, round=2, rounds=2) == "refuse"


def test_a_candidate_without_prospects_is_not_attempted_further() -> None:
    assert judge(pairs([-0.4] * 9 + [0.4] * 7), 0.01, round=1, rounds=2) == "refuse"


def test_an_open_candidate_is_attempted_again() -> None:
    assert judge(pairs([0.4] * 10 + [-0.4] * 6), 0.01, round=1, rounds=2) == "continue"


def test_too_few_problems_accept_nothing() -> None:
    assert judge(pairs([0.5] * 4), 0.05, round=1, rounds=1) == "refuse"


def test_refusals_use_up_the_error_rate_and_never_more() -> None:
    gate, used = Gate(0.05, planned=5), 0.0
    for _ in range(50):
        used += gate.level
        gate = gate.close(accepted=False)
    assert used == pytest.approx(gate.spent)
    assert gate.spent <= 0.05


def test_an_acceptance_returns_its_level() -> None:
    gate = Gate(0.05, planned=5)
    assert gate.close(accepted=True).spent == 0
    assert gate.close(accepted=True).level > gate.level


def test_worthless_edits_are_seldom_accepted() -> None:
    accepted = 0
    for run in range(300):
        draw = np.random.default_rng(run)
        before, after = draw.integers(0, 2, (2, 40)).astype(float)
        found = Pairs.of(
            {f"p{n}": [r] for n, r in enumerate(before)},
            {f"p{n}": [r] for n, r in enumerate(after)},
        )
        accepted += judge(found, 0.05, round=1, rounds=1) == "accept"
    # 15 are expected; 29 or more happen once in a thousand times.
    assert accepted <= 28
