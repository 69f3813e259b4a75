from collections.abc import Sequence

import pytest

from training_free_grpo.library import parse_lessons
from training_free_grpo.metrics import (
    compare_evaluations,
    interval,
    mean,
    measure_evaluation,
    measure_step,
)
from training_free_grpo.records import (
    Attempt,
    Evaluation,
    Group,
    Ledger,
    Metrics,
    Operation,
    Rejection,
    Usage,
    Verdict,
)

USAGE: Usage = {"calls": 1, "input": 10, "cached": 4, "output": 2, "retries": 0, "repairs": 0}
REJECTION: Rejection = {"operation": {}, "reason": "empty"}


def attempt(reward: float | None, missing: str | None = None, tool_calls: int = 0) -> Attempt:
    verdict: Verdict | None = None if reward is None else "right" if reward > 0 else "wrong"
    return {
        "id": "1/p/0",
        "reward": reward,
        "verdict": verdict,
        "extracted": "",
        "missing": missing if reward is None else None,
        "tool_calls": tool_calls,
        "turns": 1,
        "seconds": 0.0,
    }


def group(
    problem: str,
    rewards: Sequence[float | None],
    *,
    missing: str = "Outage: gone",
    failure: str | None = None,
    rejected: Sequence[Rejection] = (),
) -> Group:
    known = {reward for reward in rewards if reward is not None}
    return {
        "problem": problem,
        "attempts": [attempt(reward, missing) for reward in rewards],
        "contrast": len(known) > 1,
        "reasoning": "",
        "proposals": [],
        "rejected": list(rejected),
        "failure": failure,
        "usage": {"rollout": USAGE},
    }


def step(*groups: Group, applied: Sequence[Operation] = (), usage: Ledger | None = None) -> Metrics:
    state = {"groups": list(groups), "step": 2, "epoch": 1}
    library = parse_lessons("[G0] one\n[G1] two")
    return measure_step(state, library, applied, [REJECTION], usage or {}, None)


def evaluation(**rewards: Sequence[float | None]) -> Evaluation:
    return measure_evaluation([group(name, found) for name, found in rewards.items()], 2)


def test_a_step_counts_its_groups_by_what_they_can_teach() -> None:
    found = step(
        group("a", [1.0, 0.0]),
        group("b", [1.0, 1.0, None]),
        group("c", [0.0, 0.0]),
        group("d", [None, None]),
        group("e", [1.0, 0.0], failure="Outage: gone"),
    )
    assert (found["problems"], found["rollouts"]) == (5, 11)
    assert found["groups_with_contrast"] == 2
    assert (found["groups_all_right"], found["groups_all_wrong"]) == (1, 1)
    assert found["groups_lost"] == {"Outage: gone": 1}


def test_missing_rollouts_are_counted_by_reason_and_not_as_zeros() -> None:
    found = step(group("a", [1.0, None]), group("b", [None], missing="no answer within 5 s"))
    assert found["missing"] == {"Outage: gone": 1, "no answer within 5 s": 1}
    assert (found["mean_reward"], found["best_of_group"]) == (1.0, 1.0)


def test_a_step_without_a_grade_has_no_mean() -> None:
    found = step(group("a", [None]))
    assert (found["mean_reward"], found["best_of_group"], found["tool_calls"]) == (None, None, 0.0)


def test_partial_rewards_are_averaged_as_they_are() -> None:
    found = step(group("a", [0.25, 0.75]), group("b", [-1.0, 0.0]))
    assert (found["mean_reward"], found["best_of_group"]) == (0.0, 0.375)


def test_tool_calls_are_the_mean_of_finished_rollouts() -> None:
    busy = group("a", [1.0, None])
    busy["attempts"] = [attempt(1.0, tool_calls=3), attempt(None, "time", tool_calls=9)]
    assert step(busy, group("b", [0.0]))["tool_calls"] == 1.5


