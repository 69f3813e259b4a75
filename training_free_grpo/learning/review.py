"""A person's review of a step's plan: the request and its answer.

An answer decides on every operation, individually or all at once:

    {"decisions": [{"operation": 0, "decision": "reject", "reason": "too narrow"},
                   {"operation": 1, "decision": "edit", "content": "Name: one sentence."}],
     "all": "approve"}

`all` applies to the operations that `decisions` does not name; without it, name each one.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from training_free_grpo.errors import UserError
from training_free_grpo.library import (
    apply_plan,
    check_novelty,
    check_operation,
    diff_libraries,
    nowhere,
    one_line,
)
from training_free_grpo.records import (
    JSON,
    Decline,
    Edit,
    Group,
    Library,
    Operation,
    Origin,
    Plan,
    Problem,
    Rejection,
)

_HOW = (
    'Resume with {"all": "approve"}, or decide on each: {"decisions": ['
    '{"operation": 0, "decision": "approve"}, '
    '{"operation": 1, "decision": "edit", "content": "Name: one sentence."}, '
    '{"operation": 2, "decision": "reject", "reason": "why"}]}.'
)
_SHOWN = 5
"""Problems of an operation's evidence that a request contains."""
_LONGEST_PROBLEM = 300
_ID = re.compile(r"^\s*\[G\d+\]\s*")
"""The id of a lesson as prompts show it, which a person may type before the lesson."""


class ReviewError(UserError, ValueError):
    """An answer is invalid; the message names the operation and the remedy."""


class Decision(BaseModel):
    """The decision on one operation; `edit` applies it with another content."""

    model_config = ConfigDict(extra="forbid")
    operation: int
    decision: Literal["approve", "edit", "reject"]
    content: str | None = None
    reason: str = ""


class Answer(BaseModel):
    """The decisions on a plan: `all` applies to those not named, `step` identifies the plan."""

    model_config = ConfigDict(extra="forbid")
    step: int | None = None
    decisions: list[Decision] = []
    all: Literal["approve", "reject"] | None = None
    reason: str = ""


def describe_plan(
    plan: Plan,
    step: int,
    library: Library,
    groups: Sequence[Group],
    problems: Sequence[Problem],
    max_words: int,
) -> JSON:
    """Return what a person needs for a decision as small, plain JSON."""
    texts = {problem["id"]: problem["problem"] for problem in problems}
    rewards = {a["id"]: a["reward"] for group in groups for a in group["attempts"]}
    shown = []
    for index, edit in enumerate(plan["edits"]):
        operation = edit["operation"]
        after, _, rejected = apply_plan(library, [(operation, edit["origin"])], max_words)
        shown.append(
            {
                "index": index,
                **operation,
                "diff": diff_libraries(library, after),
                "fault": rejected[0]["reason"] if rejected else None,
                "evidence": describe_evidence(edit["origin"], groups, texts, rewards),
            }
        )
        library = after
    return {"step": step, "operations": shown, "how": _HOW}


def describe_evidence(
    origin: Origin,
    groups: Sequence[Group],
    texts: Mapping[str, str],
    rewards: Mapping[str, float | None],
) -> JSON:
    """Return the problems and attempts behind an operation, with their rewards."""
    behind = set(origin["rollouts"])
    attempts = {g["problem"]: [a["id"] for a in g["attempts"] if a["id"] in behind] for g in groups}
    return {
        "problems": len(origin["problems"]),
        "rollouts": len(origin["rollouts"]),
        "shown": [
            {
                "id": id,
                "problem": texts[id][:_LONGEST_PROBLEM],
                "rewards": {rollout: rewards[rollout] for rollout in attempts[id]},
            }
            for id in origin["problems"][:_SHOWN]
        ],
    }


def read_short(answer: Any) -> Any:
    """Read short forms of an answer: a word, its JSON, or a list."""
    if isinstance(answer, str):
        with suppress(ValueError):
            return read_short(json.loads(answer))
        return {"all": answer.strip().casefold()}
    return {"decisions": answer} if isinstance(answer, list) else answer


