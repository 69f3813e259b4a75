"""Contracts with dependencies: each test names what we use and what breaks without it."""

import asyncio
import subprocess
import sys
import warnings
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import get_runtime
from pydantic import SecretStr
from typing_extensions import TypedDict

from tests.standin import StandIn
from training_free_grpo.compat import (
    apart,
    checkpointer_of,
    default_executor,
    draw_inside,
    ignore_unwritten_checkpoints,
    is_nested,
    is_task,
    outrun_checkpoint_clock,
    post_completion,
    speaks_responses,
    with_checkpointer,
    with_runtime,
)
from training_free_grpo.settings import Settings


class State(TypedDict, total=False):
    seen: Any


def graph_of(node: Any, checkpointer: Any = None) -> Any:
    graph = StateGraph(State)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph.compile(checkpointer=checkpointer)


def look(state: State) -> State:
    config = get_config()
    return {"seen": (checkpointer_of(config), is_nested(config), is_task(config))}


def test_a_node_sees_the_checkpointer_of_its_graph() -> None:
    saver = InMemorySaver()
    config: RunnableConfig = {"configurable": {"thread_id": "1"}}
    held: list[Any] = []
    graph_of(lambda state: held.append(checkpointer_of(get_config())), saver).invoke({}, config)
    assert held == [saver]
    assert graph_of(look).invoke({})["seen"][0] is None


def test_a_config_hands_out_another_checkpointer() -> None:
    saver = InMemorySaver()
    config = with_checkpointer({"configurable": {"thread_id": "1"}}, saver)
    assert checkpointer_of(config) is saver
    held: list[Any] = []
    graph_of(lambda state: held.append(checkpointer_of(get_config()))).invoke({}, config)
    assert held == [saver]


def test_a_nested_graph_is_distinguished_from_a_top_level_one() -> None:
    assert graph_of(look).invoke({})["seen"][1:] == (False, True)
    assert graph_of(graph_of(look)).invoke({})["seen"][1:] == (True, True)
    assert not is_task({"configurable": {"thread_id": "1"}})


def test_a_config_carries_a_runtime_to_what_is_called_outside_a_graph() -> None:
    config = with_runtime({}, Settings(epochs=2))
    runtime = config["configurable"]["__pregel_runtime"]
    assert runtime.context == Settings(epochs=2)
    context: list[Any] = []
    graph = graph_of(lambda state: context.append(get_runtime().context))
    graph.invoke({}, context={"a": 1})
    assert context == [{"a": 1}]


async def test_a_call_apart_does_not_see_the_config_around_it() -> None:
    seen: list[Any] = []

    async def call() -> None:
        from langchain_core.runnables.config import var_child_runnable_config

        seen.append(dict(var_child_runnable_config.get() or {}))

    async def node(state: State) -> None:
        await apart(call())

    await graph_of(node).ainvoke({})
    assert seen == [{}]


def test_a_graph_is_drawn_inside_a_node() -> None:
    outer = graph_of(look)
    draw_inside(outer, "node", [graph_of(look)])
    assert "node:node" in outer.get_graph(xray=True).nodes


def test_checkpoints_sort_after_one_that_came_from_the_future() -> None:
    late = "3fffffff-ffff-6fff-8000-000000000000"
    before = empty_checkpoint()["id"]
    assert before < late
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from langgraph.checkpoint.base import empty_checkpoint as new\n"
            "from training_free_grpo.compat import outrun_checkpoint_clock\n"
            f"outrun_checkpoint_clock({late!r})\n"
            f"print(new()['id'] > {late!r})",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"
    assert outrun_checkpoint_clock(before) is None  # type: ignore[func-returns-value]


async def test_the_executor_of_a_loop_is_found() -> None:
    await asyncio.to_thread(int)
    executor = default_executor(asyncio.get_running_loop())
    assert executor is not None
    assert executor.submit(int).result(60) == 0


def test_a_function_is_called_when_the_main_thread_ends_before_others_are_awaited() -> None:
    code = (
        "import threading\n"
        "from training_free_grpo.compat import at_exit_of_threads\n"
        "over = threading.Event()\n"
        "at_exit_of_threads(over.set)\n"
        "threading.Thread(target=lambda: print(over.wait(60))).start()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def model_of(server: StandIn, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model="stand-in", base_url=server.url, api_key=SecretStr("none"), **options)


async def test_a_completion_is_posted_and_comes_back_unread() -> None:
    with StandIn({"How many?": "1"}) as server:
        model = model_of(server)
        payload = model._get_request_payload([HumanMessage("How many?")])
        response = await post_completion(model, payload)
        await model.root_async_client.close()
    assert response.json()["choices"]
    assert model._create_chat_result(response.json()).generations


def test_requests_of_the_responses_api_are_told_apart() -> None:
    with StandIn({}) as server:
        plain, other = model_of(server), model_of(server, use_responses_api=True)
    assert not speaks_responses(plain, {"messages": []})
    assert speaks_responses(other, {"messages": []})


def test_the_warning_about_an_unwritten_checkpoint_is_ignored() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        ignore_unwritten_checkpoints()
        warnings.warn("coroutine 'AsyncPregelLoop.x' was never awaited", RuntimeWarning, 1)
        warnings.warn("another", RuntimeWarning, 1)
    assert [str(warning.message) for warning in seen] == ["another"]
