"""Evaluations that are compared: several ways to attempt the same problems, one after the other."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langchain_core.runnables import RunnableConfig

from training_free_grpo.graders import Grader, load_grader
from training_free_grpo.graphs.evaluation import build_evaluation_graph
from training_free_grpo.models import Models
from training_free_grpo.models.prices import prices_of
from training_free_grpo.prices import Prices
from training_free_grpo.records import JSON, Evaluation, Event, Library, Problem
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.components import make_attempter
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.runs.disk import room_on_disk
from training_free_grpo.runs.folder import RunError, RunFolder, check_ours
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget
from training_free_grpo.storage.journal import Journal


@dataclass(frozen=True)
class Arm:
    """One way to attempt the problems."""

    name: str
    settings: Settings
    library: Library | None = None


ArmAfter = Callable[[Mapping[str, Evaluation]], Arm | None]
"""Makes an arm of what the arms before it found; None for none."""


@dataclass(frozen=True)
class EvaluationRun:
    """Arms over the same problems; the same parts on the same folder go on where they stopped.

    No call is paid for twice: what two arms have in common, the later one takes from the earlier.
    """

    problems: Sequence[Problem]
    arms: Sequence[Arm | ArmAfter]
    agent: Agent | None = None
    agent_name: str | None = None
    grader: Grader = field(default_factory=lambda: load_grader("math"))
    folder: Path | None = None
    """Where the answers are kept; None keeps them until the run ends."""
    models: Models = field(default_factory=Models)
    budget: Budget = field(default_factory=Budget)

    @cached_property
    def attempter(self) -> Attempter:
        """Who makes the attempts."""
        return make_attempter(self.models, self.agent, name=self.agent_name)

    def prices(self, settings: Settings) -> Prices:
        """Return the model and the price of every role."""
        return prices_of(self.models, settings, self.attempter.prices(settings))

    async def run(
        self,
        before_spending: Callable[[], Awaitable[None]],
        report: Callable[[Arm], None],
        hear: Callable[[Event], None] = lambda event: None,
    ) -> dict[str, Evaluation]:
        """Evaluate the arms in their order and return what each found, by name.

        `before_spending` is awaited before the first call; `report` hears of each arm as it begins,
        `hear` of every event.
        """
        found: dict[str, Evaluation] = {}
        begun: list[JSON] = []
        with open_journal(self.folder) as journal:
            models = replace(self.models, journal=journal)
            attempter = make_attempter(models, self.agent)
            graph = build_evaluation_graph(grader=self.grader, models=models, attempter=attempter)
            await before_spending()
            settings = next(arm.settings for arm in self.arms if isinstance(arm, Arm))
            prices = self.prices(settings)
            async with (
                room_on_disk(self.folder, models.gate) if self.folder else nullcontext(),
                self.budget.kept(prices, journal, models.gate),
            ):
                # At once they would compete for the endpoint, and for the sandbox.
                for planned in self.arms:
                    arm = planned if isinstance(planned, Arm) else planned(found)
                    if arm is None:
                        continue
                    size = {"problems": len(self.problems), "attempts": arm.settings.attempts}
                    begun.append({"name": arm.name, **size})
                    # For who asks from beside it: nothing else is on disk before the end.
                    await journal.note("arms", "arms", {"arms": begun, "prices": prices})
                    report(arm)
                    found[arm.name] = await self._evaluate(graph, arm, hear)
        return found

    async def _evaluate(self, graph: Any, arm: Arm, hear: Callable[[Event], None]) -> Evaluation:
        """Evaluate one arm."""
        given = {"problems": self.problems, "library": arm.library}
        labels = {"run": self.folder.name} if self.folder else {}
        config = RunnableConfig(metadata={**labels, "arm": arm.name})
        options = {"stream_mode": "custom", "subgraphs": True}
        stream = graph.astream(given, config, context=arm.settings, **options)
        async for _, event in stream:
            hear(event)
        evaluation: Evaluation = event["evaluation"]
        return evaluation


@contextmanager
def open_journal(folder: Path | None) -> Iterator[Journal]:
    """Open the journal of an evaluation; without a folder to keep it in, one that is thrown away.

    Raise RunError for the folder of a training run, and for one that another process is using.
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
