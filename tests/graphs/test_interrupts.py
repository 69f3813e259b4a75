"""Ctrl-C, cancellation and closed streams end a run at once, whoever waits for it and how."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from tests.standin import StandIn
from training_free_grpo import Settings, build_training_graph

WIDTH = 4
PROBLEMS = [{"problem": f"Puzzle number {n}: how many?", "answer": str(n)} for n in range(60)]
ATTEMPTS = 4
LEFT = WIDTH * ATTEMPTS
"""Far below what a run asks: those in flight, and those that begin before the signal arrives."""

WAYS = {
    "invoke": "graph.invoke(given, context=settings)",
    "stream": "for _ in graph.stream(given, context=settings, stream_mode='custom'): pass",
    "evaluate": "evaluate(problems, settings=settings)",
    "await": "asyncio.run(graph.ainvoke(given, context=settings))",
    "thread": (
        "thread = threading.Thread(target=graph.invoke, args=(given,), "
        "kwargs={'context': settings}); thread.start(); thread.join()"
    ),
    "coroutine that blocks": (
        "async def main(): graph.invoke(given, context=settings)\nasyncio.run(main())"
    ),
}


def start(server: StandIn) -> str:
    """Return the beginning of a script that has everything but the call."""
    return f"""
import asyncio, threading
from training_free_grpo import Settings, build_training_graph, evaluate

problems = {PROBLEMS!r}
settings = Settings(
    model="openai:stand-in", base_url={server.url!r}, concurrency={WIDTH}, tools="none",
    epochs=1, group_size={ATTEMPTS}, attempts={ATTEMPTS},
)
graph = build_training_graph()
given = {{"problems": problems}}
"""


@pytest.fixture
def server() -> Iterator[StandIn]:
    answers = {row["problem"]: row["answer"] for row in PROBLEMS}
    with StandIn(answers, latency=0.3) as server:
        yield server


def asked(server: StandIn) -> int:
    return sum(server.count().values())


def settings(server: StandIn, **options: Any) -> Settings:
    sizes = {"concurrency": WIDTH, "tools": "none", "epochs": 1, "group_size": ATTEMPTS}
    return Settings(model="openai:stand-in", base_url=server.url, **{**sizes, **options})


LOST = pytest.mark.xfail(
    strict=False, reason="a Ctrl-C between two items of a stream is lost now and then: to be fixed"
)


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=LOST) if way == "stream" else way for way in WAYS]
)
def test_one_ctrl_c_ends_a_run(server: StandIn, way: str) -> None:
    code = start(server) + WAYS[way]
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    server.wait_for(lambda: asked(server) >= 2 * WIDTH)
    before = asked(server)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGINT, stderr
    assert asked(server) - before < LEFT


def test_interrupting_a_notebooks_cell_ends_its_run(server: StandIn) -> None:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        cell = client.execute(start(server) + WAYS["invoke"])
        server.wait_for(lambda: asked(server) >= 2 * WIDTH)
        before = asked(server)
        manager.interrupt_kernel()
        reply: Any = client.get_shell_msg(timeout=60)
        while reply["parent_header"].get("msg_id") != cell:
            reply = client.get_shell_msg(timeout=60)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert asked(server) - before < LEFT
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_closed_stream_ends_its_run(server: StandIn) -> None:
    stream = build_training_graph().stream(
        {"problems": PROBLEMS}, context=settings(server), stream_mode="custom", subgraphs=True
    )
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    before = asked(server)
    with pytest.raises(AssertionError):
        server.wait_for(lambda: asked(server) > before, seconds=1)


async def test_a_run_whose_caller_is_cancelled_asks_nothing_more(server: StandIn) -> None:
    graph = build_training_graph()
    run = asyncio.create_task(graph.ainvoke({"problems": PROBLEMS}, context=settings(server)))
    await asyncio.to_thread(server.wait_for, lambda: asked(server) >= WIDTH)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    before = asked(server)
    with pytest.raises(AssertionError):
        await asyncio.to_thread(server.wait_for, lambda: asked(server) > before, seconds=1)


def test_threads_run_a_graph_at_once() -> None:
    graph, found = build_training_graph(), []

    def train() -> None:
        given = {"problems": [{"problem": "What is 6 times 7?", "answer": "42"}]}
        found.append(graph.invoke(given, context=Settings(epochs=1, tools="none")))

    threads = [threading.Thread(target=train) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result["metrics"][0]["rollouts"] for result in found] == [5] * 4
