"""The problems of a session: their source, their grader, and whether they were trained on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training_free_grpo.datasets import (
    NAMED,
    NamedSet,
    OverlapError,
    check_overlap,
    draw_sample,
    load_problems,
    read_mapping,
    read_problems,
)
from training_free_grpo.records import Problem
from training_free_grpo.runs.lineage import problems_seen
from training_free_grpo.session.places import FoundLibrary
from training_free_grpo.traces import Traces

Problems = str | Path | Traces | Iterable[Any]
"""The name of a data set, a file, recorded attempts, or rows in any form that has them."""

_LARGEST_GROUP = 256


@dataclass(frozen=True)
class Source:
    """Problems, with notes for the user."""

    problems: Sequence[Problem]
    notes: list[str] = field(default_factory=list)
    traces: Traces | None = None
    """The recorded attempts at them, if any."""


def read_source(
    source: Any,
    *,
    limit: int | None = None,
    sample: int | None = None,
    mapping: Mapping[str, str] | Sequence[str] | None = None,
    needs_truth: bool = False,
) -> Source:
    """Read problems from a name, a file, recorded attempts, or rows."""
    if isinstance(source, Traces):
        return Source(source.problems, traces=source)
    fields = mapping if isinstance(mapping, Mapping) else read_mapping(mapping or [])
    if isinstance(source, str | Path):
        found, notes = load_problems(
            str(source), limit, sample=sample, mapping=fields, needs_truth=needs_truth
        )
        return Source(found, notes)
    found, notes = read_problems(source, mapping=fields, needs_truth=needs_truth)
    return Source(draw_sample(found, sample)[:limit], notes)


def grader_of(grader: str, source: Any) -> str:
    """Return the name of the grader: for `auto` that of a named set, and `math` for others."""
    if grader != "auto":
        return grader
    named = _named_set(source)
    return named.grader if named else "math"


def defaults_of(source: Any) -> dict[str, Any]:
    """Return the default settings for a set of problems."""
    if isinstance(source, Traces):
        return {"epochs": 1, "group_size": min(source.most, _LARGEST_GROUP)}
    named = _named_set(source)
    return {"attempts": named.attempts, "tools": named.tools} if named else {}


def _named_set(source: Any) -> NamedSet | None:
    return NAMED.get(source) if isinstance(source, str) else None


def compares(grader: str) -> bool:
    """Tell whether a grader compares with a known answer, as the built-in ones do."""
    return ":" not in grader


def check_unseen(
    libraries: Iterable[FoundLibrary | None], problems: Sequence[Problem], allowed: bool
) -> list[str]:
    """Raise OverlapError if problems to evaluate on were trained on; if allowed, return notes."""
    notes = []
    for place in (found.place for found in libraries if found and found.place):
        texts, ids = problems_seen(place)
        try:
            check_overlap(texts, problems, str(place), ids)
        except OverlapError as error:
            if not allowed:
                raise
            notes.append(error.found)
    return notes
