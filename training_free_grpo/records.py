"""The nouns of the method, as plain JSON.

Graph state, checkpoints and run files hold nothing else: a TypedDict survives every
serializer, opens in Studio as it stands and needs no class to be read back.
"""

from typing import Any, Literal, NotRequired, final

# pydantic, which draws Studio's forms from these, takes no typing.TypedDict before Python 3.12.
from typing_extensions import TypedDict

JSON = dict[str, Any]

Verdict = Literal["right", "wrong", "undecided", "failed"]

Role = Literal["rollout", "summarize", "extract_advantage", "edit_experiences", "judge"]
"""What a model call is for."""


class Problem(TypedDict):
    """One row of a data set. `answers` is empty where no truth is known."""

    id: str
    problem: str
    answers: list[str]


class GroupInput(TypedDict):
    """What a group is given: plain JSON and small, for it is stored with every task."""

    problem: Problem
    lessons: Any
    """Handle to the library as prompts show it."""
    settings: JSON
    """The settings that differ from the defaults."""
    step: int
    size: int
    """Attempts to make; 0 writes lessons from the problem alone."""
    compare: bool
    """Whether to reflect on the attempts: training does, evaluation does not."""


class RolloutTask(GroupInput):
    """One attempt to be made."""

    id: str
    attempt: int
    seed: int
    chosen: list[str] | None
    """The lessons that were chosen for the problem; None to show them all."""


class Origin(TypedDict):
    """What a lesson came from: the step, and the evidence behind it."""

    step: int
    problems: list[str]
    rollouts: list[str]
    model: str
    prompt: str
    """Fingerprint of the prompts that worded it."""
    edited: NotRequired[bool]
    """Whether a person reworded it in a review."""


class Experience(TypedDict):
    """One lesson. Its id is never reused and never renumbered."""

    id: str
    content: str
    status: Literal["active", "deleted"]
    created: Origin
    updated: list[Origin]
    parents: list[str]
    """The lessons that were merged into this one."""


class Library(TypedDict):
    """The experience library: the one thing that training changes."""

    format: int
    next_id: int
    experiences: dict[str, Experience]


class Grade(TypedDict):
    """What a grader found. `reward` is None when nothing could be decided: missing, never 0."""

    reward: float | None
    verdict: Verdict
    extracted: str
    critique: str
    method: str


class Usage(TypedDict):
    """What model calls of one role cost, discarded attempts included. Tokens, and counts."""

    calls: int
    input: int
    cached: int
    output: int
    retries: int
    repairs: int


Ledger = dict[Role, Usage]
"""Usage by role."""


Cost = float | Literal["unknown"]
"""Dollars. A price that nobody knows makes it unknown, never 0."""


class RoleCost(TypedDict):
    """What the calls of one role cost, and the model that was asked."""

    model: str
    cost: Cost


class Rollout(TypedDict):
    """One attempt at a problem. `trajectory` is the transcript, or where an archive keeps it."""

    id: str
    attempt: int
    trajectory: Any
    answer: str
    tool_calls: int
    turns: int
    seconds: float
    missing: str | None
    """Why there is no answer to grade (an outage, a time-out); None for a finished attempt."""
    grade: NotRequired[Any]
    """The grade that the attempt came with, as a grader may return it; without one it is graded."""


