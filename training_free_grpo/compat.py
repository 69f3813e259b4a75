"""Private API of dependencies, in one place: each use has a test that says what broke."""

import asyncio
import threading
import warnings
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import httpx2
    from langchain_core.runnables import RunnableConfig
    from langchain_openai.chat_models.base import BaseChatOpenAI
    from pydantic import BaseModel

T = TypeVar("T")

# What LangGraph writes into the config of a node. Imports are local: a tool or a grader alone
# loads nothing else.
_RUNTIME = "__pregel_runtime"
_CHECKPOINTER = "__pregel_checkpointer"
_TASK = "__pregel_task_id"
_NESTED = "|"


def with_runtime(config: "RunnableConfig", context: "BaseModel") -> "RunnableConfig":
    """Add the runtime that LangGraph gives to nodes: tools outside a graph read it, too."""
    from langgraph.runtime import Runtime

    runtime = {_RUNTIME: Runtime(context=context)}
    return {**config, "configurable": {**config.get("configurable", {}), **runtime}}


async def apart(call: Coroutine[Any, Any, T]) -> T:
    """Await a call outside the surrounding graph's config, and so outside its checkpoints."""
    from langchain_core.runnables.config import set_config_context

    with set_config_context({}) as context:
        return await asyncio.create_task(call, context=context)


def at_exit_of_threads(function: Callable[..., None], *given: object) -> None:
    """Call a function when the main thread has ended, before other threads are waited for."""
    threading._register_atexit(function, *given)  # type: ignore[attr-defined]


def default_executor(loop: asyncio.AbstractEventLoop) -> Executor | None:
    """Return the executor that a loop runs functions in; None if it is unknown."""
    executor = getattr(loop, "_default_executor", None)
    return executor if isinstance(executor, Executor) else None


def outrun_checkpoint_clock(latest: str) -> None:
    """Make the ids of new checkpoints sort after an existing one, whatever the clock says."""
    from langgraph.checkpoint.base import id as ids

    last = ids.UUID(latest).time
    ids._last_v6_timestamp = max(ids._last_v6_timestamp or 0, last)  # type: ignore[assignment]


def checkpointer_of(config: Mapping[str, Any] | None) -> Any:
    """Return the checkpointer that a graph passes to its subgraphs; None if it has none."""
    return ((config or {}).get("configurable") or {}).get(_CHECKPOINTER)


def with_checkpointer(config: Mapping[str, Any] | None, checkpointer: Any) -> dict[str, Any]:
    """Return a config that passes another checkpointer."""
    configurable = (config or {}).get("configurable") or {}
    return {**(config or {}), "configurable": {**configurable, _CHECKPOINTER: checkpointer}}


def is_nested(config: Mapping[str, Any]) -> bool:
    """Return whether a node's graph runs inside another graph."""
    return _NESTED in ((config.get("configurable") or {}).get("checkpoint_ns") or "")


def is_task(config: Mapping[str, Any] | None) -> bool:
    """Return whether a graph runs as a node of another one."""
    return _TASK in ((config or {}).get("configurable") or {})


def draw_inside(graph: Any, node: str, inner: list[Any]) -> None:
    """Make graphs inside a node drawable: LangGraph finds one only in the closure of a function."""
    graph.nodes[node].subgraphs = inner


def speaks_responses(model: "BaseChatOpenAI", payload: Mapping[str, Any]) -> bool:
    """Return whether a request goes to the Responses API."""
    return model._use_responses_api({**payload})


async def post_completion(model: "BaseChatOpenAI", body: Mapping[str, Any]) -> "httpx2.Response":
    """Send a chat completion through the SDK's plain `post`, and return the unparsed response."""
    import httpx2

    response: httpx2.Response = await model.root_async_client.post(
        "/chat/completions", cast_to=httpx2.Response, body=body
    )
    return response


def status_error(model: "BaseChatOpenAI", response: "httpx2.Response") -> Exception:
    """Return the SDK's error for a response whose HTTP status is no success."""
    error: Exception = model.root_async_client._make_status_error_from_response(response)
    return error


def ignore_unwritten_checkpoints() -> None:
    """Ignore LangGraph's warning about a checkpoint that a cancelled run no longer writes."""
    warnings.filterwarnings("ignore", "coroutine 'AsyncPregelLoop", RuntimeWarning)
