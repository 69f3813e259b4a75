"""The graphs inside a user's own graph, whose context and state are another matter."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from training_free_grpo import Settings, build_evaluation_graph, build_training_graph
from training_free_grpo.settings import SettingsError
from training_free_grpo.simulated import training_problems

PROBLEMS = training_problems()[6:8]
SMALL = Settings(epochs=1, batch_size=2, group_size=2, tools="none")


@dataclass
class Tenant:
    user: str


class Parent(TypedDict, total=False):
    problems: list[Any]
    library: Any
    step: str
    settings: str
    plan: str
    usage: Any
    evaluation: Any


OWN: Parent = {"problems": PROBLEMS, "step": "mine", "settings": "mine", "plan": "mine"}


def parent_of(graph: Any, context: type[Any] | None) -> Any:
    parent = StateGraph(Parent, context_schema=context)
    parent.add_node("inner", graph)
    parent.add_edge(START, "inner")
    parent.add_edge("inner", END)
    return parent.compile()


@pytest.mark.parametrize("context", [Tenant("ann"), {"user": "ann"}, None])
def test_the_context_of_a_parent_is_ignored(context: Any) -> None:
    parent = parent_of(build_training_graph(settings=SMALL), type(context) if context else None)
    found = parent.invoke(OWN, context=context)
    assert found["usage"]["rollout"]["calls"] == 4


def test_the_context_of_a_parent_is_mapped_to_settings() -> None:
    def settings_of(tenant: Tenant) -> Settings:
        return SMALL.model_copy(update={"group_size": {"ann": 3}[tenant.user]})

    parent = parent_of(build_training_graph(settings=settings_of), Tenant)
    found = parent.invoke(OWN, context=Tenant("ann"))
    assert found["usage"]["rollout"]["calls"] == 6


def test_a_parent_with_settings_as_its_context_passes_them_on() -> None:
    parent = parent_of(build_training_graph(), Settings)
    assert parent.invoke(OWN, context=SMALL)["usage"]["rollout"]["calls"] == 4


async def test_the_channels_of_a_parent_come_back_as_they_were() -> None:
    parent = parent_of(build_training_graph(settings=SMALL), None)
    found = await parent.ainvoke(OWN)
    streamed = [
        event["data"]["output"]
        async for event in parent.astream_events(OWN, version="v2")
        if event["event"] == "on_chain_end" and not event["parent_ids"]
    ]
    for state in (found, *streamed):
        assert {state["step"], state["settings"], state["plan"]} == {"mine"}
        assert state["library"]["experiences"] is not None


def test_what_leaves_a_graph_is_its_output() -> None:
    given = {"problems": PROBLEMS}
    trained = build_training_graph(settings=SMALL).invoke(given)
    evaluated = build_evaluation_graph(settings=SMALL).invoke(given)
    assert trained.keys() == {"library", "metrics", "usage"}
    assert trained["usage"] == trained["metrics"][0]["usage"]
    assert evaluated.keys() == {"evaluation", "usage"}


def test_a_context_changes_the_settings_of_the_builder() -> None:
    graph = build_training_graph(settings={"epochs": 1, "group_size": 2, "tools": "none"})
    found = graph.invoke({"problems": PROBLEMS}, context={"group_size": 3})
    assert found["metrics"][0]["rollouts"] == 6


def test_a_wrong_setting_of_a_builder_is_named() -> None:
    with pytest.raises(SettingsError, match="did you mean 'epochs'"):
        build_training_graph(settings={"epoch": 1})


@pytest.mark.parametrize("mode", ["values", "updates", "custom", "tasks"])
def test_streams_are_json(mode: Any) -> None:
    graph = build_training_graph(settings=SMALL)
    stream = graph.stream({"problems": PROBLEMS}, stream_mode=mode, subgraphs=True)
    assert all(json.dumps(part) for part in stream)
