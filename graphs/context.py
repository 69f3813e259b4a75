"""The settings that a node runs under, and the limits that a graph is compiled with."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import get_runtime

from training_free_grpo.settings import OPERATIONAL, Settings, SettingsError

_DEFAULTS = Settings()
_TASKS = 100_000
_SUPERSTEPS = 1_000_000


def unlimited(
    graph: CompiledStateGraph[Any, Any, Any, Any],
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Lift LangGraph's own limit on tasks: ours are held inside the nodes.

    `graph.invoke` would otherwise run a handful at once, and queue the checkpoint writes of
    finished tasks behind those that wait.
    """
    return graph.with_config(max_concurrency=_TASKS, recursion_limit=_SUPERSTEPS)


def current_settings(state: Mapping[str, Any]) -> Settings:
    """Return the settings kept in the state, else those that this run was started with.

    A context is not persisted: resumed without it, plain LangGraph hands out None, and a server
    the defaults. Raise SettingsError for a run that is gone on with under others than its own.
    """
    given = context_settings()
    return _go_on_with(kept_settings(state), given) if "settings" in state else given


def kept_settings(state: Mapping[str, Any]) -> Settings:
    """Return the settings kept in the state: all that a router can know."""
    return _read_settings(json.dumps(state["settings"]))


@lru_cache(maxsize=64)
def _go_on_with(kept: Settings, given: Settings) -> Settings:
    if given in (kept, _DEFAULTS):
        return kept
    if given.essential() != kept.essential():
        raise SettingsError(describe_change(kept, given))
    return kept.operated_as(given)


def describe_change(kept: Settings, given: Settings) -> str:
    """Say in which settings a run that goes on differs from what it was started with."""
    before, now = kept.model_dump(mode="json"), given.model_dump(mode="json")
    changes = (
        f"  {name}: {before[name]!r} before, {now[name]!r} now"
        for name in before
        if before[name] != now[name] and name not in OPERATIONAL
    )
    return "\n".join(
        [
            "this thread was started with other settings:",
            *changes,
            "Go on with those it has, or change them with update_state(config, "
            '{"settings": {…}}): all that are not the defaults',
        ]
    )


def context_settings() -> Settings:
    """Return the settings that this run was started with."""
    context: Any = get_runtime().context
    return context if isinstance(context, Settings) else Settings.read(dict(context or {}))


@lru_cache(maxsize=64)
def _read_settings(changed: str) -> Settings:
    return Settings.read(json.loads(changed))
