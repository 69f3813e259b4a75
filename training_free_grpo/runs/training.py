"""A training run in a folder: started once, gone on with as often as it takes."""

import hashlib
import json
import platform
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from training_free_grpo import __version__
from training_free_grpo.datasets import fingerprint_problems
from training_free_grpo.executors import Cluster, ClusterError, Workers, make_setup
from training_free_grpo.graders import Grader, load_grader
from training_free_grpo.graphs.training import build_training_graph
from training_free_grpo.learning.batches import count_steps
from training_free_grpo.models import Models
from training_free_grpo.models.names import policy_name, reflection_name
from training_free_grpo.models.prices import prices_of
from training_free_grpo.prices import Prices
from training_free_grpo.prompts import fingerprint_prompts
from training_free_grpo.records import JSON, Event, Library, Metrics, Problem
from training_free_grpo.rollouts.attempter import Attempter, attempter_for, describe_attempter
from training_free_grpo.rollouts.components import make_attempter
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.runs.disk import room_on_disk
from training_free_grpo.runs.files import read_metrics
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.runs.reviews import keep_request, take_back
from training_free_grpo.runs.stores import open_stores
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget
from training_free_grpo.storage.checkpoints import Dual
from training_free_grpo.storage.journal import Journal
from training_free_grpo.storage.postgres import describe_database, has_password
from training_free_grpo.traces import Traces

_PACKAGES = ("langgraph", "langchain", "langchain-core", "langchain-openai")
RUN: RunnableConfig = {"configurable": {"thread_id": "run"}}
"""The thread of a run: each has a database, or a schema of one, to itself."""


@dataclass(frozen=True)
class TrainingRun:
    """All that a run is made of; the same parts on the same folder go on where it stopped."""

    folder: RunFolder
    settings: Settings
    problems: Sequence[Problem]
    library: Library | None = None
    agent: Agent | None = None
    agent_name: str | None = None
    grader: Grader = field(default_factory=lambda: load_grader("math"))
    grader_name: str = "math"
    models: Models = field(default_factory=Models)
    traces: Traces | None = None
    """Attempts on record to learn from, in place of an agent that makes them."""
    budget: Budget = field(default_factory=Budget)
    parent: str | None = None
    cluster: Cluster | None = None
    """Where rollouts are run, by agents and models that have names; None for this process."""
    database: str | None = None
    """Address of a PostgreSQL database that keeps checkpoints and answers; None for files."""
    record: Journal | None = None
    """The journal of an earlier run: what it holds is not asked again."""
    sealed: bool = False
    """Whether to ask nothing that the record does not hold: a replay."""
    start: JSON | None = None
    """The state of an earlier run after one of its steps, to go on from."""

    def manifest(self) -> JSON:
        """Describe what the run must not change on the way."""
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
    def prices(self) -> Prices:
        """The model and the price of every role."""
        rollout = self.attempter.prices(self.settings)
        return prices_of(self.models, self.settings, rollout)

    def _attempter_with(self, models: Models) -> Attempter:
        """Return who makes the attempts, with these models."""
        agent = make_attempter(models, self.agent, None, self.traces, name=self.agent_name)
        if self.cluster is None:
            return attempter_for(self.settings, agent)
        journal = self.folder.schema if self.database else str(self.folder.calls.absolute())
        plan = make_setup(self.settings, self.agent_name, journal, self.database)
        workers = Workers(agent, self.cluster, plan, models.gate)
        return attempter_for(self.settings, workers)

    @property
    def finished(self) -> bool:
        """Whether every step is done, as its folder tells."""
        steps = count_steps(len(self.problems), self.settings)
        return len(read_metrics(self.folder.path)) == steps

    def check_place(self) -> None:
        """Raise RunError if the folder holds something else, or a run begun differently."""
        self.folder.check_free()
        if self.folder.exists:
            self.folder.check_unchanged(self.settings.model_dump(mode="json"), self.manifest())

    async def run(
        self,
        before_spending: Callable[[], Awaitable[None]],
        report: Callable[[Event], None],
    ) -> JSON:
        """Train to the end, or until a plan waits for a person, and return the state.

        `before_spending` is awaited before the first call of a run that is not finished;
        `report` hears of every event, of a finished step once the run's files tell of it.
        """
        settings, manifest = self.settings.model_dump(mode="json"), self.manifest()
        self.folder.check_free()
        fresh = not self.folder.exists
        self._check_cluster()
        if fresh:
            await before_spending()
        with self.folder.locked(), ExitStack() as stack:
            if not fresh:
                self.folder.check_unchanged(settings, manifest)
                self.folder.go_on_with(settings)
            stores = open_stores(
                self.folder,
                self.database,
                self.record,
                self.sealed,
                rebuilds=self.attempter.replayable,
            )
            saver, journal = stack.enter_context(stores)
            if fresh:
                self.folder.create(settings, manifest, self.problems)
            models = replace(self.models, journal=journal)
            attempter = self._attempter_with(models)
            graph = build_training_graph(
                grader=self.grader,
                checkpointer=saver,
                models=models,
                archive=self.folder,
                attempter=attempter,
            )
            state = await graph.aget_state(RUN)
            if not is_finished(state.values) and not self._waits(state):
                if not fresh:
                    await before_spending()
                if not state.values and self.start:
                    await graph.aupdate_state(RUN, self.start, "edit_experiences")
                async with (
                    room_on_disk(self.folder.path, models.gate),
                    self.budget.kept(self.prices, journal, models.gate),
                    attempter.opened(self.settings),
                ):
                    await self._go_on(graph, saver, state, report)
                state = await graph.aget_state(RUN)
            self.folder.save(state.values)
            return dict(state.values)

    def _check_cluster(self) -> None:
        """Raise ClusterError for a run that workers of a cluster cannot make."""
        if self.cluster is None:
            return
        self.cluster.check()
        nameless = self.models.policy_model or (self.agent and not self.agent_name)
        if nameless or self.record:
            raise ClusterError(
                "workers of a cluster are told names, and nothing of an earlier run: give the "
                "agent as module:attr and the model as provider:name, or run without a cluster"
            )
        if self.database and has_password(self.database):
            raise ClusterError(
                "--database holds a password, and workers are told no secret: put it into "
                "PGPASSWORD or ~/.pgpass on every machine"
            )

    async def _go_on(
        self, graph: Any, saver: Dual, state: StateSnapshot, report: Callable[[Event], None]
    ) -> None:
        """Run the graph from where it is until it ends, or waits for a person.

        Raise RunError for an answer of the person's that cannot be carried out.
        """
        start = {"problems": self.problems, "library": self.library}
        given: Any = None if state.values or self.start else start
        while not self._waits(state):
            if state.interrupts:
                given = Command(resume=self._answer(state))
            await self._stream(graph, saver, given, report)
            asked, state = state.interrupts, await graph.aget_state(RUN)
            if not state.interrupts:
                return
            if asked and (fault := state.interrupts[0].value["fault"]):
                take_back(self.folder.path, read_request(state))
                raise RunError(f"the review cannot be carried out: {fault}. Repeat tfgrpo review")

    def _waits(self, state: StateSnapshot) -> bool:
        """Tell whether there is nothing to do before a person has decided on a plan."""
        return bool(state.interrupts) and self._answer(state) is None

    def _answer(self, state: StateSnapshot) -> Any:
        """Return what a person has decided on the plan that waits; None for nothing."""
        return keep_request(self.folder.path, read_request(state))

    async def _stream(
        self, graph: Any, saver: Dual, given: Any, report: Callable[[Event], None]
    ) -> None:
        """Run the graph and report its events; save what a step has learned once it is kept."""
        modes = ["custom", "tasks"]
        options = {"stream_mode": modes, "subgraphs": True, "durability": "sync"}
        config = RUN | RunnableConfig(metadata={"run": self.folder.path.name})
        unsaved: list[Event] = []
        stream = graph.astream(given, config, context=self.settings, **options)
        async for _, mode, told in stream:
            if mode == "custom" and told["event"] == "step":
                unsaved.append(told)
            elif mode == "custom":
                report(told)
            elif "result" in told and told["name"] == "edit_experiences":
                self.folder.save((await graph.aget_state(RUN)).values)
                while unsaved:
                    report(unsaved.pop())
            elif "result" in told and told["name"] == "plan_edits":
                finished = (await graph.aget_state(RUN)).config["configurable"]
                await saver.aforget_groups(finished["checkpoint_id"])


