"""Where transcripts go when whoever runs training gives it a store."""

import json
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.store.memory import InMemoryStore

from training_free_grpo import Settings, build_training_graph
from training_free_grpo.graphs.state import TrainingInput, TrainingState
from training_free_grpo.simulated import training_problems

GIVEN: Any = {"problems": training_problems()[6:9]}
SETTINGS = Settings(epochs=1, batch_size=3, group_size=4)
THREAD: RunnableConfig = {"configurable": {"thread_id": "run"}}
MARK = "assistant"
"""Stands in every transcript, and nowhere else."""


def inside(store: InMemoryStore | None, saver: InMemorySaver) -> Any:
    """Put training into a graph of one's own, and run it."""
    graph = StateGraph(TrainingState, context_schema=Settings, input_schema=TrainingInput)
    graph.add_node("training", build_training_graph())
    graph.add_edge(START, "training")
    outer = graph.compile(checkpointer=saver, store=store)
    return outer.invoke(GIVEN, THREAD, context=SETTINGS)


def checkpoints(saver: InMemorySaver) -> str:
    """Return all that was saved, as text."""
    return repr(list(saver.list(THREAD))) + repr(dict(saver.blobs)) + repr(dict(saver.writes))


@pytest.mark.parametrize("stored", [True, False])
def test_with_a_store_no_transcript_is_in_a_checkpoint(stored: bool) -> None:
    saver = InMemorySaver()
    inside(InMemoryStore() if stored else None, saver)
    assert (MARK in checkpoints(saver)) is not stored


def test_the_store_holds_each_transcript_once() -> None:
    store = InMemoryStore()
    inside(store, InMemorySaver())
    kept = [i.value["value"] for i in store.search(("training_free_grpo", "transcripts"), limit=99)]
    texts = [json.dumps(talk) for talk in kept]
    assert 0 < len(set(texts)) == len(texts) <= 12
    assert all(talk[-1]["role"] == MARK for talk in kept)


def test_the_same_is_learned_with_a_store_and_without() -> None:
    with_store, without = (inside(s, InMemorySaver()) for s in (InMemoryStore(), None))
    assert with_store["library"] == without["library"]