class Message(TypedDict):
    """One message of a transcript, in the form of chat completions."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Any
    name: NotRequired[str]
    tool_calls: NotRequired[list[dict[str, Any]]]
    tool_call_id: NotRequired[str]


class FinishedRollout(TypedDict):
    """What came of one attempt: the figures, the transcript, and what it cost."""

    answer: str
    tool_calls: int
    turns: int
    seconds: float
    missing: str | None
    """Why there is no answer to grade (an outage, a time-out); None for a finished attempt."""
    usage: Ledger
    messages: list[Message]
    lessons: list[str]
    """Ids of the lessons that the attempt was shown."""
    grade: NotRequired[Any]
    """The grade that the attempt came with, as a grader may return it; without one it is graded."""


class RolloutLine(TypedDict):
    """One line of `rollouts/`: an attempt with its problem and its transcript."""

    id: str
    step: int
    problem_id: str
    problem: str
    answers: list[str]
    attempt: int
    lessons: list[str]
    """Ids of the lessons that the attempt was shown."""
    hidden: list[str]
    """Ids of the lessons that were hidden from it, to measure their effects."""
    answer: str
    tool_calls: int
    turns: int
    seconds: float
    missing: str | None
    usage: Ledger
    messages: list[Message]


class Operation(TypedDict):
    """One edit of the library, in the words of a model."""

    operation: Literal["add", "update", "merge", "delete"]
    ids: list[str]
    content: str
    rationale: str


class Rejection(TypedDict):
    """An operation that was not applied, with the reason. None is dropped in silence."""

    operation: JSON
    reason: str


class Edit(TypedDict):
    """An operation of a plan, with the evidence that it would put on record."""

    operation: Operation
    origin: Origin


class Plan(TypedDict):
    """What is to become of the library after a step. Until it is carried out, nothing has."""

    edits: list[Edit]
    rejected: list[Rejection]
    warning: str | None
    """Why the plan is not the model's."""
    usage: Ledger


class Decline(TypedDict):
    """An operation that a person turned down, and why."""

    step: int
    operation: Operation
    reason: str


class Proposal(TypedDict):
    """One operation that a group asks for, with the evidence behind it."""

    operation: Operation
    problem: str
    rollouts: list[str]


class Attempt(TypedDict):
    """What the training state remembers of a rollout: the figures, never the transcript."""

    id: str
    reward: float | None
    verdict: Verdict | None
    extracted: str
    missing: str | None
    undecided: str | None
    """Why the grader could not decide; such an attempt is neither right, wrong nor missing."""
    tool_calls: int
    turns: int
    seconds: float


class Group(TypedDict):
    """A finished group: its attempts, whether they had contrast, and what was made of it."""

    problem: str
    attempts: list[Attempt]
    contrast: bool
    reasoning: str
    proposals: list[Proposal]
    rejected: list[Rejection]
    failure: str | None
    """Why a group with contrast gave no proposals (its reflection failed)."""
    usage: Ledger


class Metrics(TypedDict):
    """One line per step of metrics.jsonl."""

    step: int
    epoch: int
    problems: int
    rollouts: int
    missing: dict[str, int]
    """Rollouts without an answer, or whose grader failed, by reason."""
    undecided: dict[str, int]
    """Rollouts whose grader could not decide, by what it said."""
    mean_reward: float | None
    best_of_group: float | None
    groups_with_contrast: int
    groups_all_right: int
    groups_all_wrong: int
    groups_lost: dict[str, int]
    tool_calls: float
    """Mean per finished rollout."""
    seconds: float
    """Mean per finished rollout."""
    proposals: int
    applied: dict[str, int]
    rejected: list[Rejection]
    library_size: int
    warning: str | None
    """What went wrong with the step's edit."""
    usage: Ledger
    cost: Cost
    costs: dict[str, RoleCost]
    """By role."""


class Figure(TypedDict):
    """A mean over problems, with its 95 % interval; None where no problem could be counted."""

    value: float | None
    interval: tuple[float, float] | None
    problems: int
    """How many could be counted: pass@j needs j graded attempts."""


class ProblemFigures(TypedDict):
    """What the attempts at one problem came to."""

    mean: float | None
    majority: float | None
    """The reward of the most frequent answer."""
    missing: dict[str, int]
    undecided: dict[str, int]
    """Attempts that the grader could not decide, by its reason; another attempt is no use."""
    usage: Usage
    cost: Cost
    seconds: float
    """The attempts' times added up; many of them ran at once."""