def read_request(state: StateSnapshot) -> JSON:
    """Return what a person is asked about a plan that waits."""
    return {key: value for key, value in state.interrupts[0].value.items() if key != "fault"}


def is_finished(state: JSON) -> bool:
    """Tell whether every step of a run is done.

    LangGraph names no next node either when a kill came between a node's result and the
    checkpoint made of it.
    """
    return len(state.get("metrics", [])) == state.get("steps")


def fingerprint_library(library: Library | None) -> str | None:
    """Tell starting libraries apart; None for an empty start."""
    if library is None:
        return None
    return hashlib.sha256(json.dumps(library, sort_keys=True).encode()).hexdigest()[:12]


def learned_nothing(metrics: Sequence[Metrics]) -> str | None:
    """Say why a run without a single lesson learned nothing, or return None."""
    if any(step["applied"] for step in metrics):
        return None
    missing, lost = add_up(metrics, "missing"), add_up(metrics, "groups_lost")
    rollouts = sum(step["rollouts"] for step in metrics)
    if rollouts and missing.total() == rollouts:
        return f"nothing was learned: no rollout could be graded; {say_most_frequent(missing)}"
    if lost and lost.total() == sum(step["groups_with_contrast"] for step in metrics):
        return f"nothing was learned: every comparison was lost; {say_most_frequent(lost)}"
    if not any(step["groups_with_contrast"] for step in metrics):
        right = sum(step["groups_all_right"] for step in metrics)
        wrong = sum(step["groups_all_wrong"] for step in metrics)
        return (
            "nothing was learned: in no group did one attempt beat another "
            f"({right} groups all right, {wrong} all wrong). Take harder or easier problems, "
            "a larger group, a higher temperature, or a grader with partial rewards."
        )
    turned_down = Counter(found["reason"] for step in metrics for found in step["rejected"])
    if turned_down:
        return f"nothing was learned: no proposal was kept; {say_most_frequent(turned_down)}"
    if not any(step["proposals"] for step in metrics):
        return "nothing was learned: the reflection model proposed no lesson; try a stronger one"
    return "nothing was learned: no proposed lesson could be carried out (see metrics.jsonl)"


def add_up(metrics: Sequence[Metrics], name: Literal["missing", "groups_lost"]) -> Counter[str]:
    """Count by reason over all steps."""
    return sum((Counter(step[name]) for step in metrics), Counter())


def say_most_frequent(reasons: Counter[str]) -> str:
    """Say the most frequent reason, and how often it was so."""
    ((reason, times),) = reasons.most_common(1)
    return f"{times} of {reasons.total()}: {reason}"
