"""The figures of a table."""

import pytest

from training_free_grpo.metrics import compare_evaluations, measure_evaluation
from training_free_grpo.paper.results import pool, view_column
from training_free_grpo.paper.tables import WEB, Column
from training_free_grpo.records import Attempt, Evaluation, Group


def attempt(reward: float | None) -> Attempt:
    return {
        "id": "",
        "reward": reward,
        "verdict": None if reward is None else "right" if reward else "wrong",
        "extracted": "",
        "missing": "an outage" if reward is None else None,
        "undecided": None,
        "tool_calls": 0,
        "turns": 1,
        "seconds": 1.0,
    }


def evaluation(**rewards: list[float | None]) -> Evaluation:
    """Measure attempts with these rewards."""
    groups: list[Group] = [
        {
            "problem": name,
            "attempts": [attempt(reward) for reward in row],
            "contrast": False,
            "reasoning": "",
            "proposals": [],
            "rejected": [],
            "failure": None,
            "usage": {},
        }
        for name, row in rewards.items()
    ]
    return measure_evaluation(groups, max(map(len, rewards.values())), {})


BEST = Column("webwalkerqa-51", WEB, 3, "pass@{k}", best=True)


def test_pass_at_k_counts_the_best_attempt_of_each_problem() -> None:
    found = view_column(BEST, evaluation(p=[0, 1, 0], q=[0, 0, 0], r=[1, 1, 1]))
    assert found["mean"] == pytest.approx(2 / 3)
    assert found["rewards"] == {"p": [1], "q": [0], "r": [1]}


def test_pass_at_k_does_not_count_a_problem_with_missing_attempts() -> None:
    found = view_column(BEST, evaluation(p=[0, 1, 0], q=[0, None, 0]))
    assert found["mean"] == 1
    assert found["rewards"]["q"] == [None]


def test_pass_at_k_is_compared_by_the_best_attempts() -> None:
    before, after = evaluation(p=[0, 1, 0], q=[0, 0, 0]), evaluation(p=[1, 1, 1], q=[0, 0, 1])
    found = compare_evaluations(view_column(BEST, before), view_column(BEST, after))
    assert found["difference"] == 0.5


def test_a_mean_is_shown_as_it_was_measured() -> None:
    found = evaluation(p=[0, 1, 0])
    assert view_column(Column("webwalkerqa-51", WEB, 3, "pass@1"), found) is found


def test_in_the_average_each_problem_counts_once() -> None:
    found = pool({"one": evaluation(p=[1], q=[1], r=[1]), "other": evaluation(p=[0])})
    assert found["mean"] == 0.75
    assert found["rewards"].keys() == {"one/p", "one/q", "one/r", "other/p"}


def test_the_interval_of_an_average_is_that_of_all_its_problems() -> None:
    halves = {"one": evaluation(p=[1], q=[0]), "other": evaluation(p=[1], q=[0])}
    assert pool(halves)["interval"] == evaluation(a=[1], b=[0], c=[1], d=[0])["interval"]


def test_a_missing_problem_is_no_wrong_one_in_the_average() -> None:
    assert pool({"one": evaluation(p=[1]), "other": evaluation(p=[None])})["mean"] == 1
