"""The pieces of work of a table: libraries to learn, evaluations to make.

Each has its place on disk, which shows what is left to do.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training_free_grpo.datasets import fingerprint_problems
from training_free_grpo.graders import load_grader
from training_free_grpo.library import active_experiences, load_library, render_library
from training_free_grpo.models import Models
from training_free_grpo.paper.tables import Method
from training_free_grpo.prompts import fingerprint_prompts
from training_free_grpo.records import Evaluation, Event, Library, Metrics, Problem
from training_free_grpo.runs.evaluation import Arm, EvaluationRun
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget
from training_free_grpo.storage.files import write_atomically

Hear = Callable[[Event], None]
"""Receives every event of a graph."""


@dataclass(frozen=True)
class DataSet:
    """Problems and their grader."""

    name: str
    problems: Sequence[Problem]
    grader: str


@dataclass(frozen=True)
class Learning:
    """A library to learn."""

    run: TrainingRun
    data: DataSet
    as_many_as: "Learning | None" = None

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.run.folder.path

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def settings(self) -> Settings:
        """The settings of its training."""
        return self.run.settings

    @property
    def steps(self) -> list[Metrics]:
        """The finished steps."""
        return self.run.folder.metrics

    @property
    def finished(self) -> bool:
        """Whether the work is finished."""
        return self.run.finished

    async def make(self, budget: Budget, hear: Hear) -> None:
        """Learn the rest of the library."""
        await replace(self.run, budget=budget).run(hear)

    def read_library(self) -> Library:
        """Read the library; if its size is limited, only the first lessons."""
        library = load_library(self.folder)
        if self.as_many_as is None:
            return library
        most = len(active_experiences(self.as_many_as.read_library()))
        first = active_experiences(library)[:most]
        return {**library, "experiences": {lesson["id"]: lesson for lesson in first}}


@dataclass(frozen=True)
class Measurement:
    """An evaluation to make: a method on a data set."""

    method: Method
    data: DataSet
    settings: Settings
    learning: Learning | None
    folder: Path
    models: Models

    @property
    def library(self) -> Library | None:
        """The library that the method has learned, if it learns."""
        return self.learning.read_library() if self.learning else None

    @property
    def file(self) -> Path:
        """The file of the result, named by everything that it depends on."""
        parts = [
            self.settings.model_dump(mode="json"),
            fingerprint_problems(self.data.problems),
            self.data.grader,
            fingerprint_prompts(),
            render_library(self.library) if self.library else "",
        ]
        key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
        return self.folder / f"{self.learning.name if self.learning else 'without'}-{key}.json"

    @property
    def result(self) -> Evaluation | None:
        """The result of an earlier run; None if there is none."""
        if (self.learning and not self.learning.finished) or not self.file.exists():
            return None
        found: Evaluation = json.loads(self.file.read_text("utf-8"))
        return found

    @property
    def left(self) -> list[Problem]:
        """The problem of each attempt to make: all, or those lost to an outage."""
        found = self.result
        if found is None:
            return [p for p in self.data.problems for _ in range(self.settings.attempts)]
        return [
            problem
            for problem in self.data.problems
            for count in found["by_problem"][problem["id"]]["missing"].values()
            for _ in range(count)
        ]

    @property
    def finished(self) -> bool:
        """Whether the work is finished."""
        return not self.left

    @property
    def run(self) -> EvaluationRun:
        """The evaluation without the library, which may not be learned yet."""
        return EvaluationRun(
            problems=self.data.problems,
            arms=[self._arm(None)],
            grader=load_grader(self.data.grader),
            grader_name=self.data.grader,
            folder=self.folder,
            models=self.models,
        )

    def _arm(self, library: Library | None) -> Arm:
        """Return the one arm of the evaluation."""
        return Arm(self.method.name, self.settings, library)

    async def make(self, budget: Budget, hear: Hear) -> None:
        """Make the remaining attempts, and save the result."""
        run = replace(self.run, arms=[self._arm(self.library)], budget=budget)
        found = await run.run(report=hear)
        self.keep(found[self.method.name])

    def keep(self, result: Evaluation) -> None:
        """Save the result."""
        write_atomically(self.file, json.dumps(result) + "\n")


Work = Learning | Measurement
