"""The evaluation graph: mean@k and pass@k, and differences that are paired by problem."""

import json
from collections import Counter
from statistics import mean
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver

from training_free_grpo import Settings, build_evaluation_graph, build_training_graph, evaluate
from training_free_grpo.datasets import DatasetError
from training_free_grpo.metrics import compare_evaluations
from training_free_grpo.records import Evaluation, Library
from training_free_grpo.simulated import heldout_problems, training_problems

PROBLEMS = heldout_problems()[:28]
SETTINGS = Settings(attempts=3)


@pytest.fixture(scope="module")
def library() -> Library:
    """A library learned from other problems of the same kinds."""
    given = {"problems": training_problems()[:28]}
    settings = Settings(epochs=1, batch_size=14)
    learned: Library = build_training_graph().invoke(given, context=settings)["library"]
    return learned


@pytest.fixture(scope="module")
def without_library() -> Evaluation:
    return evaluate(PROBLEMS, None, SETTINGS)


@pytest.fixture(scope="module")
def with_library(library: Library) -> Evaluation:
    return evaluate(PROBLEMS, library, SETTINGS)


def timeless(value: Any) -> Any:
    """Return what an evaluation found, without the seconds that it took."""
    if isinstance(value, dict):
        return {name: timeless(inner) for name, inner in value.items() if name != "seconds"}
    return value


def ever_second(problem: Any, answer: str) -> float:
    return float(answer.endswith("2"))


def counting_agent() -> Any:
    """Return an agent that answers each problem with 1, then 2, then 3."""
    seen: Counter[str] = Counter()

    def answer(given: Any) -> AIMessage:
        problem = given["messages"][-1].text
        seen[problem] += 1
        return AIMessage(str(seen[problem]))

    return RunnableLambda(answer)


class TestFigures:
    def test_mean_is_over_attempts_then_over_problems(self) -> None:
        settings = Settings(attempts=4)
        found = evaluate(PROBLEMS[:5], None, settings, agent=counting_agent(), grader=ever_second)
        assert (found["mean"], found["problems"], found["attempts"]) == (0.25, 5, 4)

    def test_pass_at_k_takes_the_best_attempt_of_each_problem(self) -> None:
        settings = Settings(attempts=4)
        found = evaluate(PROBLEMS[:5], None, settings, agent=counting_agent(), grader=ever_second)
        assert found["pass_at"]["4"]["value"] == 1.0

    def test_one_attempt_is_mean_and_best_at_once(self) -> None:
        found = evaluate(PROBLEMS, None, Settings())
        assert found["mean"] == found["pass_at"]["1"]["value"]

    def test_rewards_stand_under_the_problems_ids(self, without_library: Evaluation) -> None:
        rewards = without_library["rewards"]
        assert rewards.keys() == {p["id"] for p in PROBLEMS}
        assert {len(each) for each in rewards.values()} == {3}
        assert without_library["mean"] == pytest.approx(mean(map(average, rewards.values())))

    def test_interval_holds_the_mean(self, without_library: Evaluation) -> None:
        low, high = without_library["interval"] or (1.0, 0.0)
        assert low < (without_library["mean"] or 0.0) < high

    def test_no_call_but_rollouts_is_made(self, without_library: Evaluation) -> None:
        assert set(without_library["usage"]) == {"rollout"}

    def test_report_is_plain_json(self, without_library: Evaluation) -> None:
        assert json.loads(json.dumps(without_library))["rewards"] == without_library["rewards"]


def average(rewards: list[float | None]) -> float:
    return mean(reward or 0.0 for reward in rewards)


