"""What is learned follows the rewards: graders of one's own, upside down and at random."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from statistics import mean
from threading import Lock
from typing import Any

import pytest

from training_free_grpo import Settings, build_training_graph, evaluate
from training_free_grpo.graders import Grader, grade_math
from training_free_grpo.records import JSON, Metrics, Problem
from training_free_grpo.simulated import heldout_problems, training_problems

PROBLEMS = training_problems()[:8]
SETTINGS = Settings(epochs=1, group_size=4)


def step_with(grader: Grader, settings: Settings = SETTINGS) -> Metrics:
    """Take one training step under a grader."""
    found = build_training_graph(grader=grader).invoke({"problems": PROBLEMS}, context=settings)
    step: Metrics = found["metrics"][0]
    return step


def reward_of(problem: Problem, answer: str) -> float:
    return grade_math(answer, problem["answers"])["reward"] or 0.0


class TestForms:
    def test_rewards_may_be_any_number(self) -> None:
        step = step_with(lambda problem, answer: 0.25 + reward_of(problem, answer) / 2)
        plain = step_with(reward_of)
        assert step["mean_reward"] == pytest.approx(0.25 + (plain["mean_reward"] or 0) / 2)
        assert step["groups_with_contrast"] == plain["groups_with_contrast"] > 0

    def test_small_differences_are_contrast(self) -> None:
        step = step_with(lambda problem, answer: -3 + reward_of(problem, answer) / 1000)
        assert step["groups_with_contrast"] == step_with(reward_of)["groups_with_contrast"]
        assert step["applied"]

    def test_grader_may_be_async(self) -> None:
        async def grade(problem: Problem, answer: str) -> float:
            await asyncio.sleep(0)
            return reward_of(problem, answer)

        assert step_with(grade)["mean_reward"] == step_with(reward_of)["mean_reward"]

    def test_grader_may_be_an_evaluator(self) -> None:
        def near(*, outputs: str, reference_outputs: str) -> JSON:
            return {"key": "near", "score": grade_math(outputs, [reference_outputs])["reward"]}

        assert step_with(near)["mean_reward"] == step_with(reward_of)["mean_reward"]

    def test_grader_may_read_the_transcript(self) -> None:
        roles: set[str] = set()

        def grade(problem: Problem, answer: str, trajectory: list[JSON]) -> float:
            roles.update(message["role"] for message in trajectory)
            return reward_of(problem, answer)

        step_with(grade)
        assert "assistant" in roles

    def test_grader_that_raises_makes_attempts_missing_with_the_reason(self) -> None:
        def grade(problem: Problem, answer: str) -> float:
            raise KeyError("no such rubric")

        step = step_with(grade)
        (said,) = step["missing"]
        assert "no such rubric" in said
        assert (sum(step["missing"].values()), step["mean_reward"]) == (32, None)

    def test_grader_that_raises_at_one_problem_costs_only_that_one(self) -> None:
        def grade(problem: Problem, answer: str) -> float:
            if problem["id"] == PROBLEMS[0]["id"]:
                raise KeyError("no such rubric")
            return 1.0

        step = step_with(grade)
        assert (sum(step["missing"].values()), step["mean_reward"]) == (4, 1.0)

    def test_undecided_differs_from_missing_and_makes_no_contrast(self) -> None:
        def grade(problem: Problem, answer: str) -> JSON:
            right = reward_of(problem, answer)
            return (
                {"verdict": "right"} if right else {"verdict": "undecided", "critique": "unclear"}
            )

        step = step_with(grade)
        assert (step["mean_reward"], step["groups_with_contrast"]) == (1.0, 0)
        assert step["missing"] == {}
        assert list(step["undecided"]) == ["unclear"]


class TestContrast:
    def test_equal_rewards_cost_no_reflection(self) -> None:
        step = step_with(lambda problem, answer: 0.5)
        assert set(step["usage"]) == {"rollout"}
        assert (step["groups_with_contrast"], step["applied"]) == (0, {})

    def test_groups_without_contrast_are_told_apart(self) -> None:
        step = step_with(lambda problem, answer: problem["id"] == PROBLEMS[0]["id"])
        assert (step["groups_all_right"], step["groups_all_wrong"]) == (1, 7)

    def test_only_groups_with_contrast_are_reflected_on(self) -> None:
        step = step_with(reward_of, SETTINGS.model_copy(update={"group_size": 2}))
        assert 0 < step["groups_with_contrast"] < 8
        calls = step["usage"]["extract_advantage"]
        assert calls["calls"] - calls["repairs"] == step["groups_with_contrast"]

    def test_withheld_truth_reflects_on_every_group(self) -> None:
        settings = SETTINGS.model_copy(update={"ground_truth": "withheld"})
        step = step_with(lambda problem, answer: 0.5, settings)
        assert step["usage"]["summarize"]["calls"] == 32

    def test_one_attempt_per_problem_is_reflected_on(self) -> None:
        step = step_with(reward_of, SETTINGS.model_copy(update={"group_size": 1}))
        assert step["usage"]["summarize"]["calls"] == 8

    def test_lessons_from_the_problems_alone_need_no_rollouts(self) -> None:
        step = step_with(reward_of, SETTINGS.model_copy(update={"directly_generated": True}))
        assert "rollout" not in step["usage"]
        assert (step["rollouts"], step["library_size"] > 0) == (0, True)


def true(seed: int) -> Grader:
    return reward_of


def upside_down(seed: int) -> Grader:
    return lambda problem, answer: 1 - reward_of(problem, answer)


def at_random(seed: int) -> Grader:
    """Reward by a coin, whatever the order in which attempts are graded."""
    seen: Counter[tuple[str, str]] = Counter()
    lock = Lock()

    def grade(problem: Problem, answer: str) -> bool:
        with lock:
            seen[problem["id"], answer] += 1
            drawn = f"{seed}/{problem['id']}/{answer}/{seen[problem['id'], answer]}"
        return sha256(drawn.encode()).digest()[0] % 2 == 0

    return grade


@cache
def heldout_reward(graders: Callable[[int], Grader] | None, seed: int) -> float:
    """Learn under a grader, or not at all, and take the examination with the true one."""
    library: Any = None
    if graders:
        settings = Settings(epochs=1, batch_size=20, seed=seed)
        graph = build_training_graph(grader=graders(seed))
        library = graph.invoke({"problems": training_problems()[:40]}, context=settings)["library"]
    found = evaluate(heldout_problems()[:84], library, Settings(seed=seed))["mean"]
    assert found is not None
    return found


def gain(graders: Callable[[int], Grader], seed: int) -> float:
    return heldout_reward(graders, seed) - heldout_reward(None, seed)


@pytest.mark.long
class TestLearning:
    def test_true_rewards_improve_the_agent_on_new_problems(self) -> None:
        assert gain(true, 0) > 0.3

    def test_upside_down_rewards_teach_the_wrong_lessons(self) -> None:
        assert gain(upside_down, 0) < -0.2

    def test_random_rewards_do_not_improve_it_beyond_noise(self) -> None:
        assert mean(gain(at_random, seed) for seed in range(2)) < gain(true, 0) / 3
