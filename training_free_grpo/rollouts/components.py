"""The objects that a graph is built of, which never enter state or settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from langchain_core.tools import BaseTool

from training_free_grpo.graders import Grader, as_grader, load_grader
from training_free_grpo.library.retrieval import Retrieval
from training_free_grpo.models import Models
from training_free_grpo.models.prices import prices_of
from training_free_grpo.prices import Prices
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.rollouts.react import ReactAgent
from training_free_grpo.rollouts.recorded import Recorded
from training_free_grpo.rollouts.toolbox import make_toolbox
from training_free_grpo.rollouts.user_agent import UserAgent
from training_free_grpo.settings import Settings
from training_free_grpo.storage.archive import Archive
from training_free_grpo.storage.langgraph_store import Stored
from training_free_grpo.storage.recorder import NoRecorder, Recorder
from training_free_grpo.threads import in_thread
from training_free_grpo.traces import Traces


@dataclass(frozen=True, eq=False)
class Components:
    """The attempter, grader, models and archive that the nodes of a graph use."""

    attempter: Attempter
    grader: Grader
    models: Models
    archive: Archive
    recorder: Recorder
    retrieval: Retrieval = field(default_factory=Retrieval)

    async def prices(self, settings: Settings) -> Prices:
        """Return the model and price of every role."""

        def find() -> Prices:
            return prices_of(self.models, settings, self.attempter.prices(settings))

        # In a thread: the price list is imported on first use.
        return await in_thread(find)


def make_components(
    agent: Agent | None = None,
    grader: Grader | None = None,
    tools: Sequence[BaseTool] | None = None,
    models: Models | None = None,
    archive: Archive | None = None,
    traces: Traces | None = None,
    attempter: Attempter | None = None,
    recorder: Recorder | None = None,
) -> Components:
    """Collect the builder's arguments, with defaults for the rest."""
    models = models or Models()
    if attempter and any(given is not None for given in (agent, tools, traces)):
        raise TypeError("pass either an attempter, or its parts (agent, tools, traces)")
    return Components(
        attempter=attempter or make_attempter(models, agent, tools, traces),
        grader=as_grader(grader or load_grader("math")),
        models=models,
        archive=archive or Stored(),
        recorder=recorder or NoRecorder(),
        retrieval=Retrieval(models.embeddings),
    )


def make_attempter(
    models: Models,
    agent: Agent | None = None,
    tools: Sequence[BaseTool] | None = None,
    traces: Traces | None = None,
    *,
    name: str | None = None,
) -> Attempter:
    """Return the attempter: recorded traces, a user's agent of this name, or our ReAct agent."""
    if traces is not None:
        return Recorded(traces)
    if agent is not None:
        return UserAgent(agent, models, name)
    return ReactAgent(models, None if tools is None else make_toolbox(tools))
