"""Budgets of graphs: a run ends when one is reached, and a larger one resumes it."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from tests.standin import StandIn
from training_free_grpo import (
    Budget,
    OutOfBudget,
    Settings,
    build_evaluation_graph,
    build_training_graph,
    resume,
)
from training_free_grpo.datasets import read_problems
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import SettingsError
from training_free_grpo.simulated import training_problems

THREAD: RunnableConfig = {"configurable": {"thread_id": "run"}}
GIVEN = {"problems": training_problems()[:8]}
SETTINGS = Settings(epochs=1, batch_size=4, group_size=3, concurrency=2, tools="none")


def test_a_run_that_reaches_its_budget_says_so_and_a_larger_one_resumes_it() -> None:
    saver = InMemorySaver()
    small = build_training_graph(checkpointer=saver, settings=SETTINGS, budget=Budget(calls=8))
    with pytest.raises(OutOfBudget, match=r"the budget is used up: \d+ of 8 calls"):
        small.invoke(GIVEN, THREAD)
    large = build_training_graph(checkpointer=saver, settings=SETTINGS, budget=Budget(calls=500))
    assert [step["rollouts"] for step in resume(large, THREAD)["metrics"]] == [12, 12]


def test_a_resumed_run_continues_its_count() -> None:
    saver = InMemorySaver()
    graph = build_training_graph(checkpointer=saver, settings=SETTINGS, budget=Budget(calls=22))
    with pytest.raises(OutOfBudget):
        graph.invoke(GIVEN, THREAD)
    assert graph.get_state(THREAD).values["usage"]
    with pytest.raises(OutOfBudget):
        resume(graph, THREAD)


async def test_a_budget_holds_for_each_run_and_in_streams() -> None:
    graph = build_training_graph(settings=SETTINGS, budget=Budget(tokens=1000))
    for _ in range(2):
        with pytest.raises(OutOfBudget, match="of 1,000 tokens"):
            async for _ in graph.astream(GIVEN, stream_mode="custom"):
                pass


def test_an_evaluation_has_a_budget() -> None:
    graph = build_evaluation_graph(settings=SETTINGS, budget=Budget(calls=3))
    with pytest.raises(OutOfBudget):
        graph.invoke(GIVEN)


def test_a_limit_in_dollars_needs_a_price() -> None:
    with StandIn({}) as server:
        settings = SETTINGS.model_copy(update={"model": "openai:none", "base_url": server.url})
        graph = build_training_graph(settings=settings, budget=Budget(cost=1.0))
        with pytest.raises(SettingsError, match="no price is known for openai:none"):
            graph.invoke(GIVEN)
        assert not server.calls


def test_a_limit_in_dollars_ends_a_run() -> None:
    settings = SETTINGS.model_copy(update={"price": "100,100,100"})
    graph = build_training_graph(settings=settings, budget=Budget(cost=0.1))
    with pytest.raises(OutOfBudget, match=r"of \$0\.10"):
        graph.invoke(GIVEN)


async def test_a_training_run_in_a_folder_ends_with_its_budget(tmp_path: Path) -> None:
    def run(budget: Budget) -> Any:
        problems, _ = read_problems(GIVEN["problems"])
        folder = RunFolder(tmp_path / "run")
        return TrainingRun(folder, SETTINGS, problems, budget=budget).run(lambda event: None)

    with pytest.raises(OutOfBudget, match="of 8 calls"):
        await run(Budget(calls=8))
    assert len((await run(Budget(calls=500)))["metrics"]) == 2
