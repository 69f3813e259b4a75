"""Read a model's edits of the library, check them, and trace them to their evidence."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from training_free_grpo.library import check_novelty, check_operation, one_line, words
from training_free_grpo.models.names import reflection_name
from training_free_grpo.prompts import fingerprint_prompts
from training_free_grpo.records import JSON, Library, Operation, Origin, Proposal, Rejection
from training_free_grpo.settings import Settings

_ID = re.compile(r"^\[?[GP](?:0|[1-9]\d{0,5})(?:\]:?|:) +")
"""An id that a model writes before a lesson, as the prompt shows it."""
_KINDS = ("add", "update", "merge", "delete")


class OperationAnswer(BaseModel):
    """One edit of the experience library."""

    model_config = ConfigDict(extra="forbid")
    operation: Literal["add", "update", "merge", "delete"]
    ids: list[str]
    content: str
    rationale: str


class OperationsAnswer(BaseModel):
    """The reasoning, and the edits of the experience library that follow from it."""

    model_config = ConfigDict(extra="forbid")
    reasoning: str
    operations: list[OperationAnswer]


@dataclass(frozen=True)
class Advice:
    """The outcome of one reflection: operations that can be applied, and those that cannot."""

    reasoning: str = ""
    operations: list[Operation] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Reasons of the rejections that the model could fix: only these are worth one more call."""


def read_advice(
    answer: JSON,
    library: Library,
    max_words: int,
    most: int,
    guard: Callable[[Operation], str] | None = None,
) -> Advice:
    """Sort an answer's operations into valid and rejected; an invalid one never costs the others.

    `guard` checks the text of a lesson. Raise ValueError if there is no list of operations at all.
    """
    listed = answer.get("operations")
    if not isinstance(listed, list):
        raise ValueError("the answer has no list under 'operations'")
    advice = Advice(reasoning=str(answer.get("reasoning") or ""))
    for item in listed:
        operation, fault = read_operation(item)
        useless = None
        if operation:
            plain = without_sources(operation)
            fault = check_operation(library, plain, max_words)
            useless = check_novelty(library, plain)
            if guard and operation["content"] and not (fault or useless):
                fault = guard(operation)
            useless = useless or check_room(advice, most)
        if operation and not (fault or useless):
            advice.operations.append(operation)
            continue
        if fault:
            advice.faults.append(fault)
        shown = item if isinstance(item, dict) else {"value": item}
        advice.rejected.append({"operation": shown, "reason": fault or useless or ""})
    return advice


def check_room(advice: Advice, most: int) -> str | None:
    """Return a reason if there is no room for another operation, or None."""
    full = len(advice.operations) >= most
    return f"too many operations: the maximum is {most}" if full else None


def read_operation(item: Any) -> tuple[Operation | None, str | None]:
    """Read one operation, or return what is wrong with it."""
    if not isinstance(item, dict):
        return None, f"{item!r} is not an operation"
    kind = str(item.get("operation") or "").lower()
    if kind not in _KINDS:
        return None, f"operation {item.get('operation')!r} is none of {', '.join(_KINDS)}"
    ids = item.get("ids") or []
    ids = [ids] if isinstance(ids, str) else ids
    if not isinstance(ids, list):
        return None, f"'ids' is {ids!r}, not a list"
    operation: Operation = {
        "operation": kind,  # type: ignore[typeddict-item]
        "ids": [str(id).strip("[] ") for id in ids],
        "content": _ID.sub("", one_line(str(item.get("content") or ""))),
        "rationale": one_line(str(item.get("rationale") or "")),
    }
    return operation, None


def without_sources(operation: Operation) -> Operation:
    """Return the operation without the proposals (P1, P2) that it names as its sources."""
    ids = [id for id in operation["ids"] if not is_source(id)]
    return {**operation, "ids": ids if operation["operation"] != "add" else []}


def is_source(id: str) -> bool:
    """Return whether an id names a proposal rather than a lesson."""
    return re.fullmatch(r"P[0-9]{1,6}", id) is not None


def find_sources(operation: Operation, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals that an operation of the plan comes from.

    The plan usually names them. Otherwise, take those about the same lessons or in similar words,
    and all of them if there are none.
    """
    if found := find_named(operation, proposals):
        return found
    ids, text = set(operation["ids"]), set(words(operation["content"]))
    return [
        p
        for p in proposals
        if ids & set(p["operation"]["ids"]) or overlap(text, set(words(p["operation"]["content"])))
    ] or list(proposals)


def find_named(operation: Operation, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals that an operation of the plan names as its sources."""
    named = [int(id[1:]) - 1 for id in operation["ids"] if is_source(id)]
    return [proposals[n] for n in named if 0 <= n < len(proposals)]


def overlap(one: set[str], other: set[str]) -> bool:
    """Return whether two sets of words share at least half of all their words."""
    return bool(one) and len(one & other) * 2 >= len(one | other)


def trace_origins(
    operations: list[Operation], proposals: list[Proposal], step: int, settings: Settings
) -> list[tuple[Operation, Origin]]:
    """Give each operation of the plan the evidence behind it."""
    plan = []
    for operation in operations:
        sources = find_sources(operation, proposals)
        origin: Origin = {
            "step": step,
            "problems": sorted({s["problem"] for s in sources}),
            "rollouts": sorted({r for s in sources for r in s["rollouts"]}),
            "model": reflection_name(settings)[0],
            "prompt": fingerprint_prompts(),
        }
        plan.append((without_sources(operation), origin))
    return plan
