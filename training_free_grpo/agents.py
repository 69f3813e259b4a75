"""Load a user's own agent by its name."""

import inspect
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableLambda

from training_free_grpo.graphs.parts import Agent
from training_free_grpo.imports import ImportNameError, load_object


def load_agent(name: str | None) -> Agent | None:
    """Load the user's agent: a runnable, a function of messages, or one that makes either."""
    if name is None:
        return None
    found = load_object(name, "agent")
    if callable(found) and not isinstance(found, Runnable):
        found = _make_agent(name, found)
    if not isinstance(found, Runnable):
        raise ImportNameError(
            f"agent {name!r} is {type(found).__name__}, not a runnable: name a compiled graph, a "
            "chat model, or a function without arguments that returns one"
        )
    return found


def _make_agent(name: str, function: Callable[..., Any]) -> Any:
    """Call a function without parameters; one that takes the messages is an agent itself."""
    if inspect.signature(function).parameters:
        return RunnableLambda(function)
    try:
        return function()
    except Exception as error:
        raise ImportNameError(
            f"agent {name!r}: calling it failed: {type(error).__name__}: {error}"
        ) from error
