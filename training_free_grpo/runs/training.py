"""A training run in a folder: started once, resumed as often as needed."""

import hashlib
import json
import platform
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.graph.state import CompiledStateGraph

from training_free_grpo import __version__
from training_free_grpo.arguments import argument
from training_free_grpo.datasets import fingerprint_problems
from training_free_grpo.executors import Cluster, ClusterError, Workers, make_setup
from training_free_grpo.graders import Grader, load_grader
from training_free_grpo.graphs.training import build_training_graph
from training_free_grpo.learning.batches import count_steps
from training_free_grpo.learning.judging import is_judged
from training_free_grpo.models import Models
from training_free_grpo.models.names import policy_name, reflection_name
from training_free_grpo.models.prices import prices_of
from training_free_grpo.prices import Prices
from training_free_grpo.prompts import fingerprint_prompts
from training_free_grpo.records import JSON, Library, Metrics, Problem
from training_free_grpo.rollouts.attempter import Attempter, attempter_for, describe_attempter
from training_free_grpo.rollouts.components import make_attempter
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.runs.archive import RunArchive
from training_free_grpo.runs.checks import check_parts
from training_free_grpo.runs.disk import room_on_disk
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.recorder import RunRecorder
from training_free_grpo.runs.reviews import read_pending
from training_free_grpo.runs.steps import Report, Steps
from training_free_grpo.runs.stores import open_stores
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget
from training_free_grpo.spending.forecast import Forecast, forecast_training
from training_free_grpo.spending.forecast_traces import forecast_traces
from training_free_grpo.storage.checkpoints import Dual
from training_free_grpo.storage.journal import Journal
from training_free_grpo.storage.postgres import describe_database, has_password
from training_free_grpo.traces import Traces

_PACKAGES = ("langgraph", "langchain", "langchain-core", "langchain-openai")


