"""A training run in a folder: started once, gone on with as often as it takes."""

import hashlib
import json
import platform
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any

from langchain_core.runnables import RunnableConfig

from training_free_grpo import __version__
from training_free_grpo.checkpoints import DualSqliteSaver
from training_free_grpo.datasets import fingerprint_problems
from training_free_grpo.graders import Grader, load_grader
from training_free_grpo.graphs.parts import Agent
from training_free_grpo.graphs.training import build_training_graph
from training_free_grpo.journal import Journal
from training_free_grpo.models import Models
from training_free_grpo.models.names import policy_name, reflection_name
from training_free_grpo.prompts import fingerprint_prompts
from training_free_grpo.records import JSON, Library, Metrics, Problem
from training_free_grpo.run_folder import RunFolder
from training_free_grpo.settings import Settings

_PACKAGES = ("langgraph", "langchain", "langchain-core", "langchain-openai")
_CONFIG: RunnableConfig = {"configurable": {"thread_id": "run"}}


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
    parent: str | None = None

    def manifest(self) -> JSON:
        """Describe what the run must not change on the way."""
        return {
            "format": 1,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "versions": {name: version(name) for name in _PACKAGES}
            | {"training-free-grpo": __version__, "python": platform.python_version()},
            "prompts": fingerprint_prompts(),
            "data": fingerprint_problems(self.problems),
            "start_library": fingerprint_library(self.library),
            "policy": policy_name(self.settings)[0],
            "reflection": reflection_name(self.settings)[0],
            "agent": self.agent_name or "react",
            "grader": self.grader_name,
            "parent": self.parent,
        }

    async def run(
        self,
        before_spending: Callable[[], Awaitable[None]],
        report: Callable[[str, Any], None],
    ) -> JSON:
        """Train to the end and return the final state.

        `before_spending` is awaited before the first call of a run that is not finished;
        `report` hears of every update of the graph's nodes, as (node, update).
        """
        settings, fresh = self.settings.model_dump(mode="json"), not self.folder.exists
        if fresh:
            await before_spending()
        with (
            self.folder.locked(),
            DualSqliteSaver.open(self.folder.checkpoints) as saver,
            Journal.open(self.folder.calls) as journal,
        ):
            if fresh:
                self.folder.create(settings, self.manifest())
            else:
                self.folder.check_unchanged(settings, self.manifest())
            models = replace(self.models, journal=journal)
            graph = build_training_graph(
                self.agent, self.grader, None, saver, models=models, archive=self.folder
            )
            state = await graph.aget_state(_CONFIG)
            if state.next or not state.values:
                if not fresh:
                    await before_spending()
                await self._go_on(graph, started=bool(state.values), report=report)
                state = await graph.aget_state(_CONFIG)
            self.folder.save(state.values)
            return dict(state.values)

    async def _go_on(self, graph: Any, started: bool, report: Callable[[str, Any], None]) -> None:
        """Run the graph from its last checkpoint, or from the start."""
        given = None if started else {"problems": self.problems, "library": self.library}
        stream = graph.astream(
            given, _CONFIG, context=self.settings, stream_mode="updates", durability="sync"
        )
        async for event in stream:
            for name, update in event.items():
                report(name, update)
                if name == "edit_experiences":
                    self.folder.save((await graph.aget_state(_CONFIG)).values)


def fingerprint_library(library: Library | None) -> str | None:
    """Tell starting libraries apart; None for an empty start."""
    if library is None:
        return None
    return hashlib.sha256(json.dumps(library, sort_keys=True).encode()).hexdigest()[:12]


def learned_nothing(metrics: Sequence[Metrics]) -> str | None:
    """Say why a run without a single lesson learned nothing, or return None."""
    if any(step["applied"] for step in metrics):
        return None
    if not any(step["groups_with_contrast"] for step in metrics):
        right = sum(step["groups_all_right"] for step in metrics)
        wrong = sum(step["groups_all_wrong"] for step in metrics)
        return (
            "nothing was learned: in no group did one attempt beat another "
            f"({right} groups all right, {wrong} all wrong). Take harder or easier problems, "
            "a larger group, a higher temperature, or a grader with partial rewards."
        )
    if not any(step["proposals"] for step in metrics):
        return "nothing was learned: the reflection model proposed no lesson; try a stronger one"
    return "nothing was learned: no proposed lesson could be carried out (see metrics.jsonl)"