def read_answer(
    answer: Any,
    operations: Sequence[Operation],
    library: Library,
    max_words: int,
    step: int | None = None,
) -> list[Decision]:
    """Return a decision for each operation, in order; raise ReviewError if one is invalid.

    Each is checked against the library as the earlier decisions leave it. An answer that names its
    step is rejected for any other step.
    """
    try:
        found = Answer.model_validate(read_short(answer))
    except ValidationError as error:
        raise ReviewError(f"{explain(error)}. {_HOW}") from None
    if None not in (step, found.step) and step != found.step:
        raise ReviewError(
            f"the answer is for the plan of step {found.step}, but step {step} is waiting"
        )
    decisions: dict[int, Decision] = {}
    for decision in found.decisions:
        number = decision.operation
        if not 0 <= number < len(operations):
            last = len(operations) - 1
            raise ReviewError(f"there is no operation {number}: they are numbered 0 to {last}")
        if number in decisions:
            raise ReviewError(
                f"operation {number} is decided on twice: remove one of the decisions"
            )
        decisions[number] = decision
    undecided = [n for n in range(len(operations)) if n not in decisions]
    if undecided and found.all is None:
        raise ReviewError(
            f"operation {undecided[0]} is not decided on: approve, edit or reject it, or decide "
            'on the rest, as {"all": "approve"}'
        )
    for number in undecided:
        rest = {"operation": number, "decision": found.all, "reason": found.reason}
        decisions[number] = Decision.model_validate(rest)
    for number, operation in enumerate(operations):
        if fault := check_decision(decisions[number], operation, library, max_words):
            raise ReviewError(f"operation {number}: {fault}")
        library = carry_out(decisions[number], operation, library, max_words)
    return [decisions[number] for number in range(len(operations))]


def explain(error: ValidationError) -> str:
    """Say what is wrong with the form of an answer, and how to fix it."""
    lines = []
    for problem in error.errors():
        place = ".".join(map(str, problem["loc"])) or "the answer"
        lines.append(f"{place} is {problem['input']!r}: {problem['msg']}")
    return "\n".join(lines)


def check_decision(
    decision: Decision, operation: Operation, library: Library, max_words: int
) -> str | None:
    """Return what is wrong with a decision, or None; edits are checked like a model's proposals."""
    if decision.decision != "edit":
        return None if decision.content is None else "only `edit` takes a content"
    if operation["operation"] == "delete":
        return "a deletion has no content to edit: approve or reject it"
    if decision.content is None:
        return "`edit` needs the content"
    edited = reword(operation, decision.content)
    return check_operation(library, edited, max_words) or check_novelty(library, edited)


def carry_out(
    decision: Decision, operation: Operation, library: Library, max_words: int
) -> Library:
    """Return the library after a decision; an operation that cannot be applied changes nothing."""
    if decision.decision == "reject":
        return library
    if decision.content is not None:
        operation = reword(operation, decision.content)
    return apply_plan(library, [(operation, nowhere())], max_words)[0]


def reword(operation: Operation, content: str) -> Operation:
    """Return the operation with new content."""
    return {**operation, "content": _ID.sub("", one_line(content))}


def carry_decisions(
    plan: Plan, decisions: Sequence[Decision], step: int
) -> tuple[Plan, list[Decline]]:
    """Return the remaining operations of a plan, and the rejected ones."""
    pairs = list(zip(plan["edits"], decisions, strict=True))
    edits = [decide(edit, d) for edit, d in pairs if d.decision != "reject"]
    declined: list[Decline] = [
        {"step": step, "operation": edit["operation"], "reason": d.reason}
        for edit, d in pairs
        if d.decision == "reject"
    ]
    rejected = [*plan["rejected"], *map(reject, declined)]
    return {**plan, "edits": edits, "rejected": rejected}, declined


def decide(edit: Edit, decision: Decision) -> Edit:
    """Return an edit as decided, with its author on record."""
    if decision.content is None:
        return edit
    origin: Origin = {**edit["origin"], "edited": True}
    return {"operation": reword(edit["operation"], decision.content), "origin": origin}


def reject(decline: Decline) -> Rejection:
    """Return a rejection in the form that the metrics use."""
    reason = f": {decline['reason']}" if decline["reason"] else ""
    return {"operation": {**decline["operation"]}, "reason": f"declined in review{reason}"}