@pytest.mark.long
class TestPairing:
    def test_the_same_evaluation_twice_is_identical(self, without_library: Evaluation) -> None:
        assert timeless(evaluate(PROBLEMS, None, SETTINGS)) == timeless(without_library)

    def test_another_seed_is_another_evaluation(self, without_library: Evaluation) -> None:
        other = evaluate(PROBLEMS, None, Settings(attempts=3, seed=7))
        assert other["rewards"] != without_library["rewards"]

    def test_attempts_at_one_problem_differ(self, without_library: Evaluation) -> None:
        assert any(len(set(rewards)) > 1 for rewards in without_library["rewards"].values())

    def test_learned_library_is_better_than_none_on_new_problems(
        self, without_library: Evaluation, with_library: Evaluation
    ) -> None:
        found = compare_evaluations(without_library, with_library)
        assert found["problems"] == len(PROBLEMS)
        assert found["p_value"] is not None
        assert found["p_value"] < 0.001

    def test_an_evaluation_does_not_differ_from_itself(self, with_library: Evaluation) -> None:
        found = compare_evaluations(with_library, with_library)
        assert (found["difference"], found["p_value"]) == (0.0, 1.0)

    def test_library_without_lessons_is_as_good_as_none(self, without_library: Evaluation) -> None:
        empty: Library = {"format": 1, "next_id": 3, "experiences": {}}
        assert timeless(evaluate(PROBLEMS, empty, SETTINGS)) == timeless(without_library)


class TestGraph:
    async def test_serves_a_running_loop(self, without_library: Evaluation) -> None:
        found = await build_evaluation_graph().ainvoke({"problems": PROBLEMS}, context=SETTINGS)
        assert timeless(found["evaluation"]) == timeless(without_library)

    def test_settings_may_be_a_dict(self, without_library: Evaluation) -> None:
        found = build_evaluation_graph().invoke({"problems": PROBLEMS}, context={"attempts": 3})
        assert timeless(found["evaluation"]) == timeless(without_library)

    async def test_helper_works_inside_a_running_loop(self, without_library: Evaluation) -> None:
        assert timeless(evaluate(PROBLEMS, None, SETTINGS)) == timeless(without_library)

    def test_helper_takes_rows_from_a_generator(self, without_library: Evaluation) -> None:
        found = evaluate((p for p in PROBLEMS), None, SETTINGS)
        assert timeless(found) == timeless(without_library)

    def test_bad_row_is_named(self) -> None:
        with pytest.raises(DatasetError, match="row 2"):
            evaluate([PROBLEMS[0], {"nope": 1}])


def test_a_thread_may_hold_one_evaluation_after_another() -> None:
    graph = build_evaluation_graph(checkpointer=InMemorySaver())
    thread: RunnableConfig = {"configurable": {"thread_id": "1"}}
    given = {"problems": PROBLEMS[:3]}
    first = graph.invoke(given, thread, context=SETTINGS)["evaluation"]
    second = graph.invoke(given, thread, context=SETTINGS)["evaluation"]
    assert timeless(second) == timeless(first)


def test_a_new_input_on_a_thread_that_was_broken_off_is_evaluated_by_itself() -> None:
    graph = build_evaluation_graph(checkpointer=InMemorySaver())
    config: RunnableConfig = {"configurable": {"thread_id": "1"}}
    graph.invoke({"problems": PROBLEMS[:3]}, config, interrupt_before=["report"])
    found = graph.invoke({"problems": PROBLEMS[:2]}, config)["evaluation"]
    assert found["problems"] == 2
    assert found["rewards"].keys() == {problem["id"] for problem in PROBLEMS[:2]}


async def test_events_are_streamed_and_our_last_one_holds_the_mean() -> None:
    graph, given = build_evaluation_graph(), {"problems": PROBLEMS[:2]}
    ended = [
        event
        async for event in graph.astream_events(given, version="v2")
        if event["event"] == "on_chain_end"
    ]
    mean = ended[-1]["data"]["output"]["evaluation"]["mean"]
    told = [event async for event in graph.astream(given, stream_mode="custom")]
    assert told[-1] == {"event": "evaluation", "mean": mean, "evaluation": told[-1]["evaluation"]}


@pytest.mark.long
def test_more_than_five_hundred_problems_are_evaluated_in_waves() -> None:
    problems = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(501)]
    graph, settings = build_evaluation_graph(), Settings(tools="none")
    nodes: list[str] = []
    for update in graph.stream({"problems": problems}, context=settings, stream_mode="updates"):
        nodes += update
    assert [name for name in nodes if name != "group"] == ["prepare", "report", "report"]
    assert nodes.index("report") == len(("prepare",)) + 500
    assert update["report"]["evaluation"]["problems"] == 501
