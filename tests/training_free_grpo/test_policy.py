"""What strangers may choose on a server: what the operator allows, and no more."""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tests.standin import StandIn
from training_free_grpo import Policy, Settings, build_training_graph
from training_free_grpo.graphs.agent import agent
from training_free_grpo.graphs.evaluation import evaluation
from training_free_grpo.graphs.training import training
from training_free_grpo.policy import GUARDED
from training_free_grpo.settings import SettingsError

GIVEN = {"problems": [{"problem": f"How many is {n}?", "answer": f"{n}"} for n in range(2)]}
SMALL = {"epochs": 1, "group_size": 2, "tools": "none"}
CLOSED: dict[str, dict[str, Any]] = {
    "a model": {"model": "openai:gpt-5-mini"},
    "another role's model": {"reflection_model": "openai:gpt-5-mini"},
    "an address": {"model": "openai:x", "base_url": "http://127.0.0.1:9/v1"},
    "an address alone": {"base_url": "http://127.0.0.1:9/v1"},
    "a judge's address": {"judge_base_url": "http://127.0.0.1:9/v1"},
    "a file of answers": {"model": "recorded:/etc/passwd"},
    "a folder": {"search": "corpus:/etc", "tools": "search"},
    "a folder by a way round": {"search": "corpus:docs/../../../../etc", "tools": "search"},
    "a search engine": {"search": "tavily", "tools": "search"},
    "a search server": {"search": "searxng:http://127.0.0.1:9", "tools": "search"},
    "a cache file": {"search_cache": "/tmp/cache.sqlite"},
}


@pytest.mark.parametrize("context", CLOSED.values(), ids=CLOSED.keys())
def test_a_served_graph_refuses(context: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-operators-key")
    talk = {"messages": [{"role": "user", "content": "What is 6 times 7?"}]}
    for graph, given in ((training, GIVEN), (evaluation, GIVEN), (agent, talk)):
        with pytest.raises(SettingsError, match="does not allow: TFGRPO_ALLOW_"):
            graph.invoke(given, context={**SMALL, **context})


def test_no_key_leaves_a_served_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-operators-key")
    with StandIn({}) as server:
        context = {**SMALL, "model": "openai:x", "base_url": server.url}
        with pytest.raises(SettingsError, match="'base_url'"):
            training.invoke(GIVEN, context=context)
        assert not server.calls


def test_settings_that_a_stranger_writes_into_a_thread_are_refused() -> None:
    graph = build_training_graph(checkpointer=InMemorySaver(), settings=SMALL, policy=Policy())
    thread: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke(GIVEN, thread)
    first = next(
        state for state in graph.get_state_history(thread) if state.next == ("draw_batch",)
    )
    changed = {"settings": {**SMALL, "search": "corpus:/etc", "tools": "search"}}
    edited = graph.update_state(first.config, changed)
    with pytest.raises(SettingsError, match="'search' is 'corpus:/etc'"):
        graph.invoke(None, edited)


def test_what_the_operator_allows_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("The bridge was built in 1888.")
    with StandIn({row["problem"]: row["answer"] for row in GIVEN["problems"]}) as server:
        monkeypatch.setenv("TFGRPO_ALLOW_MODELS", "openai:stand-*, simulated")
        monkeypatch.setenv("TFGRPO_ALLOW_ADDRESSES", server.url + "/")
        monkeypatch.setenv("TFGRPO_ALLOW_PATHS", str(tmp_path))
        context = {
            **SMALL,
            "model": "openai:stand-in",
            "base_url": server.url,
            "tools": "search",
            "search": f"corpus:{tmp_path}",
        }
        assert training.invoke(GIVEN, context=context)["metrics"][0]["rollouts"] == 4


def test_what_the_builder_sets_is_the_operators_own_choice() -> None:
    with StandIn({row["problem"]: row["answer"] for row in GIVEN["problems"]}) as server:
        own = {**SMALL, "model": "openai:stand-in", "base_url": server.url}
        graph = build_training_graph(settings=own, policy=Policy())
        assert graph.invoke(GIVEN, context={"group_size": 3})["metrics"][0]["rollouts"] == 6
        with pytest.raises(SettingsError, match="'base_url'"):
            graph.invoke(GIVEN, context={"base_url": "http://127.0.0.1:9/v1"})


def test_every_setting_that_names_a_place_is_guarded() -> None:
    """A new setting of text is classified: guarded, or harmless whatever it says."""
    harmless = {
        *("price", "reflection_price", "judge_price", "structured_output", "tools"),
        *("ground_truth", "review", "agent_objective", "learning_objective"),
    }
    kinds = ("str", "Literal", "dict", "Mapping", "Options")
    texts = {
        name
        for name, field in Settings.model_fields.items()
        if any(kind in str(field.annotation) for kind in kinds)
    }
    assert texts - GUARDED - harmless == set()
