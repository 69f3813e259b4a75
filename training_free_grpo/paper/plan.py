"""The work for a table: libraries to learn, then evaluations to make.

The tables of one folder share them. What two of them need is learned and paid for once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from training_free_grpo.datasets import OverlapError, check_overlap
from training_free_grpo.graders import load_grader
from training_free_grpo.learning.judging import judge_of
from training_free_grpo.models import Models
from training_free_grpo.models.prices import prices_of
from training_free_grpo.paper.tables import Column, Method, Table
from training_free_grpo.paper.work import DataSet, Learning, Measurement, Work
from training_free_grpo.prices import Prices
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings, SettingsError

_MADE_BY_METHODS = ("tools", "directly_generated", "ground_truth")
"""Settings in which the methods of a table differ."""
_JUDGED = ("qa", "judge")
"""Graders that call a model: for undecided answers, and always."""


@dataclass(frozen=True)
class PaperPlan:
    """A table, the user's data and settings for it, and the folder that all of it goes into."""

    table: Table
    folder: Path
    options: Mapping[str, Any]
    attempts: int | None
    training_sets: Mapping[str, DataSet]
    """By the data set name in the table."""
    evaluation_sets: Mapping[str, DataSet]
    models: Models = field(default_factory=Models)

    def __post_init__(self) -> None:
        """Reject settings that make two methods the same, or wait for a person."""
        if self.attempts == 1 and any(column.best for column in self.table.columns):
            raise SettingsError(
                f"--k is 1, and {self.table.name} counts the best of k attempts: give 2 or more"
            )
        if self.options.get("review", "off") != "off":
            raise SettingsError(
                f"setting 'review' is {self.options['review']!r}, and a table waits for no review: "
                "leave it out, or learn with tfgrpo train --review"
            )
        for name in (*_MADE_BY_METHODS, "attempts"):
            if name in self.options:
                remedy = "take --k" if name == "attempts" else "leave it out"
                raise SettingsError(
                    f"setting {name!r} is {self.options[name]!r}, and the arms of "
                    f"{self.table.name} differ by it: {remedy}"
                )

    def learnings(self) -> list[Learning]:
        """List the libraries to learn, each after those that it depends on."""
        found = {}
        for method, column in self._cells():
            for learning in unfold(self.learning_of(method, column)):
                found[learning.name] = learning
        return list(found.values())

    def measurements(self) -> list[Measurement]:
        """List the evaluations to make: every method, on every data set of the table."""
        found = {}
        for method, column in self._cells():
            found[method.name, column.dataset] = self.measurement_of(method, column)
        return list(found.values())

    def learning_of(self, method: Method, column: Column) -> Learning | None:
        """Return how a method gets its lessons for a column."""
        if method.lessons is None:
            return None
        domain, lessons = column.domain, method.lessons
        data = self.training_sets[domain.training_set]
        own = {**lessons.settings} if method.tools else {**lessons.settings, "tools": "none"}
        settings = Settings.read({**domain.settings, **self.options_for(data), **own})
        name = "-".join([domain.name, *([] if method.tools else ["direct"]), lessons.name])
        run = TrainingRun(
            folder=RunFolder(self.folder / "learned" / name),
            settings=settings,
            problems=data.problems,
            grader=load_grader(data.grader),
            grader_name=data.grader,
            models=self.models,
        )
        other = self.learning_of(replace(method, lessons=lessons.as_many_as), column)
        return Learning(run, data, other)

    def options_for(self, data: DataSet) -> dict[str, Any]:
        """Return the user's settings; undecided answers go to the judge, named or not."""
        judge = self.options.get("reflection_model") or self.options["model"]
        return {**({"judge_model": judge} if data.grader == "qa" else {}), **self.options}

    def attempts_of(self, column: Column) -> int:
        """Return the attempts per problem of a column."""
        return column.attempts if self.attempts is None else self.attempts

    def measurement_of(self, method: Method, column: Column) -> Measurement:
        """Return the evaluation of a method on a column's data set."""
        tools = column.domain.settings["tools"] if method.tools else "none"
        data = self.evaluation_sets[column.dataset]
        own = {"tools": tools, "attempts": self.attempts_of(column)}
        settings = Settings.read({**self.options_for(data), **own})
        return Measurement(
            method=method,
            data=data,
            settings=settings,
            learning=self.learning_of(method, column),
            folder=self.folder / "evaluated" / column.dataset,
            models=self.models,
        )

    def work(self) -> list[Work]:
        """List all work in an order that respects dependencies."""
        return [*self.learnings(), *self.measurements()]

    def left(self) -> list[Work]:
        """List the work that is not finished yet."""
        return [work for work in self.work() if not work.finished]

    @property
    def prices(self) -> Prices:
        """The model and the price of each role."""
        return prices_of(self.models, Settings.read(dict(self.options)))

    def check_models(self) -> None:
        """Raise SettingsError for a model that cannot be built, or a judge that cannot judge."""
        settings = Settings.read(dict(self.options))
        self.models.check(settings)
        sets = (*self.training_sets.values(), *self.evaluation_sets.values())
        if any(data.grader in _JUDGED for data in sets):
            judge_of(self.models, settings)

    def check_unchanged(self) -> None:
        """Raise RunError if the folder holds a library learned with other inputs."""
        for learning in self.learnings():
            run = learning.run
            if run.folder.exists:
                now = run.settings.model_dump(mode="json"), run.manifest()
                run.folder.check_unchanged(*now, or_else="--run NEW to start in a new folder")

    def check_overlap(self) -> None:
        """Raise OverlapError if a library is evaluated on problems that it learns from."""
        said = []
        for measurement in self.measurements():
            if learning := measurement.learning:
                texts = [problem["problem"] for problem in learning.data.problems]
                try:
                    check_overlap(texts, measurement.data.problems, learning.data.name)
                except OverlapError as error:
                    said.append(f"{measurement.data.name}: {error.found}")
        if said:
            raise OverlapError("\n".join(dict.fromkeys(said)))

    def _cells(self) -> Iterator[tuple[Method, Column]]:
        for method in self.table.methods:
            for column in self.table.columns:
                yield method, column


def unfold(learning: Learning | None) -> Iterator[Learning]:
    """Return a library to learn after the one that it depends on."""
    if learning:
        yield from unfold(learning.as_many_as)
        yield learning
