"""Evaluations to compare: several ways to attempt the same problems, one after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool

from training_free_grpo.graders import Grader, load_grader
from training_free_grpo.graphs.evaluation import build_evaluation_graph
from training_free_grpo.learning.judging import is_judged
from training_free_grpo.models import Models
from training_free_grpo.models.prices import prices_of
from training_free_grpo.prices import Prices
from training_free_grpo.records import JSON, Evaluation, Library, Problem
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.components import make_attempter
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.runs.checks import check_parts
from training_free_grpo.runs.disk import room_on_disk
from training_free_grpo.runs.folder import RunError, RunFolder, check_ours
from training_free_grpo.runs.steps import Report, ignore
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget
from training_free_grpo.spending.forecast import Forecast, add_forecasts, forecast_evaluation
from training_free_grpo.storage.journal import Journal


@dataclass(frozen=True)
class Arm:
    """One way to attempt the problems."""

    name: str
    settings: Settings
    library: Library | None = None


ArmAfter = Callable[[Mapping[str, Evaluation]], Arm | None]
"""Builds an arm from the results of the earlier arms; None for no arm."""


@dataclass(frozen=True)
class EvaluationRun:
    """Arms over the same problems; the same parts on the same folder resume.

    No call is paid for twice: arms share the calls that they have in common.
    """

    problems: Sequence[Problem]
    arms: Sequence[Arm | ArmAfter]
    agent: Agent | None = None
    agent_name: str | None = None
    tools: Sequence[BaseTool] | None = None
    """Tools of the ReAct agent; None for those that the settings name."""
    grader: Grader = field(default_factory=lambda: load_grader("math"))
    grader_name: str = "math"
    folder: Path | None = None
    """Where the answers are saved; None keeps them only until the run ends."""
    models: Models = field(default_factory=Models)
    budget: Budget = field(default_factory=Budget)

    @property
    def settings(self) -> Settings:
        """The settings of the first arm: all arms use the same models."""
        return next(arm.settings for arm in self.arms if isinstance(arm, Arm))

    @property
    def prices(self) -> Prices:
        """The model and the price of every role."""
        rollout = self.attempter.prices(self.settings)
        return prices_of(self.models, self.settings, rollout)

    @cached_property
    def attempter(self) -> Attempter:
        """Who makes the attempts."""
        return self._attempter_with(self.models)

    def _attempter_with(self, models: Models) -> Attempter:
        """Return who makes the attempts, with these models."""
        return make_attempter(models, self.agent, self.tools, name=self.agent_name)

    @property
    def expected(self) -> int:
        """The expected rollouts and groups, without arms that are planned later."""
        arms = (arm for arm in self.arms if isinstance(arm, Arm))
        return len(self.problems) * sum(arm.settings.attempts + 1 for arm in arms)

    def forecast(self) -> Forecast:
        """Forecast the whole evaluation, without arms that are planned later."""
        judged = is_judged(self.settings, self.grader_name)
        who = self.attempter
        return add_forecasts(
            forecast_evaluation(arm.settings, self.problems, judged, arm.library, attempter=who)
            for arm in self.arms
            if isinstance(arm, Arm)
        )

    async def check(self) -> None:
        """Raise UserError for anything that would stop the evaluation, before any cost."""
        self.budget.check(self.prices, self.forecast()["roles"])
        await check_parts(self.models, self.settings, self.attempter)

    async def run(
        self, begin: Callable[[Arm], None] = lambda arm: None, report: Report = ignore
    ) -> dict[str, Evaluation]:
        """Evaluate the arms in order, and return the results by name.

        Call `check` first: this repeats none of its checks. `begin` is called at the start of each
        arm, `report` for every event.
        """
        found: dict[str, Evaluation] = {}
        with open_journal(self.folder) as journal:
            models = replace(self.models, journal=journal)
            attempter = self._attempter_with(models)
            graph = build_evaluation_graph(grader=self.grader, models=models, attempter=attempter)
            async with (
                room_on_disk(self.folder, models.gate) if self.folder else nullcontext(),
                self.budget.kept(self.prices, journal, models.gate),
            ):
                begun: list[JSON] = []
                # In parallel, they would compete for the endpoint and the sandbox.
                for planned in self.arms:
                    arm = planned if isinstance(planned, Arm) else planned(found)
                    if arm is None:
                        continue
                    begun.append(self._describe(arm))
                    # For `tfgrpo status`: nothing else is on disk before the end.
                    noted = {"arms": begun, "prices": self.prices}
                    await journal.note("arms", "arms", noted)
                    begin(arm)
                    found[arm.name] = await self._evaluate(graph, arm, report)
        return found

    def _describe(self, arm: Arm) -> JSON:
        """Describe the size of an arm."""
        size = {"problems": len(self.problems), "attempts": arm.settings.attempts}
        return {"name": arm.name, **size}

    async def _evaluate(self, graph: Any, arm: Arm, report: Report) -> Evaluation:
        """Evaluate one arm."""
        given = {"problems": self.problems, "library": arm.library}
        labels = {"run": self.folder.name} if self.folder else {}
        config = RunnableConfig(metadata={**labels, "arm": arm.name})
        options = {"stream_mode": "custom", "subgraphs": True}
        stream = graph.astream(given, config, context=arm.settings, **options)
        async for _, event in stream:
            report(event)
        evaluation: Evaluation = event["evaluation"]
        return evaluation


@contextmanager
def open_journal(folder: Path | None) -> Iterator[Journal]:
    """Open the journal of an evaluation; without a folder, a temporary one.

    Raise RunError for the folder of a training run, or one in use by another process.
    """
    if folder is None:
        with TemporaryDirectory() as place, Journal.open(Path(place) / "calls.sqlite") as journal:
            yield journal
        return
    run = RunFolder(folder)
    if run.exists:
        raise RunError(f"{folder} is a training run; give the evaluation another name")
    check_ours(folder)
    with run.locked(), Journal.open(run.calls) as journal:
        yield journal
