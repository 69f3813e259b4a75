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
    """Merge two objects, newer values over older: the reducer of keyed channels."""
    return {**old, **new}


def newest(old: Any, new: Any) -> Any:
    """Keep the newer value: under astream_events a group's whole state comes out again."""
    return new


class Keyed:
    """Merge lists of keyed objects: an object with a known key replaces the older one.

    Nothing then appears twice in a state that is edited as a whole and saved, as in Studio.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.__name__ = f"keyed_by_{key}"  # LangGraph distinguishes reducers by this name

    def __call__(self, old: list[Any], new: list[Any] | None) -> list[Any]:
        """Merge two lists; None clears the list, and is JSON, which `Overwrite` is not."""
        if new is None:
            return []
        return list({row[self.key]: row for row in [*old, *new]}.values())


MetricsOfSteps = Annotated[list[Metrics], Keyed("step")]


class SummaryTask(GroupInput):
    """One attempt to be summarized."""

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
    """The input of a run: rows of a data set, and a library to start from."""

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
    """The output of a training graph; a parent graph's channels of other names stay unchanged."""

    library: Library
    metrics: MetricsOfSteps
    usage: Annotated[Ledger, newest]


class TrainingState(TypedDict):
    """The run: what it learned, its progress, and the figures of each step.

    Fields are in the order in which Studio shows them.
    """

    library: Library
    metrics: MetricsOfSteps
    step: Annotated[int, newest]
    steps: int
    epoch: int
    plan: Plan | None
    """The edits of this step that are still to be carried out."""
    declined: Annotated[list[Decline], add]
    """What a reviewer rejected, so that it is not planned again."""
    settings: Annotated[JSON, newest]
    """The options that differ from the defaults: the only source of them for a resumed run."""
    groups: Annotated[list[Group], Keyed("problem")]
    lessons: Annotated[Any, newest]
    batch: list[str]
    turns: Annotated[dict[str, int], update]
    """The turns of the longest attempt in each problem's last group: long groups start first."""
    usage: Annotated[Ledger, newest]
    """The usage of the finished steps."""
    problems: list[Problem]


class EvaluationOutput(TypedDict):
    """The output of an evaluation graph."""

    evaluation: Evaluation | None
    usage: Annotated[Ledger, newest]


class EvaluationState(TypedDict):
    """The report of an evaluation, and the groups behind it."""

    evaluation: Evaluation | None
    usage: Annotated[Ledger, newest]
    library: Library
    settings: Annotated[JSON, newest]
    groups: Annotated[list[Group], Keyed("problem")]
    lessons: Annotated[Any, newest]
    problems: list[Problem]