@dataclass(frozen=True)
class TrainingRun:
    """All parts of a run; the same parts on the same folder resume it."""

    folder: RunFolder
    settings: Settings
    problems: Sequence[Problem]
    library: Library | None = None
    agent: Agent | None = None
    agent_name: str | None = None
    tools: Sequence[BaseTool] | None = None
    """Tools of the ReAct agent; None for those in the settings."""
    grader: Grader = field(default_factory=lambda: load_grader("math"))
    grader_name: str = "math"
    models: Models = field(default_factory=Models)
    traces: Traces | None = None
    """Recorded attempts to learn from, instead of an agent."""
    budget: Budget = field(default_factory=Budget)
    parent: str | None = None
    cluster: Cluster | None = None
    """Where rollouts run, with agents and models given by name; None for this process."""
    database: str | None = None
    """Address of a PostgreSQL database for checkpoints and answers; None for files."""
    record: Journal | None = None
    """The journal of an earlier run, whose answers are reused."""
    sealed: bool = False
    """Whether to make no calls beyond the record: a replay."""
    start: JSON | None = None
    """The state of an earlier run after one of its steps, to continue from."""

    def manifest(self) -> JSON:
        """Describe what must not change when the run resumes."""
        return {
            "format": 2,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "versions": {name: version(name) for name in _PACKAGES}
            | {"training-free-grpo": __version__, "python": platform.python_version()},
            "prompts": fingerprint_prompts(),
            "data": fingerprint_problems(self.problems),
            "start_library": fingerprint_library(self.library),
            "policy": policy_name(self.settings)[0],
            "reflection": reflection_name(self.settings)[0],
            "agent": self.attempter.name,
            "attempter": describe_attempter(self.attempter, self.problems, self.settings),
            "tools": self.tools and [tool.name for tool in self.tools],
            "grader": self.grader_name,
            "parent": self.parent,
            "database": self.database and describe_database(self.database),
            "schema": self.folder.schema,
        }

    @cached_property
    def attempter(self) -> Attempter:
        """Who makes the attempts."""
        return self._attempter_with(self.models)

    @property
    def finished(self) -> bool:
        """Whether every step is finished, according to the folder."""
        return len(self.folder.metrics) == count_steps(len(self.problems), self.settings)

    @property
    def _left_last_library(self) -> bool:
        """Whether the last step has left its library, though metrics may be damaged."""
        last = count_steps(len(self.problems), self.settings)
        return (self.folder.path / "libraries" / f"step-{last:04}.json").exists()

    @property
    def prices(self) -> Prices:
        """The model and the price of every role."""
        rollout = self.attempter.prices(self.settings)
        return prices_of(self.models, self.settings, rollout)

    def forecast(self, done: Sequence[Metrics] | None = None) -> Forecast:
        """Forecast the rest after the finished steps: those in the folder, or the given ones."""
        done = self.folder.metrics if done is None else done
        judged = is_judged(self.settings, self.grader_name)
        if self.traces:
            return forecast_traces(self.settings, self.traces, judged, done, library=self.library)
        return forecast_training(
            self.settings,
            self.problems,
            judged,
            done,
            library=self.library,
            attempter=self.attempter,
        )

    def check_place(self) -> None:
        """Raise RunError if the folder holds something else, or a run with other inputs.

        Raise DatabaseError for an address that is not one of PostgreSQL.
        """
        self.folder.check_free()
        manifest = self.manifest()
        if self.folder.exists:
            self.folder.check_unchanged(self.settings.model_dump(mode="json"), manifest)

    async def check(self) -> None:
        """Raise UserError for anything that would stop the run, before any cost."""
        self.check_place()
        if self.finished or self._left_last_library or self.sealed:
            return
        if read_pending(self.folder.path):
            return
        self.budget.check(self.prices, self.forecast()["roles"])
        await check_parts(self.models, self.settings, self.attempter)

    async def run(self, report: Report) -> JSON:
        """Train to the end, or until a plan waits for a review, and return the state.

        Call `check` first: this repeats none of its checks. `report` is called for every event; for
        a finished step, after its files are saved.
        """
        self.folder.check_free()
        self._check_cluster()
        with self.folder.locked(), ExitStack() as stack:
            fresh = self._claim_settings()
            replayable = self.attempter.replayable
            stores = open_stores(
                self.folder, self.database, self.record, self.sealed, rebuilds=replayable
            )
            saver, journal = stack.enter_context(stores)
            if fresh:
                self._create()
            models = replace(self.models, journal=journal)
            attempter = self._attempter_with(models)
            graph = self._build(saver, models, attempter)
            steps = Steps(self.folder, graph, saver, self.settings)
            if await steps.begin(self.start):
                async with (
                    room_on_disk(self.folder.path, models.gate),
                    self.budget.kept(self.prices, journal, models.gate),
                    attempter.opened(self.settings),
                ):
                    await steps.make({"problems": self.problems, "library": self.library}, report)
            return await steps.save()

    def _claim_settings(self) -> bool:
        """Tell whether the run is new; if it resumes, save its settings."""
        if not self.folder.exists:
            return True
        settings = self.settings.model_dump(mode="json")
        self.folder.check_unchanged(settings, self.manifest())
        self.folder.go_on_with(settings)
        return False

    def _create(self) -> None:
        """Save the inputs of the run."""
        settings = self.settings.model_dump(mode="json")
        self.folder.create(settings, self.manifest(), self.problems)

    def _build(
        self, saver: Dual, models: Models, attempter: Attempter
    ) -> CompiledStateGraph[Any, Any, Any, Any]:
        """Build the graph, with its files in the folder."""
        return build_training_graph(
            grader=self.grader,
            checkpointer=saver,
            models=models,
            archive=RunArchive(self.folder.path),
            recorder=RunRecorder(self.folder.path),
            attempter=attempter,
        )

    def _attempter_with(self, models: Models) -> Attempter:
        """Return the attempter, with these models."""
        agent = make_attempter(models, self.agent, self.tools, self.traces, name=self.agent_name)
        if self.cluster is None:
            return attempter_for(self.settings, agent)
        journal = self.folder.schema if self.database else str(self.folder.calls.absolute())
        plan = make_setup(self.settings, self.agent_name, journal, self.database)
        workers = Workers(agent, self.cluster, plan, models.gate)
        return attempter_for(self.settings, workers)

    def _check_cluster(self) -> None:
        """Raise ClusterError for a run that a cluster cannot carry out."""
        if self.cluster is None:
            return
        self.cluster.check()
        nameless = self.models.policy_model or self.tools or (self.agent and not self.agent_name)
        if nameless or self.record:
            raise ClusterError(
                "workers of a cluster receive names only, and no record of an earlier run: give "
                "the agent as module:attr and the model as provider:name, or run without a cluster"
            )
        if self.database and has_password(self.database):
            raise ClusterError(
                f"{argument('database', '--database')} contains a password, and workers receive no "
                "secrets: set PGPASSWORD or ~/.pgpass on every machine"
            )


def fingerprint_library(library: Library | None) -> str | None:
    """Return the fingerprint of a starting library; None for an empty start."""
    if library is None:
        return None
    return hashlib.sha256(json.dumps(library, sort_keys=True).encode()).hexdigest()[:12]
