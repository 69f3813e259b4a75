"""Private API of dependencies, in one place: each use has a test that says what broke."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import set_config_context
from langgraph._internal._constants import CONFIG_KEY_RUNTIME
from langgraph.runtime import Runtime
from pydantic import BaseModel

if TYPE_CHECKING:
    import httpx2
    import openai

T = TypeVar("T")


def with_runtime(config: RunnableConfig, context: BaseModel) -> RunnableConfig:
    """Add the runtime that LangGraph gives to nodes: tools outside a graph read it, too."""
    runtime = {CONFIG_KEY_RUNTIME: Runtime(context=context)}
    return config | RunnableConfig(configurable=config.get("configurable", {}) | runtime)


async def apart(call: Coroutine[Any, Any, T]) -> T:
    """Await a call outside the surrounding graph's config, and so outside its checkpoints."""
    with set_config_context({}) as context:
        return await asyncio.create_task(call, context=context)


def status_error(
    client: "openai.AsyncOpenAI", response: "httpx2.Response"
) -> "openai.APIStatusError":
    """Return the SDK's error for an answer of an HTTP status that is no success."""
    return client._make_status_error_from_response(response)
