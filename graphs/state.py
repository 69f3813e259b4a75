"""The state of every graph: TypedDicts of plain JSON, so that each checkpoint can be read back."""

from operator import add
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from training_free_grpo.ledger import add_ledgers
from training_free_grpo.records import (
    JSON,
    Decline,
    Evaluation,
    Grade,
    Group,
    GroupInput,
    Ledger,
    Library,
    Metrics,
    Plan,
    Problem,
    Rollout,
)


def update(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Merge two objects, the newer over the older: the reducer of keyed channels."""
    return {**old, **new}


def newest(old: Any, new: Any) -> Any:
    """Take the newer value: under astream_events a group's whole state comes out, all the same."""
    return new


class Keyed:
    """The reducer of a list of objects with a key each: what comes again takes its old place.

    A state that is edited as a whole and saved, as in Studio, holds nothing twice.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.__name__ = f"keyed_by_{key}"  # by which LangGraph tells reducers apart

    def __call__(self, old: list[Any], new: list[Any] | None) -> list[Any]:
        """Merge two lists; None clears the list, and is JSON, which `Overwrite` is not."""
        if new is None:
            return []
        return list({row[self.key]: row for row in [*old, *new]}.values())


MetricsOfSteps = Annotated[list[Metrics], Keyed("step")]


class SummaryTask(GroupInput):
    """One attempt to be put into words."""

    rollout: Rollout
    grade: Grade


class GroupState(GroupInput):
    """The work in progress of a group; only `groups` leaves it."""

    rollouts: Annotated[list[Rollout], add]
    grades: dict[str, Grade]
    summaries: Annotated[dict[str, str], update]
    lost: Annotated[list[str], add]
    """Why summaries are missing."""
    usage: Annotated[Ledger, add_ledgers]
    groups: Annotated[list[Group], add]


class GroupOutput(TypedDict):
    """One finished group."""

    groups: list[Group]


class TrainingInput(TypedDict):
    """What a run starts from: rows of a data set, and a library to go on from."""

    problems: Annotated[
        list[dict[str, Any]],
        Field(
            description="Problems with their accepted answers: a list of objects.",
            examples=[[{"problem": "What is 6 times 7?", "answer": "42"}]],
        ),
    ]
    library: Annotated[
        NotRequired[dict[str, Any]],
        Field(description='Lessons to start from: library.json, or {"G0": "text"}.'),
    ]


class TrainingOutput(TypedDict):
    """What leaves a training graph: a parent graph's channels of other names stay as they are."""

    library: Library
    metrics: MetricsOfSteps
    usage: Annotated[Ledger, newest]


class TrainingState(TypedDict):
    """The run: what it learned, how far it is, and the figures of each step.

    In the order in which Studio shows it.
    """

    library: Library
    metrics: MetricsOfSteps
    step: Annotated[int, newest]
    steps: int
    epoch: int
    plan: Plan | None
    """The edits of this step that are still to be carried out."""
    declined: Annotated[list[Decline], add]
    """What a person turned down, so that it is not planned again."""
    settings: Annotated[JSON, newest]
    """The options that differ from the defaults: a resumed run has no other source of them."""
    groups: Annotated[list[Group], Keyed("problem")]
    lessons: Annotated[Any, newest]
    batch: list[str]
    turns: Annotated[dict[str, int], update]
    """By problem: those of its last group's longest attempt, so that long groups start first."""
    usage: Annotated[Ledger, newest]
    """What the finished steps took."""
    problems: list[Problem]


class EvaluationOutput(TypedDict):
    """What leaves an evaluation graph."""

    evaluation: Evaluation | None
    usage: Annotated[Ledger, newest]


class EvaluationState(TypedDict):
    """The report of an evaluation, and the groups that it is made of."""

    evaluation: Evaluation | None
    usage: Annotated[Ledger, newest]
    library: Library
    settings: Annotated[JSON, newest]
    groups: Annotated[list[Group], Keyed("problem")]
    lessons: Annotated[Any, newest]
    problems: list[Problem]
