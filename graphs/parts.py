"""What a graph is built of: the objects that never enter state or settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import get_runtime

from training_free_grpo.archive import Archive, Inline
from training_free_grpo.graders import Grader, load_grader
from training_free_grpo.graphs.toolbox import Toolbox, default_toolbox, make_toolbox
from training_free_grpo.models import Models
from training_free_grpo.settings import Settings

_TASKS = 100_000
_SUPERSTEPS = 1_000_000

Agent = Runnable[Any, Any]
"""Any runnable over messages: a compiled graph, a chat model, a function made runnable."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The agent, grader, tools, models and archive that the nodes of a graph work with."""

    agent: Agent | None = None
    """An agent of the user's own, over messages; None for the ReAct agent of this package."""
    grader: Grader = field(default_factory=lambda: load_grader("math"))
    toolbox: Toolbox | None = None
    """Tools of the ReAct agent; None for those that the settings name."""
    models: Models = field(default_factory=Models)
    archive: Archive = field(default_factory=Inline)

    def tools_for(self, settings: Settings) -> Toolbox:
        """Return the tools of a run."""
        return self.toolbox or default_toolbox(settings)

    async def end_thread(self, settings: Settings, thread: str) -> None:
        """Let go of what the tools keep for a rollout; an agent of the user's has its own."""
        if self.agent is None:
            await self.tools_for(settings).end_thread(thread)


def make_parts(
    agent: Agent | None,
    grader: Grader | None,
    tools: Sequence[BaseTool] | None,
    models: Models | None,
    archive: Archive | None,
) -> Parts:
    """Gather what a builder was given, with the defaults for the rest."""
    return Parts(
        agent=agent,
        grader=grader or load_grader("math"),
        toolbox=None if tools is None else make_toolbox(tools),
        models=models or Models(),
        archive=archive or Inline(),
    )


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

    A context is not persisted: resumed without it, plain LangGraph hands out None.
    """
    if "settings" in state:
        return _read_settings(json.dumps(state["settings"]))
    return context_settings()


def context_settings() -> Settings:
    """Return the settings that this run was started with."""
    context: Any = get_runtime().context
    return context if isinstance(context, Settings) else Settings.read(dict(context or {}))


@lru_cache(maxsize=64)
def _read_settings(changed: str) -> Settings:
    return Settings.read(json.loads(changed))
