"""The result of a training run."""

import shutil
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from training_free_grpo.background import run_sync
from training_free_grpo.ledger import add_ledgers
from training_free_grpo.library import (
    LibraryLike,
    active_experiences,
    export_library,
    save_library,
)
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.prices import add_bills, show_cost
from training_free_grpo.records import JSON, Cost, EvaluationReport, Ledger, Library, Metrics
from training_free_grpo.report import write_report
from training_free_grpo.runs.reviews import read_pending
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.session.evaluation import plan_evaluation
from training_free_grpo.session.making import OnEvent, make_evaluation
from training_free_grpo.session.problems import Problems, compares
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """The library that a run learned, its figures, and what it cost.

    The files of an unnamed run are removed with the result, or by `close`.
    """

    library: Library
    metrics: list[Metrics]
    """One entry per step."""
    status: Literal["finished", "waiting for review"]
    pending: JSON | None
    """The pending review: decide with `tfgrpo review`, then call train again."""
    folder: Path
    _run: TrainingRun = field(repr=False)
    _remove: "weakref.finalize[..., Any] | None" = field(default=None, repr=False)

    @classmethod
    def of(cls, run: TrainingRun, state: JSON, *, named: bool) -> Self:
        """Return the result of a run; an unnamed run passes its files on."""
        pending, path = read_pending(run.folder.path), run.folder.path
        found = cls(
            library=state["library"],
            metrics=state.get("metrics", []),
            status="waiting for review" if pending else "finished",
            pending=pending,
            folder=path,
            _run=run,
        )
        if not named:
            remove = weakref.finalize(found, shutil.rmtree, path.parent, ignore_errors=True)
            object.__setattr__(found, "_remove", remove)
        return found

    @property
    def settings(self) -> Settings:
        """The settings of the run."""
        return self._run.settings

    @property
    def lessons(self) -> list[str]:
        """The active lessons."""
        return [lesson["content"] for lesson in active_experiences(self.library)]

    @property
    def usage(self) -> Ledger:
        """Calls and tokens by role."""
        ledger: Ledger = {}
        for step in self.metrics:
            ledger = add_ledgers(ledger, step["usage"])
        return ledger

    @property
    def cost(self) -> Cost:
        """Dollars, or "unknown" if a model has no known price."""
        return add_bills(self.metrics)["cost"]

    def report(self, file: str | Path | None = None) -> Path:
        """Write the report, one HTML file, and return its path: report.html in the run's folder."""
        place = Path(file) if file else self.folder / "report.html"
        write_report(self._run.folder, place)
        return place

    def save(self, file: str | Path) -> None:
        """Save the library as JSON."""
        save_library(self.library, file)

    def export(self, form: str = "skill", name: str = "experience") -> str:
        """Return the library in a format of `export_library`; `name` names the skill."""
        return export_library(self.library, form, name)

    def compare(
        self,
        problems: Problems,
        *,
        settings: Settings | Mapping[str, Any] | None = None,
        placebo: LibraryLike | None = None,
        equal_cost: bool = False,
        run: str | None = None,
        runs_dir: str | Path = "runs",
        budget: Budget | None = None,
        allow_overlap: bool = False,
        on_event: OnEvent | None = None,
        progress: bool = False,
    ) -> EvaluationReport:
        """Evaluate the agent on other problems with and without the library, and compare.

        The agent, the models, the tools, the grader and the settings are those of the run; the
        arguments those of `training_free_grpo.compare`.
        """
        mine = self._run
        built_in = compares(mine.grader_name)
        plan = plan_evaluation(
            problems,
            library=self,
            baseline=True,
            placebo=placebo,
            equal_cost=equal_cost,
            models=replace(mine.models, gate=StopGate()),
            grader=mine.grader_name if built_in else mine.grader,
            agent=mine.agent,
            tools=mine.tools,
            settings=mine.settings if settings is None else settings,
            run=run,
            runs_dir=runs_dir,
            budget=budget,
            allow_overlap=allow_overlap,
        )
        return run_sync(make_evaluation(plan, on_event=on_event, progress=progress))

    def close(self) -> None:
        """Remove the files of an unnamed run; those of a named run stay."""
        if self._remove:
            self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __str__(self) -> str:
        steps, cost = len(self.metrics), show_cost(add_bills(self.metrics))
        return f"{len(self.lessons)} lessons after {steps} steps, {cost}, {self.status}"