def test_a_step_adds_up_the_usage_of_its_groups_and_its_edit() -> None:
    found = step(group("a", [1.0]), group("b", [0.0]), usage={"edit_experiences": USAGE})
    assert found["usage"]["rollout"]["input"] == 20
    assert found["usage"]["edit_experiences"] == USAGE


def test_a_step_keeps_what_was_applied_and_every_rejection() -> None:
    add: Operation = {"operation": "add", "ids": [], "content": "a", "rationale": ""}
    delete: Operation = {"operation": "delete", "ids": ["G0"], "content": "", "rationale": ""}
    other: Rejection = {"operation": {}, "reason": "too long"}
    found = step(group("a", [1.0], rejected=[other]), applied=[add, add, delete])
    assert found["applied"] == {"add": 2, "delete": 1}
    assert found["rejected"] == [other, REJECTION]
    assert found["library_size"] == 2


def test_mean_at_k_is_the_mean_over_problems_of_their_means() -> None:
    found = evaluation(a=[1.0, 1.0], b=[1.0, 0.0, 0.0, 0.0])
    assert found["mean"] == pytest.approx(0.625)


def test_pass_at_k_is_the_mean_over_problems_of_the_best() -> None:
    assert evaluation(a=[0.0, 1.0], b=[0.0, 0.0], c=[None, 1.0])["best"] == pytest.approx(2 / 3)


def test_a_missing_attempt_is_counted_with_its_reason_and_not_as_wrong() -> None:
    found = evaluation(a=[1.0, None], b=[None, None])
    assert (found["mean"], found["best"]) == (1.0, 1.0)
    assert found["missing"] == {"Outage: gone": 3}
    assert found["rewards"] == {"a": [1.0, None], "b": [None, None]}


def test_an_evaluation_without_a_grade_has_no_mean() -> None:
    found = evaluation(a=[None])
    assert (found["mean"], found["best"], found["interval"]) == (None, None, None)


def test_an_evaluation_lists_its_problems_in_order_whatever_came_first() -> None:
    assert list(evaluation(b=[1.0], a=[0.0])["rewards"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.0], (0.5 - 0.98, 0.5 + 0.98)),
        ([1.0, 1.0, 1.0], (1.0, 1.0)),
        ([0.0, None, 1.0], (0.5 - 0.98, 0.5 + 0.98)),
        ([1.0], None),
        ([None, None], None),
        ([], None),
    ],
)
def test_an_interval_spans_its_mean_by_196_standard_errors_of_the_problems(
    values: list[float | None], expected: tuple[float, float] | None
) -> None:
    assert interval(values) == (expected and pytest.approx(expected))


def test_an_interval_counts_problems_and_not_attempts() -> None:
    once, often = evaluation(a=[1.0], b=[0.0]), evaluation(a=[1.0] * 9, b=[0.0] * 9)
    assert once["interval"] == often["interval"]


def test_a_comparison_is_paired_over_the_problems_that_both_have_graded() -> None:
    before = evaluation(a=[0.0, 1.0], b=[0.0], c=[0.0], d=[None], e=[1.0])
    after = evaluation(a=[1.0, 1.0], b=[1.0], c=[None], d=[1.0], f=[1.0])
    found = compare_evaluations(before, after)
    assert (found["difference"], found["problems"]) == (0.75, 2)
    assert found["interval"] == pytest.approx((0.26, 1.24))


def test_a_constant_gain_is_certain_however_much_the_problems_differ() -> None:
    before, after = evaluation(a=[0.0], b=[0.5]), evaluation(a=[0.5], b=[1.0])
    assert compare_evaluations(before, after)["interval"] == (0.5, 0.5)


def test_a_comparison_without_common_problems_finds_nothing() -> None:
    found = compare_evaluations(evaluation(a=[1.0]), evaluation(b=[1.0]))
    assert found == {"difference": None, "interval": None, "problems": 0}


def test_a_mean_of_nothing_is_none() -> None:
    assert mean([None]) is None
    assert mean(iter([None, 2.0, 4.0])) == 3.0
