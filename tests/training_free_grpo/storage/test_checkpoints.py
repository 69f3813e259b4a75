import asyncio
from operator import add
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

from training_free_grpo.storage.checkpoints import DualSqliteSaver
from training_free_grpo.storage.sqlite import StorageError


class State(TypedDict):
    width: int
    seen: Annotated[list[int], add]


class Task(TypedDict):
    n: int


def config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}


def build(saver: DualSqliteSaver, stop: bool = False) -> CompiledStateGraph[Any, Any, Any, Any]:
    def fan_out(state: State) -> list[Send]:
        return [Send("work", Task(n=n)) for n in range(state["width"])]

    def work(task: Task) -> dict[str, Any]:
        return {"seen": [task["n"]]}

    def join(state: State) -> dict[str, Any]:
        return {"seen": [sum(state["seen"])]}

    graph = StateGraph(State)
    graph.add_node("work", RunnableLambda(work))
    graph.add_node("join", join)
    graph.add_conditional_edges(START, fan_out, ["work"])
    graph.add_edge("work", "join")
    graph.add_edge("join", END)
    return graph.compile(checkpointer=saver, interrupt_before=["join"] if stop else None)


GIVEN: dict[str, Any] = {"width": 4, "seen": []}
DONE = {"width": 4, "seen": [0, 1, 2, 3, 6]}


def test_one_saver_serves_invoke_and_ainvoke(tmp_path: Path) -> None:
    with DualSqliteSaver.open(tmp_path / "c.sqlite") as saver:
        graph = build(saver)
        assert graph.invoke(GIVEN, config("one"), durability="sync") == DONE
        assert asyncio.run(graph.ainvoke(GIVEN, config("two"), durability="sync")) == DONE
        assert graph.get_state(config("two")).values == DONE


def test_one_saver_serves_several_event_loops(tmp_path: Path) -> None:
    with DualSqliteSaver.open(tmp_path / "c.sqlite") as saver:
        graph = build(saver)
        for thread in ("one", "two"):
            assert asyncio.run(graph.ainvoke(GIVEN, config(thread))) == DONE


async def test_many_threads_of_a_graph_at_once_do_not_mix(tmp_path: Path) -> None:
    with DualSqliteSaver.open(tmp_path / "c.sqlite") as saver:
        graph = build(saver)
        given = [{"width": n, "seen": []} for n in range(1, 20)]
        calls = [graph.ainvoke(g, config(str(n))) for n, g in enumerate(given)]
        found = await asyncio.gather(*calls)
    assert [state["seen"][-1] for state in found] == [n * (n - 1) // 2 for n in range(1, 20)]


@pytest.mark.parametrize("first", ["invoke", "ainvoke"])
@pytest.mark.parametrize("second", ["invoke", "ainvoke"])
def test_work_continues_after_the_file_was_reopened(
    tmp_path: Path, first: str, second: str
) -> None:
    def call(graph: CompiledStateGraph[Any, Any, Any, Any], how: str, given: Any) -> Any:
        if how == "invoke":
            return graph.invoke(given, config("run"), durability="sync")
        return asyncio.run(graph.ainvoke(given, config("run"), durability="sync"))

    with DualSqliteSaver.open(tmp_path / "c.sqlite") as saver:
        assert call(build(saver, stop=True), first, GIVEN)["seen"] == [0, 1, 2, 3]
    with DualSqliteSaver.open(tmp_path / "c.sqlite") as saver:
        graph = build(saver)
        assert graph.get_state(config("run")).next == ("join",)
        assert call(graph, second, None) == DONE


async def test_the_history_is_the_same_from_both_sides(tmp_path: Path) -> None:
    with DualSqliteSaver.open(tmp_path / "c.sqlite") as saver:
        graph = build(saver)
        await graph.ainvoke(GIVEN, config("run"))
        history = [state async for state in graph.aget_state_history(config("run"))]
        assert history == list(graph.get_state_history(config("run")))
        assert [state.next for state in history[:2]] == [(), ("join",)]
        assert [len(state.values["seen"]) for state in history[:2]] == [5, 4]
        newest = [state async for state in graph.aget_state_history(config("run"), limit=1)]
        assert newest == history[:1]


async def test_a_deleted_thread_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    with DualSqliteSaver.open(tmp_path / "c.sqlite") as saver:
        graph = build(saver)
        for thread in ("one", "two"):
            await graph.ainvoke(GIVEN, config(thread))
        await saver.adelete_thread("one")
        assert await saver.aget_tuple(config("one")) is None
        assert (await graph.aget_state(config("two"))).values == DONE


def test_a_file_that_is_no_database_is_an_error_and_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_text("not a database " * 100, "utf-8")
    with (
        pytest.raises(StorageError, match=r"c\.sqlite cannot be used: .*not a database"),
        DualSqliteSaver.open(tmp_path / "c.sqlite"),
    ):
        pass
