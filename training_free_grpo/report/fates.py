"""The outcome of each proposal: taken by the library, rejected, or dropped by the plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from training_free_grpo.learning.operations_answer import is_source, overlap
from training_free_grpo.library import words
from training_free_grpo.records import JSON, Operation, Rejection


@dataclass(frozen=True)
class Fate:
    """A proposal of a group, and its outcome."""

    operation: Operation
    kind: Literal["taken", "rejected", "left out", "open"]
    changes: Sequence[JSON] = ()
    """The changes of the step that come from it."""
    reason: str = ""
    """Why it was rejected."""

    @property
    def in_its_words(self) -> bool:
        """Tell whether the library took it as it was proposed."""
        said = words(self.operation["content"])
        return any(change["new"] and words(change["new"]) == said for change in self.changes)


@dataclass(frozen=True)
class Outcome:
    """What a step made of all proposals; empty until the review."""

    changes: Sequence[JSON]
    rejected: Sequence[Rejection]
    """By the plan, by a person, or when it was applied."""
    decided: bool


def find_fates(
    problem: str, proposals: Mapping[str, Operation], outcome: Outcome
) -> Sequence[Fate]:
    """Find the outcomes of a group's proposals, given by their names in the plan.

    The record of a lesson names the problems behind it; which of a group's proposals was meant
    is told by the lessons that it cites, and by its words.
    """
    behind = [change for change in outcome.changes if problem in change["problems"]]
    fates = []
    for name, operation in proposals.items():
        gone = [change for change in outcome.changes if deletes(operation, change)]
        taken = gone or [change for change in behind if comes_from(change, operation)]
        if len(proposals) == 1:
            taken = taken or behind
        reasons = (r["reason"] for r in outcome.rejected if names(r["operation"], name, operation))
        if taken:
            fates.append(Fate(operation, "taken", taken))
        elif not outcome.decided:
            fates.append(Fate(operation, "open"))
        elif reason := next(reasons, None):
            fates.append(Fate(operation, "rejected", reason=reason))
        else:
            fates.append(Fate(operation, "left out"))
    return fates


def deletes(operation: Operation, change: JSON) -> bool:
    """Tell whether a lesson is gone as proposed; its record names no problem."""
    asked = operation["operation"] == "delete" and change["id"] in operation["ids"]
    return asked and change["change"] == "deleted"


def comes_from(change: JSON, operation: Operation) -> bool:
    """Tell whether a change is of the lessons that a proposal cites, or much in its words."""
    cited = set(operation["ids"])
    if cited & {change["id"], *change["parents"]}:
        return True
    return overlap(vocabulary(change["new"] or ""), vocabulary(operation["content"]))


def names(rejected: JSON, name: str, operation: Operation) -> bool:
    """Tell whether a rejected operation comes from a proposal of this name."""
    ids = rejected.get("ids")
    cited = {str(id).strip("[] ") for id in (ids if isinstance(ids, list) else [ids])}
    if sources := {id for id in cited if is_source(id)}:
        return name in sources
    said = vocabulary(str(rejected.get("content") or ""))
    return bool(cited & set(operation["ids"])) or overlap(said, vocabulary(operation["content"]))


@lru_cache(maxsize=10_000)
def vocabulary(text: str) -> set[str]:
    """Return the words of a text; cached, as every proposal is compared with every rejection."""
    return set(words(text))


def name_proposals(groups: Iterable[Sequence[Operation]]) -> list[dict[str, Operation]]:
    """Name the proposals of a step's groups as in the prompt of its plan: P1, P2, …."""
    named, number = [], 0
    for proposals in groups:
        named.append({f"P{number + n}": one for n, one in enumerate(proposals, 1)})
        number += len(proposals)
    return named
