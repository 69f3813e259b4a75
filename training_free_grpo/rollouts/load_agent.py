"""Load a user's own agent by its name."""

import inspect
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable

from training_free_grpo.imports import ImportNameError, load_object
from training_free_grpo.rollouts.own_agent import read_agent


def load_agent(name: str | None) -> Runnable[Any, Any] | None:
    """Load the user's agent: a runnable, a function of messages, or a factory of either."""
    if name is None:
        return None
    found = load_object(name, "agent")
    if callable(found) and not isinstance(found, Runnable) and is_factory(found):
        found = make_agent(name, found)
    try:
        return read_agent(found)
    except TypeError as error:
        raise ImportNameError(f"agent {name!r}: {error}, or a function that returns one") from None


def is_factory(function: Callable[..., Any]) -> bool:
    """Return whether a function is a factory rather than an agent: it needs no argument."""
    parameters = inspect.signature(function).parameters.values()
    return all(p.default is not p.empty or p.kind is p.VAR_KEYWORD for p in parameters)


def make_agent(name: str, function: Callable[..., Any]) -> Any:
    """Call the factory."""
    if inspect.iscoroutinefunction(function):
        raise ImportNameError(
            f"agent {name!r} is an async function: name a synchronous one, or the agent itself"
        )
    try:
        return function()
    except Exception as error:
        raise ImportNameError(
            f"agent {name!r}: calling it failed: {type(error).__name__}: {error}"
        ) from error
