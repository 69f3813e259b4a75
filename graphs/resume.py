"""Check whether the run of a thread has finished, and resume one that has not.

`get_state(config).next` cannot tell: it is also empty when a process dies between the result of a
node and the checkpoint made of it.
"""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot

from training_free_grpo.errors import UserError

Compiled = CompiledStateGraph[Any, Any, Any, Any]


class NoSuchRun(UserError, LookupError):
    """The thread holds no run to resume."""


def is_finished(graph: Compiled, config: RunnableConfig) -> bool:
    """Return whether the run of a thread has finished.

    A run that waits for a review has not. Raise NoSuchRun for a thread without a run.
    """
    return _is_finished(graph.get_state(config), config)


async def ais_finished(graph: Compiled, config: RunnableConfig) -> bool:
    """Return whether the run of a thread has finished, as `is_finished` does."""
    return _is_finished(await graph.aget_state(config), config)


def resume(graph: Compiled, config: RunnableConfig, **options: Any) -> dict[str, Any]:
    """Resume the run of a thread where it stopped, and return its output.

    A finished run returns its output at once. Pass the context that the run started with
    (`context=…`), unless the graph has it from its builder. Raise NoSuchRun for a thread without a
    run.
    """
    is_finished(graph, config)
    found: dict[str, Any] = graph.invoke(None, config, **{"durability": "sync", **options})
    return found


async def aresume(graph: Compiled, config: RunnableConfig, **options: Any) -> dict[str, Any]:
    """Resume the run of a thread where it stopped, as `resume` does."""
    await ais_finished(graph, config)
    options = {"durability": "sync", **options}
    found: dict[str, Any] = await graph.ainvoke(None, config, **options)
    return found


def _is_finished(state: StateSnapshot, config: RunnableConfig) -> bool:
    if state.created_at is None:
        thread = config.get("configurable", {}).get("thread_id")
        raise NoSuchRun(
            f"thread {thread!r} holds no run: start one with "
            "graph.invoke({'problems': …}, config)"
        )
    return not state.tasks
