"""The published tables as data: which methods, learned from what, measured on what.

A method learns as its column's domain does: mathematics with a Python tool,
on questions to the web with search and pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from training_free_grpo.paper import published
from training_free_grpo.paper.published import Row
from training_free_grpo.settings import PRESETS

_PAPER = "arXiv 2510.08191v1"


@dataclass(frozen=True)
class Domain:
    """The training data of a domain, and its settings."""

    name: str
    training_set: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Lessons:
    """A way to get lessons."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    as_many_as: "Lessons | None" = None
    """Keep only as many lessons as these have: the first ones."""


@dataclass(frozen=True)
class Method:
    """An arm of a table."""

    name: str
    base: str | None = None
    """The method to compare with."""
    lessons: Lessons | None = None
    tools: bool = True


@dataclass(frozen=True)
class Column:
    """A data set, its attempts per problem, and its figure."""

    dataset: str
    domain: Domain
    attempts: int
    figure: str
    """The name of the figure; `{k}` stands for the attempts."""
    best: bool = False
    """Count the best attempt of each problem, not the mean of all."""

    def title(self, attempts: int) -> str:
        """Name the column for k attempts."""
        return f"{self.dataset} {self.figure.format(k=attempts)}"


@dataclass(frozen=True)
class Table:
    """A published table."""

    name: str
    title: str
    source: str
    methods: tuple[Method, ...]
    columns: tuple[Column, ...]
    published: tuple[Row, ...]
    average: bool = False
    """Whether to add a column over all data sets together."""
    notes: tuple[str, ...] = ()
    """Differences from the published protocol that no option removes."""


MATH = Domain("math", "dapo-100", {**PRESETS["paper-math"], "tools": "python"})
WEB = Domain("web", "afm-100", {**PRESETS["paper-web"], "tools": "search,pages"})
WEB_SHORT = replace(WEB, name="web-short", settings={**WEB.settings, "epochs": 2})

LEARNED = Lessons("learned")
GENERATED = Lessons("generated", {"directly_generated": True, "epochs": 1}, as_many_as=LEARNED)
WITHHELD = Lessons("withheld", {"ground_truth": "withheld"})
ALONE = Lessons("alone", {"group_size": 1})

_DIRECT = Method("Direct", tools=False)
_DIRECT_LEARNED = Method("Direct + TF-GRPO", "Direct", LEARNED, tools=False)
_REACT = Method("ReAct")
_REACT_LEARNED = Method("ReAct + TF-GRPO", "ReAct", LEARNED)
_GENERATED = Method("ReAct + directly generated lessons", "ReAct", GENERATED)
_WITHHELD = Method("ReAct + TF-GRPO, truth withheld", "ReAct", WITHHELD)
_ALONE = Method("ReAct + TF-GRPO, group of one", "ReAct", ALONE)

_AIME = (Column("aime24", MATH, 32, "mean@{k}"), Column("aime25", MATH, 32, "mean@{k}"))
_PART = ("webwalkerqa-51", WEB_SHORT, 3)

_JUDGE = "the judge is another model with another prompt"

TABLES = {
    table.name: table
    for table in (
        Table(
            "table1",
            "Mathematics, with and without tools",
            f"{_PAPER}, table 1",
            (_DIRECT, _DIRECT_LEARNED, _REACT, _REACT_LEARNED),
            _AIME,
            published.TABLE_1,
        ),
        Table(
            "table2",
            "Mathematics, without one part of the method at a time",
            f"{_PAPER}, table 2",
            (_REACT, _GENERATED, _WITHHELD, _ALONE, _REACT_LEARNED),
            _AIME,
            published.TABLE_2,
        ),
        Table(
            "table3",
            "Mathematics, smaller models and reinforcement learning",
            f"{_PAPER}, table 3",
            (_REACT, _REACT_LEARNED),
            _AIME,
            published.TABLE_3,
        ),
        Table(
            "table4",
            "Questions to the web",
            f"{_PAPER}, table 4",
            (_REACT, _REACT_LEARNED),
            (Column("webwalkerqa", WEB, 1, "pass@1"),),
            published.TABLE_4,
            notes=(_JUDGE,),
        ),
        Table(
            "table5",
            "Questions to the web, without one part of the method at a time",
            f"{_PAPER}, table 5",
            (_REACT, _GENERATED, _WITHHELD, _REACT_LEARNED),
            (Column(*_PART, "pass@1"), Column(*_PART, "pass@{k}", best=True)),
            published.TABLE_5,
            notes=("the 51 questions are our own sample of the same difficulties", _JUDGE),
        ),
        Table(
            "table6",
            "Two domains, a library for each",
            f"{_PAPER}, table 6",
            (_REACT, _REACT_LEARNED),
            (*_AIME, Column("webwalkerqa", WEB, 1, "pass@1")),
            published.TABLE_6,
            notes=(_JUDGE,),
        ),
        Table(
            "deepsearch",
            "Questions that take several searches, each asked once",
            "reported by others for the method; the paper was not found",
            (_REACT, _REACT_LEARNED),
            tuple(
                Column(name, WEB, 1, "accuracy")
                for name in ("2wiki", "triviaqa", "hotpotqa", "popqa")
            ),
            published.DEEP_SEARCH,
            average=True,
            notes=(
                "how the published library was learned, and on which questions, is not known; "
                "their average is over more data sets than these four",
                "answers are compared by words, and by the judge if words leave them undecided; "
                "how the published ones were compared is not known",
            ),
        ),
        Table(
            "single-run",
            "Mathematics, each problem attempted once",
            "arXiv 2604.13552, where the method is a baseline",
            (_REACT, _REACT_LEARNED),
            tuple(
                Column(name, MATH, 1, "accuracy")
                for name in ("gsm8k", "math500", "minerva", "aime24")
            ),
            published.SINGLE_RUN,
            notes=("how the published library was learned is not known",),
        ),
    )
}