class Evaluation(TypedDict):
    """What an evaluation found. Rewards are means over k attempts, then over problems."""

    problems: int
    attempts: int
    mean: float | None
    """mean@k: None if nothing could be graded."""
    interval: tuple[float, float] | None
    """95 % interval of the mean, over problems."""
    pass_at: dict[str, Figure]
    """pass@j by j for rewards of 0 and 1: the expected best reward of j attempts."""
    pass_all: dict[str, Figure]
    """pass^j by j for rewards of 0 and 1: the expected worst reward of j attempts."""
    majority: Figure
    """majority@k: the reward of each problem's most frequent answer."""
    all_right: int
    """Problems whose graded attempts are all right; without a graded one, in neither count."""
    all_wrong: int
    missing: dict[str, int]
    """Attempts without an answer, or whose grader failed, by reason."""
    undecided: dict[str, int]
    """Attempts whose grader could not decide, by what it said."""
    tool_calls: float
    rewards: dict[str, list[float | None]]
    """By problem id, in the order of the attempts."""
    by_problem: dict[str, ProblemFigures]
    usage: Ledger
    cost: Cost
    costs: dict[str, RoleCost]
    """By role."""
    seconds: float


class Comparison(TypedDict):
    """How much better the second of two evaluations is; None where they share no problem."""

    difference: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    """Of no difference, two-sided: below .05 exactly where the interval leaves out 0."""
    problems: int
    problems_needed: int | None
    """How many would tell a difference of this size with 80 % power; None for none."""


class EvaluationReport(TypedDict):
    """What the arms of an evaluation found, and how much better the library is than the others."""

    evaluations: dict[str, Evaluation]
    """By arm."""
    difference: Comparison | None
    """To the arm without a library; None where there is none."""
    differences: dict[str, Comparison]
    """To each other arm."""
    notes: dict[str, str]
    """By arm: how it came about."""


@final
class BatchDrawn(TypedDict):
    """A step begins: these problems are attempted."""

    event: Literal["batch"]
    step: int
    epoch: int
    problems: list[str]
    rollouts: int
    """Attempts that its groups make."""


@final
class RolloutFinished(TypedDict):
    """An attempt has ended, with an answer or without."""

    event: Literal["rollout"]
    step: int
    problem: str
    id: str
    turns: int
    missing: str | None
    rollout: Rollout
    usage: Ledger


@final
class GroupGraded(TypedDict):
    """The finished attempts of a group have their grades."""

    event: Literal["grade"]
    step: int
    problem: str
    rewards: list[float | None]
    grades: dict[str, Grade]
    """By rollout."""
    contrast: bool
    usage: Ledger


@final
class SummaryFinished(TypedDict):
    """An attempt was summarized, or its summary was lost."""

    event: Literal["summary"]
    step: int
    problem: str
    id: str
    """Of the rollout."""
    lost: str | None
    """Why there is no summary."""
    usage: Ledger


@final
class ComparisonFinished(TypedDict):
    """The attempts of a group were compared, or the comparison failed."""

    event: Literal["comparison"]
    step: int
    problem: str
    proposals: int
    failure: str | None
    usage: Ledger


@final
class GroupClosed(TypedDict):
    """A group is finished. `group["usage"]` is its total, told in parts before."""

    event: Literal["group"]
    step: int
    problem: str
    group: Group


@final
class PlanMade(TypedDict):
    """The proposals of all groups became one plan for the library."""

    event: Literal["plan"]
    step: int
    edits: int
    warning: str | None
    usage: Ledger


@final
class StepFinished(TypedDict):
    """A step is finished. `metrics` has its totals: usage, money, everything."""

    event: Literal["step"]
    step: int
    epoch: int
    mean_reward: float | None
    library_size: int
    metrics: Metrics


@final
class EvaluationFinished(TypedDict):
    """An evaluation is finished."""

    event: Literal["evaluation"]
    mean: float | None
    evaluation: Evaluation


Event = (
    BatchDrawn
    | RolloutFinished
    | GroupGraded
    | SummaryFinished
    | ComparisonFinished
    | GroupClosed
    | PlanMade
    | StepFinished
    | EvaluationFinished
)
"""What the graphs tell while they run, as plain JSON: `stream_mode="custom"`.

`usage` is what that one event took: the events of a step add up to the totals that its group and
step events hold.
"""
