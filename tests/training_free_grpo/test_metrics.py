from collections.abc import Sequence
from math import comb

import pytest

from training_free_grpo.library import parse_lessons
from training_free_grpo.metrics import compare_evaluations, measure_evaluation, measure_step
from training_free_grpo.prices import Price
from training_free_grpo.records import (
    Attempt,
    Comparison,
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
PRICES = {"rollout": ("openai:some-model", None)}
REJECTION: Rejection = {"operation": {}, "reason": "empty"}


def attempt(
    reward: float | None,
    missing: str | None = None,
    tool_calls: int = 0,
    answer: str = "",
) -> Attempt:
    verdict: Verdict | None = None if reward is None else "right" if reward > 0 else "wrong"
    return {
        "id": "1/p/0",
        "reward": reward,
        "verdict": verdict,
        "extracted": answer,
        "missing": missing if reward is None else None,
        "undecided": None,
        "tool_calls": tool_calls,
        "turns": 1,
        "seconds": 0.5,
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
    return measure_step(state, library, applied, [REJECTION], usage or {}, None, PRICES)


def evaluation(k: int = 2, **rewards: Sequence[float | None]) -> Evaluation:
    return measure_evaluation([group(name, found) for name, found in rewards.items()], k, PRICES)


def ends(found: Evaluation | Comparison) -> tuple[float, float]:
    assert found["interval"] is not None
    return found["interval"]


def majority(*answers: tuple[str, float | None]) -> float | None:
    voters = group("a", [])
    voters["attempts"] = [attempt(reward, answer=answer) for answer, reward in answers]
    return measure_evaluation([voters], len(answers), PRICES)["majority"]["value"]


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


def test_pass_at_j_counts_the_draws_of_j_attempts_that_hold_a_right_one() -> None:
    found = evaluation(4, a=[1.0, 0.0, 0.0, 0.0], b=[1.0, 0.0, 1.0, 0.0])["pass_at"]
    assert list(found) == ["1", "2", "4"]
    assert found["1"]["value"] == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert found["2"]["value"] == pytest.approx((3 / 6 + 5 / 6) / 2)
    assert found["4"]["value"] == 1.0


def test_pass_hat_j_counts_the_draws_of_j_attempts_that_are_all_right() -> None:
    found = evaluation(3, a=[1.0, 1.0, 0.0], b=[1.0, 1.0, 1.0])["pass_all"]
    assert list(found) == ["1", "2", "3"]
    assert found["1"]["value"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["2"]["value"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["3"]["value"] == pytest.approx(1 / 2)


@pytest.mark.parametrize("right", range(9))
def test_pass_figures_agree_with_the_published_estimators(right: int) -> None:
    found = evaluation(8, a=[1.0] * right + [0.0] * (8 - right))
    for j in (1, 2, 4, 8):
        any_right = 1 - comb(8 - right, j) / comb(8, j)
        assert found["pass_at"][str(j)]["value"] == pytest.approx(any_right)
        assert found["pass_all"][str(j)]["value"] == pytest.approx(comb(right, j) / comb(8, j))


def test_pass_at_j_of_partial_rewards_is_the_expected_best_and_worst() -> None:
    found = evaluation(3, a=[0.5, 0.0, 0.25])
    assert found["pass_at"]["2"]["value"] == pytest.approx((0.5 + 0.5 + 0.25) / 3)
    assert found["pass_all"]["2"]["value"] == pytest.approx((0.0 + 0.25 + 0.0) / 3)


def test_a_problem_with_fewer_graded_attempts_than_j_does_not_count_for_j() -> None:
    found = evaluation(2, a=[0.0, 0.0], b=[None, 1.0])["pass_at"]
    assert (found["1"]["value"], found["1"]["problems"]) == (0.5, 2)
    assert (found["2"]["value"], found["2"]["problems"]) == (0.0, 1)


def test_majority_takes_the_reward_of_the_most_frequent_answer() -> None:
    assert majority(("7", 1.0), ("7", 1.0), ("8", 0.0)) == 1.0
    assert majority(("7", 1.0), ("8", 0.0), ("8", 0.0)) == 0.0


def test_majority_averages_the_answers_that_tie() -> None:
    assert majority(("7", 1.0), ("8", 0.0), ("9", 0.0)) == pytest.approx(1 / 3)
    assert majority(("7", 1.0), ("7", 1.0), ("8", 0.0), ("8", 0.0), ("9", 0.0)) == 0.5


def test_an_attempt_without_an_answer_has_no_vote() -> None:
    assert majority(("", 0.0), ("", 0.0), ("7", 1.0)) == 1.0
    assert majority(("", 0.0), ("", 0.0)) == 0.0


def test_a_lost_attempt_has_no_vote() -> None:
    assert majority(("8", None), ("8", None), ("7", 1.0)) == 1.0


def test_problems_are_counted_by_whether_their_attempts_agree() -> None:
    found = evaluation(a=[1.0, 1.0], b=[1.0, None], c=[0.0, 0.0], d=[1.0, 0.0], e=[None])
    assert (found["all_right"], found["all_wrong"]) == (2, 1)


def test_a_missing_attempt_is_counted_with_its_reason_and_not_as_wrong() -> None:
    found = evaluation(a=[1.0, None], b=[None, None])
    assert found["mean"] == 1.0
    assert found["missing"] == {"Outage: gone": 3}
    assert found["rewards"] == {"a": [1.0, None], "b": [None, None]}


def test_every_problem_has_a_row_of_its_own() -> None:
    row = evaluation(a=[1.0, None, 0.0])["by_problem"]["a"]
    assert (row["mean"], row["missing"]) == (0.5, {"Outage: gone": 1})
    assert (row["usage"], row["seconds"]) == (USAGE, 1.5)


def test_tokens_and_seconds_are_added_up_and_an_unknown_cost_is_not_zero() -> None:
    found = evaluation(a=[1.0, None], b=[0.0])
    assert found["usage"]["rollout"]["input"] == 20
    assert (found["seconds"], found["cost"]) == (1.5, "unknown")
    assert found["costs"] == {"rollout": {"model": "openai:some-model", "cost": "unknown"}}


def test_a_problem_costs_what_its_calls_cost() -> None:
    prices = {"rollout": ("openai:some-model", Price(1_000_000, 100_000, 2_000_000))}
    found = measure_evaluation([group("a", [1.0]), group("b", [0.0])], 1, prices)
    # 6 tokens that were not cached, 4 that were, and 2 of output.
    assert found["by_problem"]["a"]["cost"] == 6 + 0.4 + 4
    assert found["cost"] == 2 * found["by_problem"]["a"]["cost"]


def test_a_step_is_billed_with_the_edit_that_ends_it() -> None:
    prices = {role: ("m", Price(1_000_000, 0, 0)) for role in ("rollout", "edit_experiences")}
    state = {"groups": [group("a", [1.0, 0.0])], "step": 1, "epoch": 1}
    usage: Ledger = {"edit_experiences": USAGE}
    found = measure_step(state, parse_lessons(""), [], [], usage, None, prices)
    assert found["costs"]["edit_experiences"] == {"model": "m", "cost": 6.0}
    assert found["cost"] == 12.0


def test_a_step_says_how_long_its_rollouts_took() -> None:
    assert step(group("a", [1.0, None]), group("b", [0.0]))["seconds"] == 0.5


def test_an_evaluation_without_a_grade_has_no_figures() -> None:
    found = evaluation(a=[None])
    assert (found["mean"], found["interval"]) == (None, None)
    assert found["pass_at"]["1"] == {"value": None, "interval": None, "problems": 0}


def test_an_interval_is_plain_as_the_state_of_a_graph_must_be() -> None:
    found = evaluation(a=[1.0], b=[0.0])
    intervals = [found["interval"], found["pass_at"]["1"]["interval"]]
    assert {type(each) for each in intervals} == {tuple}


def test_an_evaluation_lists_its_problems_in_order_whatever_came_first() -> None:
    assert list(evaluation(b=[1.0], a=[0.0])["rewards"]) == ["a", "b"]


def test_an_interval_counts_problems_and_not_attempts() -> None:
    once, often = evaluation(a=[1.0], b=[0.0]), evaluation(a=[1.0] * 9, b=[0.0] * 9)
    assert once["interval"] == often["interval"]


def test_problems_that_are_all_right_are_not_certain_to_be_so() -> None:
    low, high = ends(evaluation(a=[1.0], b=[1.0], c=[1.0]))
    assert low < 0.8
    assert high == 1.0


def test_an_interval_reaches_as_far_as_rewards_do() -> None:
    assert ends(evaluation(a=[-3.0], b=[10.0])) == (-3.0, 10.0)


def test_a_comparison_is_paired_over_the_problems_that_both_have_graded() -> None:
    before = evaluation(a=[0.0, 1.0], b=[0.0], c=[0.0], d=[None], e=[1.0])
    after = evaluation(a=[1.0, 1.0], b=[1.0], c=[None], d=[1.0], f=[1.0])
    found = compare_evaluations(before, after)
    assert (found["difference"], found["problems"]) == (0.75, 2)


def test_pairing_takes_out_how_much_the_problems_differ() -> None:
    one, two = [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]
    three, four = [1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]
    before = evaluation(4, **{f"p{n}": three if n % 2 else one for n in range(20)})
    after = evaluation(4, **{f"p{n}": four if n % 2 else two for n in range(20)})
    found = compare_evaluations(before, after)
    assert found["difference"] == pytest.approx(1 / 4)
    assert ends(found)[0] > 0.15
    assert ends(before)[1] > ends(after)[0]


def test_equal_rewards_differ_by_nothing_but_not_for_certain() -> None:
    found = compare_evaluations(evaluation(a=[1.0], b=[0.0]), evaluation(a=[1.0], b=[0.0]))
    assert (found["difference"], found["p_value"]) == (0.0, 1.0)
    assert ends(found)[0] == -ends(found)[1] < 0
    assert found["problems_needed"] is None


def test_more_attempts_make_equal_rewards_more_certain() -> None:
    few, many = evaluation(a=[1.0], b=[0.0]), evaluation(a=[1.0] * 16, b=[0.0] * 16)
    certain, uncertain = compare_evaluations(many, many), compare_evaluations(few, few)
    assert ends(certain)[1] < ends(uncertain)[1]


def test_a_comparison_without_common_problems_finds_nothing() -> None:
    found = compare_evaluations(evaluation(a=[1.0]), evaluation(b=[1.0]))
    assert found["problems"] == 0
    assert [found["difference"], found["interval"], found["p_value"]] == [None] * 3
