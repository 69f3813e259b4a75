"""The published tables as data: which methods, learned from what, measured on what.

A method learns in the way of its column's domain: on problems of mathematics with a Python tool,
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
    """What agents learn from, and with which settings they work."""

    name: str
    training_set: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Lessons:
    """A way of coming by lessons."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    as_many_as: "Lessons | None" = None
    """No more lessons than these have: the first ones count."""


@dataclass(frozen=True)
class Method:
    """An arm of a table."""

    name: str
    base: str | None = None
    """The method that it is compared with."""
    lessons: Lessons | None = None
    tools: bool = True


@dataclass(frozen=True)
class Column:
    """A data set, how often its problems are attempted, and what is counted."""

    dataset: str
    domain: Domain
    attempts: int
    figure: str
    """What it is called; `{k}` stands for the attempts."""
    best: bool = False
    """Count the best attempt of each problem, not the mean of all."""

    def title(self, attempts: int) -> str:
        """Name the column for so many attempts."""
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
    """Also over the problems of all data sets together."""
    notes: tuple[str, ...] = ()
    """What no option can make equal to the published protocol."""


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

_JUDGE = "the judge is another model, and is asked in other words"

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
            notes=("the 51 questions are a draw of ours, of the same difficulties", _JUDGE),
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
                "answers are compared by words, and by the judge where words leave it open; "
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
