"""The method's data types, as plain JSON.

Graph state, checkpoints and run files hold nothing else: a TypedDict survives every
serializer, opens in Studio unchanged and needs no class to be read back.
"""

from typing import Any, Literal, NotRequired, final

# pydantic builds Studio's forms from these, and needs typing_extensions before Python 3.12.
from typing_extensions import TypedDict

JSON = dict[str, Any]

Verdict = Literal["right", "wrong", "undecided", "failed"]

Role = Literal["rollout", "summarize", "extract_advantage", "edit_experiences", "judge"]
"""The purpose of a model call."""


class Problem(TypedDict):
    """One row of a data set. `answers` is empty if no ground truth is known."""

    id: str
    problem: str
    answers: list[str]


class GroupInput(TypedDict):
    """The input of a group: plain JSON and small, since it is stored with every task."""

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
    """The input of one attempt."""

    id: str
    attempt: int
    seed: int
    chosen: list[str] | None
    """The lessons that were chosen for the problem; None to show them all."""


class Origin(TypedDict):
    """The source of a lesson: the step, and its evidence."""

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
    """The experience library: the only thing that training changes."""

    format: int
    next_id: int
    experiences: dict[str, Experience]


class Grade(TypedDict):
    """The result of a grader. `reward` is None if nothing could be decided: missing, never 0."""

    reward: float | None
    verdict: Verdict
    extracted: str
    critique: str
    method: str


class Usage(TypedDict):
    """The usage of model calls of one role, including discarded attempts. Tokens, and counts."""

    calls: int
    input: int
    cached: int
    output: int
    retries: int
    repairs: int


Ledger = dict[Role, Usage]
"""Usage by role."""


Cost = float | Literal["unknown"]
"""Dollars. Unknown if any price is unknown, never 0."""


class RoleCost(TypedDict):
    """The cost of the calls of one role, and their model."""

    model: str
    cost: Cost


class Rollout(TypedDict):
    """One attempt at a problem. `trajectory` is the transcript, or its handle in an archive."""

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
    """The grade that came with the attempt, as a grader may return it; None to grade it."""


class Message(TypedDict):
    """One message of a transcript, in the form of chat completions."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Any
    name: NotRequired[str]
    tool_calls: NotRequired[list[dict[str, Any]]]
    tool_call_id: NotRequired[str]


class FinishedRollout(TypedDict):
    """The outcome of one attempt: the figures, the transcript, and the usage."""

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
    """The grade that came with the attempt, as a grader may return it; None to grade it."""


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
    """An operation that was not applied, with the reason. Every rejection is recorded."""

    operation: JSON
    reason: str


class Edit(TypedDict):
    """An operation of a plan, with the evidence that it records."""

    operation: Operation
    origin: Origin


class Plan(TypedDict):
    """The planned changes of the library after a step, none of which has been made yet."""

    edits: list[Edit]
    rejected: list[Rejection]
    warning: str | None
    """Why the plan is not the model's."""
    usage: Ledger


class Decline(TypedDict):
    """An operation that a reviewer rejected, and why."""

    step: int
    operation: Operation
    reason: str


class Proposal(TypedDict):
    """One operation that a group proposes, with its evidence."""

    operation: Operation
    problem: str
    rollouts: list[str]


class Attempt(TypedDict):
    """What the training state keeps of a rollout: the figures, never the transcript."""

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
    """A finished group: its attempts, whether they had contrast, and its proposals."""

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
    """Rollouts that the grader left undecided, by reason."""
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
    """Problems with the step's edit."""
    usage: Ledger
    cost: Cost
    costs: dict[str, RoleCost]
    """By role."""


class Figure(TypedDict):
    """A mean over problems, with its 95 % interval; None if no problem counts."""

    value: float | None
    interval: tuple[float, float] | None
    problems: int
    """The number of problems that count: pass@j needs j graded attempts."""


class ProblemFigures(TypedDict):
    """The results of the attempts at one problem."""

    mean: float | None
    majority: float | None
    """The reward of the most frequent answer."""
    missing: dict[str, int]
    undecided: dict[str, int]
    """Attempts that the grader left undecided, by reason; a retry would not help."""
    usage: Usage
    cost: Cost
    seconds: float
    """The sum of the attempts' times; many of them ran at once."""


class Evaluation(TypedDict):
    """The results of an evaluation. Rewards are means over k attempts, then over problems."""

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
    """Problems whose graded attempts are all right; those without graded attempts do not count."""
    all_wrong: int
    missing: dict[str, int]
    """Attempts without an answer, or whose grader failed, by reason."""
    undecided: dict[str, int]
    """Attempts that the grader left undecided, by reason."""
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
    """How much better the second of two evaluations is; None if they share no problem."""

    difference: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    """Two-sided, for no difference: below .05 exactly where the interval excludes 0."""
    problems: int
    problems_needed: int | None
    """How many problems would detect this difference with 80 % power; None for no difference."""


class EvaluationReport(TypedDict):
    """The results of an evaluation's arms, and how much better the library is than the others."""

    evaluations: dict[str, Evaluation]
    """By arm."""
    difference: Comparison | None
    """Compared with the arm without a library; None without such an arm."""
    differences: dict[str, Comparison]
    """Compared with each other arm."""
    notes: dict[str, str]
    """By arm: the circumstances of its run."""


@final
class BatchDrawn(TypedDict):
    """A step begins: these problems are attempted."""

    event: Literal["batch"]
    step: int
    epoch: int
    problems: list[str]
    rollouts: int
    """The number of attempts that its groups make."""


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
    """A group is finished. `group["usage"]` is its total, which earlier events report in parts."""

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
    """A step is finished. `metrics` has its totals, including usage and costs."""

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
"""The events that the graphs emit, as plain JSON: `stream_mode="custom"`.

`usage` is the usage of that one event; the events of a step add up to the totals in its group and
step events.
"""
