"""Who makes the attempts: another way to attempt is one class."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.config import get_stream_writer
from langgraph.runtime import get_runtime

from tests.graphs.test_agent import ANSWER, call, script
from training_free_grpo import Models, Settings, build_evaluation_graph, build_training_graph
from training_free_grpo.prices import Price, RolePrice
from training_free_grpo.records import FinishedRollout, RolloutTask
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.rollout import Talk, run_rollout
from training_free_grpo.settings import SettingsError

ROWS = [{"id": "a", "problem": "2 + 2?", "answer": "4"}, {"id": "b", "problem": "?", "answer": "9"}]


class Oracle(Attempter):
    """Answers 4 to everything; keeps what it was given."""

    name = "oracle"

    def __init__(self, grade: Any = None, missing: str | None = None) -> None:
        self.tasks: list[RolloutTask] = []
        self._grade = grade
        self._missing = missing

    async def check(self, settings: Settings) -> None:
        if self._missing:
            raise SettingsError(self._missing)

    def count(self, problem: str, settings: Settings) -> int:
        return 3 if problem == "a" else 1

    def prices(self, settings: Settings) -> RolePrice:
        return "oracle", Price(1_000_000, 0, 0)

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        self.tasks.append(task)

        async def talk(thread: str) -> Talk:
            usage: Any = {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}
            return [AIMessage(r"\boxed{4}", usage_metadata=usage)], r"\boxed{4}"

        finished = await run_rollout(task, lessons, settings, talk)
        if self._grade is not None:
            finished["grade"] = self._grade
        return finished


def train(attempter: Attempter, **options: Any) -> Any:
    graph = build_training_graph(attempter=attempter)
    return graph.invoke({"problems": ROWS}, context=Settings(epochs=1, **options))


def test_a_class_of_ones_own_makes_the_attempts_that_it_counts() -> None:
    oracle = Oracle()
    (step,) = train(oracle)["metrics"]
    assert sorted(task["problem"]["id"] for task in oracle.tasks) == ["a", "a", "a", "b"]
    assert (step["rollouts"], step["mean_reward"]) == (4, 0.75)


def test_its_attempts_cost_what_it_says() -> None:
    (step,) = train(Oracle())["metrics"]
    assert step["costs"]["rollout"] == {"model": "oracle", "cost": 8.0}


def test_an_attempt_that_comes_with_a_grade_is_not_graded_again() -> None:
    (step,) = train(Oracle(grade={"reward": 0.25, "verdict": "wrong"}))["metrics"]
    assert step["mean_reward"] == 0.25


def test_what_it_lacks_stops_the_run_before_the_first_attempt() -> None:
    oracle = Oracle(missing="no oracle at Delphi")
    with pytest.raises(SettingsError, match="Delphi"):
        train(oracle)
    assert oracle.tasks == []


def test_lessons_generated_directly_need_no_attempts_by_any_attempter() -> None:
    oracle = Oracle(missing="no oracle at Delphi")
    (step,) = train(oracle, directly_generated=True)["metrics"]
    assert (step["rollouts"], oracle.tasks) == (0, [])


def test_an_evaluation_takes_one_too() -> None:
    graph = build_evaluation_graph(attempter=Oracle())
    found = graph.invoke({"problems": ROWS}, context=Settings(attempts=2))["evaluation"]
    assert (found["mean"], found["cost"]) == (0.5, 8.0)


def test_an_attempter_and_what_one_is_made_of_are_refused_together() -> None:
    with pytest.raises(TypeError, match="attempter"):
        build_training_graph(tools=[], attempter=Oracle())


def test_tools_in_an_attempt_find_the_runtime_of_langgraph() -> None:
    seen: list[Any] = []

    @tool
    def look_up(word: str) -> str:
        """Look a word up."""
        get_stream_writer()("heard by nobody")
        seen.append(get_runtime(Settings).context.max_turns)
        return word

    models = Models(policy_model=script(call(word="tea"), ANSWER))
    graph = build_evaluation_graph(tools=[look_up], models=models)
    told = list(
        graph.stream(
            {"problems": ROWS[:1]},
            context=Settings(attempts=1, max_turns=7),
            stream_mode="custom",
            subgraphs=True,
        )
    )
    assert seen == [7]
    assert "heard by nobody" not in [event for _, event in told]
