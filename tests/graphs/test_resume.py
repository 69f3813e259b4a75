"""Runs that a kill broke off are told from finished ones, and resumed, wherever it came.

One run is recorded write by write. A saver that got only the first writes is what a kill leaves.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from copy import deepcopy
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from tests.postgres import find_binaries, postgres_server
from training_free_grpo import (
    NoSuchRun,
    Settings,
    ais_finished,
    aresume,
    build_evaluation_graph,
    build_training_graph,
    is_finished,
    resume,
)
from training_free_grpo.simulated import training_problems

THREAD: RunnableConfig = {"configurable": {"thread_id": "run"}}
SETTINGS = Settings(epochs=2, batch_size=2, group_size=2, tools="none")
GIVEN = {"problems": training_problems()[6:8]}
Open = Callable[[], AbstractContextManager[BaseCheckpointSaver[Any]]]


class Recorder(InMemorySaver):
    """Notes every write, and what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[str, Any]] = []

    def put(self, config: RunnableConfig, *given: Any) -> RunnableConfig:
        self.log.append(("put", (place_of(config), *deepcopy(given))))
        return super().put(config, *given)

    def put_writes(
        self, config: RunnableConfig, writes: Any, task_id: str, task_path: str = ""
    ) -> None:
        self.log.append(("put_writes", (place_of(config), deepcopy(writes), task_id, task_path)))
        super().put_writes(config, writes, task_id, task_path)


def place_of(config: RunnableConfig) -> RunnableConfig:
    """Return what a saver reads of a config; the rest are the objects of the run."""
    names = ("thread_id", "checkpoint_ns", "checkpoint_id")
    found = config["configurable"]
    return {"configurable": {name: found[name] for name in names if name in found}}


@pytest.fixture(scope="module")
def whole() -> tuple[Recorder, dict[str, Any]]:
    """A run that nothing stopped, and its result."""
    recorder = Recorder()
    graph = build_training_graph(checkpointer=recorder)
    return recorder, graph.invoke(GIVEN, THREAD, context=SETTINGS)


@contextmanager
def in_sqlite() -> Iterator[SqliteSaver]:
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as database:
        yield SqliteSaver(database)


@pytest.fixture(scope="module")
def in_postgres() -> Iterator[Open]:
    if find_binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with (
        postgres_server() as address,
        PostgresSaver.from_conn_string(address) as saver,
    ):
        saver.setup()

        @contextmanager
        def opened() -> Iterator[PostgresSaver]:
            saver.delete_thread("run")
            yield saver

        yield opened


def moments(recorder: Recorder) -> list[int]:
    """Return after how many writes a kill may come: after each of the run itself, some of groups'.

    Nothing to resume is there before the first checkpoint.
    """
    own = [
        number
        for number, (_, given) in enumerate(recorder.log, 1)
        if not given[0]["configurable"].get("checkpoint_ns")
    ]
    return sorted({*own, *range(1, len(recorder.log), 7)})


def check_every_moment(whole: tuple[Recorder, dict[str, Any]], opened: Open) -> None:
    recorder, result = whole
    for moment in moments(recorder):
        with opened() as saver:
            for name, given in recorder.log[:moment]:
                getattr(saver, name)(*deepcopy(given))
            graph = build_training_graph(checkpointer=saver, settings=SETTINGS)
            ended = moment == len(recorder.log)
            assert is_finished(graph, THREAD) == ended, f"after {moment} writes"
            resumed = resume(graph, THREAD)
            assert resumed["library"] == result["library"], f"after {moment} writes"
            assert len(resumed["metrics"]) == len(result["metrics"]) == 2
            assert is_finished(graph, THREAD)


def test_a_run_is_resumed_from_every_superstep_in_sqlite(
    whole: tuple[Recorder, dict[str, Any]],
) -> None:
    check_every_moment(whole, in_sqlite)


def test_a_run_is_resumed_from_every_superstep_in_postgresql(
    whole: tuple[Recorder, dict[str, Any]], in_postgres: Open
) -> None:
    check_every_moment(whole, in_postgres)


def test_next_alone_would_take_broken_off_runs_for_finished(
    whole: tuple[Recorder, dict[str, Any]],
) -> None:
    recorder, _ = whole
    mistaken = 0
    for moment in moments(recorder)[:-1]:
        saver = InMemorySaver()
        for name, given in recorder.log[:moment]:
            getattr(saver, name)(*deepcopy(given))
        mistaken += not build_training_graph(checkpointer=saver).get_state(THREAD).next
    assert mistaken


async def test_a_run_is_resumed_in_a_coroutine(whole: tuple[Recorder, dict[str, Any]]) -> None:
    recorder, result = whole
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        for name, given in recorder.log[: len(recorder.log) // 2]:
            await getattr(saver, f"a{name}")(*deepcopy(given))
        graph = build_training_graph(checkpointer=saver, settings=SETTINGS)
        assert not await ais_finished(graph, THREAD)
        assert (await aresume(graph, THREAD))["library"] == result["library"]
        with pytest.raises(RuntimeError, match="await ainvoke"):
            graph.invoke(GIVEN, THREAD)


def test_a_thread_without_a_run_is_named() -> None:
    graph = build_training_graph(checkpointer=InMemorySaver())
    with pytest.raises(NoSuchRun, match="'run' holds no run"):
        resume(graph, THREAD)


def test_a_run_that_waits_for_a_review_is_not_finished() -> None:
    graph = build_training_graph(checkpointer=InMemorySaver())
    problems = {"problems": training_problems()[:10]}
    context = Settings(epochs=1, group_size=4, review="each_step")
    assert "__interrupt__" in graph.invoke(problems, THREAD, context=context)
    assert not is_finished(graph, THREAD)


def test_an_evaluation_is_finished_once_it_has_its_report() -> None:
    graph = build_evaluation_graph(checkpointer=InMemorySaver())
    found = graph.invoke(GIVEN, THREAD, context=SETTINGS)
    assert is_finished(graph, THREAD)
    assert resume(graph, THREAD)["evaluation"]["rewards"] == found["evaluation"]["rewards"]
