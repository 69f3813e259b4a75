"""The data set of a command: its problems, what it asks for, and whether it was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training_free_grpo.cli.options import find_place
from training_free_grpo.cli.output import progress
from training_free_grpo.datasets import (
    NAMED,
    OverlapError,
    check_overlap,
    load_problems,
    read_mapping,
)
from training_free_grpo.records import Problem
from training_free_grpo.runs.lineage import problems_seen


def read_data(
    dataset: str,
    limit: int | None,
    sample: int | None,
    pairs: Sequence[str] | None,
    needs_truth: bool,
) -> list[Problem]:
    """Load the problems of a command, and say what is noteworthy about them."""
    mapping = read_mapping(pairs or [])
    problems, notes = load_problems(
        dataset, limit, sample=sample, mapping=mapping, needs_truth=needs_truth
    )
    for note in notes:
        progress.print(f"note: {note}")
    return problems


def grader_of(grader: str, dataset: str) -> str:
    """Return the name of the grader: for `auto` that of a named set, and `math` for others."""
    if grader != "auto":
        return grader
    return NAMED[dataset].grader if dataset in NAMED else "math"


def defaults_of(dataset: str) -> dict[str, Any]:
    """Return the settings that a named set is used with where nothing else is said."""
    if dataset not in NAMED:
        return {}
    return {"attempts": NAMED[dataset].attempts, "tools": NAMED[dataset].tools}


def compares(grader: str) -> bool:
    """Tell whether a grader is one of ours, which compare with a known answer."""
    return ":" not in grader


def check_unseen(library: Path, runs_dir: Path, problems: Sequence[Problem], allowed: bool) -> None:
    """Raise OverlapError if problems to evaluate on were trained on; if allowed, say so."""
    place = find_place(library, runs_dir)
    texts, ids = problems_seen(place)
    try:
        check_overlap(texts, problems, str(place), ids)
    except OverlapError as error:
        if not allowed:
            raise
        progress.print(f"note: {error.found}")
