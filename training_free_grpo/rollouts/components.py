"""What a graph is built of: the objects that never enter state or settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from training_free_grpo.graders import Grader, as_grader, load_grader
from training_free_grpo.library.retrieval import Retrieval
from training_free_grpo.models import Models
from training_free_grpo.models.prices import prices_of
from training_free_grpo.prices import Prices
from training_free_grpo.records import JSON
from training_free_grpo.rollouts.own_agent import Agent, read_agent
from training_free_grpo.rollouts.toolbox import (
    Toolbox,
    default_toolbox,
    make_toolbox,
    start_tools,
)
from training_free_grpo.settings import Settings
from training_free_grpo.storage.archive import Archive
from training_free_grpo.storage.langgraph_store import Stored
from training_free_grpo.storage.recorder import NoRecorder, Recorder
from training_free_grpo.threads import in_thread
from training_free_grpo.traces import Traces


class Executor(Protocol):
    """Runs rollouts: here, or wherever it takes them."""

    async def run(self, task: JSON, lessons: str, settings: Settings) -> JSON:
        """Let the agent attempt a problem once; return what came of it, as note_rollout does.

        Raise only what ends the run, as run_rollout does.
        """


@dataclass(frozen=True, eq=False)
class Components:
    """The agent, grader, tools, models and archive that the nodes of a graph work with."""

    agent: Runnable[Any, Any] | None = None
    """An agent of the user's own, over messages; None for the ReAct agent of this package."""
    grader: Grader = field(default_factory=lambda: load_grader("math"))
    toolbox: Toolbox | None = None
    """Tools of the ReAct agent; None for those that the settings name."""
    models: Models = field(default_factory=Models)
    archive: Archive = field(default_factory=Stored)
    recorder: Recorder = field(default_factory=NoRecorder)
    retrieval: Retrieval = field(default_factory=Retrieval)
    traces: Traces | None = None
    """Attempts on record, which take the place of rollouts."""
    executor: Executor | None = None
    """Where rollouts are run; None for this process."""

    def tools_for(self, settings: Settings) -> Toolbox:
        """Return the tools of a run."""
        return self.toolbox or default_toolbox(settings)

    async def start_tools(self, settings: Settings) -> None:
        """Make the tools that the settings name ready, if it is here that they will be called.

        Raise SettingsError or Refused that says what is missing.
        """
        elsewhere = self.agent or self.toolbox or self.traces or self.executor
        sealed = self.models.journal is not None and self.models.journal.sealed
        if not (elsewhere or sealed or settings.directly_generated):
            await start_tools(settings)

    async def prices(self, settings: Settings) -> Prices:
        """Return what is asked in each role, and its price."""
        # In a thread: the list of prices is imported when it is first needed.
        return await in_thread(prices_of, self.models, settings, self.agent is not None)

    def count_attempts(self, problem: str, settings: Settings) -> int:
        """Return how many attempts a group makes: as many as are on record, where any are."""
        if settings.directly_generated:
            return 0
        return len(self.traces.attempts[problem]) if self.traces else settings.group_size

    async def end_thread(self, settings: Settings, thread: str) -> None:
        """Let go of what the tools keep for a rollout; an agent of the user's has its own."""
        if self.agent is None:
            await self.tools_for(settings).end_thread(thread)


def make_components(
    agent: Agent | None,
    grader: Grader | None,
    tools: Sequence[BaseTool] | None,
    models: Models | None,
    archive: Archive | None,
    traces: Traces | None = None,
    executor: Executor | None = None,
    recorder: Recorder | None = None,
) -> Components:
    """Gather what a builder was given, with the defaults for the rest."""
    return Components(
        agent=None if agent is None else read_agent(agent),
        grader=as_grader(grader or load_grader("math")),
        toolbox=None if tools is None else make_toolbox(tools),
        models=models or Models(),
        archive=archive or Stored(),
        recorder=recorder or NoRecorder(),
        retrieval=Retrieval(models.embeddings if models else None),
        traces=traces,
        executor=executor,
    )
