from typing import Any

import pytest

from training_free_grpo.learning.contrast import close_group, has_contrast, reflects, seed_of
from training_free_grpo.learning.operations_answer import Advice
from training_free_grpo.records import Grade, Operation, Rollout, Verdict
from training_free_grpo.settings import Settings


def rollout(n: int, missing: str | None = None) -> Rollout:
    return {
        "id": f"1/p/{n}",
        "attempt": n,
        "trajectory": None,
        "answer": "" if missing else "42",
        "tool_calls": n,
        "turns": n + 1,
        "seconds": 0.5,
        "missing": missing,
    }


def grade(reward: float | None, verdict: Verdict = "right", critique: str = "") -> Grade:
    return {
        "reward": reward,
        "verdict": verdict,
        "extracted": "42",
        "critique": critique,
        "method": "test",
    }


def grades(*rewards: float | None) -> dict[str, Grade]:
    return {f"1/p/{n}": grade(reward) for n, reward in enumerate(rewards)}


@pytest.mark.parametrize(
    ("rewards", "contrast"),
    [
        ([1.0, 0.0], True),
        ([0.5, 0.5 + 1e-9], True),
        ([-1.0, -2.0, -1.0], True),
        ([0, 1.0, 1.0, None], True),
        ([1.0, 1.0, 1.0], False),
        ([0.0, 0.0], False),
        ([0.3, 0.3, None], False),
        ([1.0, None, None], False),
        ([0.0, None], False),
        ([None, None], False),
        ([1.0], False),
        ([], False),
    ],
)
def test_a_group_has_contrast_when_its_known_rewards_differ(
    rewards: list[float | None], contrast: bool
) -> None:
    assert has_contrast(rewards) is contrast
    assert has_contrast(iter(rewards)) is contrast


@pytest.mark.parametrize(
    ("options", "rewards", "reflected"),
    [
        ({}, [1.0, 0.0], True),
        ({}, [1.0, 1.0], False),
        ({}, [1.0, None], False),
        ({"group_size": 1}, [0.0], True),
        ({"group_size": 1}, [1.0], True),
        ({"group_size": 1}, [None], False),
        ({"group_size": 1}, [], False),
        ({"ground_truth": "withheld"}, [1.0, 1.0], True),
        ({"ground_truth": "withheld"}, [0.0, 0.0, None], True),
        ({"ground_truth": "withheld"}, [1.0, None], False),
        ({"ground_truth": "withheld", "group_size": 1}, [1.0], True),
        ({"ground_truth": "withheld", "group_size": 1}, [None], False),
    ],
)
def test_contrast_decides_but_never_in_the_ablations(
    options: dict[str, Any], rewards: list[float | None], reflected: bool
) -> None:
    assert reflects(Settings.read(options), grades(*rewards)) is reflected


def test_a_closed_group_keeps_its_attempts_in_order_with_their_figures() -> None:
    group = close_group("p", [rollout(0), rollout(1)], grades(1.0, 0.0), {})
    assert [(a["id"], a["reward"], a["tool_calls"], a["turns"]) for a in group["attempts"]] == [
        ("1/p/0", 1.0, 0, 1),
        ("1/p/1", 0.0, 1, 2),
    ]
    assert group["contrast"]


def test_a_lost_rollout_is_missing_with_its_reason_and_never_wrong() -> None:
    group = close_group("p", [rollout(0), rollout(1, "Outage: gone")], grades(1.0), {})
    lost = group["attempts"][1]
    assert (lost["reward"], lost["verdict"], lost["missing"]) == (None, None, "Outage: gone")
    assert not group["contrast"]


def test_an_attempt_whose_grader_failed_is_missing_with_the_reason() -> None:
    found = {"1/p/0": grade(None, "failed", "the judge is out"), "1/p/1": grade(0.0, "wrong")}
    attempts = close_group("p", [rollout(0), rollout(1)], found, {})["attempts"]
    assert attempts[0]["missing"] == "not graded (failed): the judge is out"
    assert attempts[1]["missing"] is None


def test_proposals_carry_the_graded_attempts_as_their_evidence() -> None:
    operation: Operation = {"operation": "add", "ids": [], "content": "A: b.", "rationale": "so"}
    advice = Advice("because", [operation], [{"operation": {}, "reason": "none"}])
    rollouts = [rollout(0), rollout(1, "time"), rollout(2)]
    found = {"1/p/0": grade(1.0), "1/p/2": grade(None)}
    group = close_group("p", rollouts, found, {}, advice)
    proposal = {"operation": operation, "problem": "p", "rollouts": ["1/p/0"]}
    assert (group["proposals"], group["rejected"]) == ([proposal], advice.rejected)
    assert group["reasoning"] == "because"


def test_a_failed_reflection_leaves_its_reason_and_no_proposals() -> None:
    group = close_group("p", [rollout(0)], grades(1.0), {}, failure="Outage: gone")
    assert (group["failure"], group["proposals"]) == ("Outage: gone", [])


def test_a_seed_is_the_same_on_every_platform() -> None:
    assert seed_of(42, 1, "p") == 3249463328


def test_seeds_differ_with_every_part() -> None:
    assert len({seed_of(42, 1, "p"), seed_of(42, 2, "p"), seed_of(43, 1, "p"), seed_of(42, 1)}) == 4
