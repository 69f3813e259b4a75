"""Draw a part of a data set: the same on every machine, whatever else was loaded or drawn."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from training_free_grpo.datasets.errors import DatasetError
from training_free_grpo.records import Problem

_SALT = "training-free-grpo sample 1"


def draw_sample(
    problems: Sequence[Problem], count: int | None, source: str = "problems"
) -> list[Problem]:
    """Return `count` problems, those whose salted ids hash lowest, in their order; None for all.

    A smaller sample is part of a larger one, and the order of the rows does not matter.
    """
    if count is None:
        return list(problems)
    if count > len(problems):
        raise DatasetError(f"cannot draw {count:,} problems: {source} holds {len(problems):,}")
    drawn = {p["id"] for p in sorted(problems, key=_rank)[:count]}
    return [p for p in problems if p["id"] in drawn]


def draw_strata(
    rows: Sequence[Any],
    strata: Mapping[str, int],
    read: Callable[[Sequence[Any]], Sequence[Problem]],
    source: str,
) -> list[Problem]:
    """Return a sample of each difficulty, of as many problems as `strata` says, in their order.

    `read` makes rows problems, which do not know their difficulty.
    """
    drawn: set[str] = set()
    for level, count in strata.items():
        stratum = [row for row in rows if difficulty(row) == level]
        problems = read(stratum) if stratum else []
        name = f"{source} with difficulty_level {level!r}"
        drawn |= {p["id"] for p in draw_sample(problems, count, name)}
    return [p for p in read(rows) if p["id"] in drawn]


def difficulty(row: Any) -> Any:
    """Return the difficulty that a row tells, itself or under `info`, as on the hub."""
    place = row.get("info", row) if isinstance(row, Mapping) else row
    return place.get("difficulty_level") if isinstance(place, Mapping) else None


def _rank(problem: Problem) -> str:
    return hashlib.sha256(f"{_SALT}\0{problem['id']}".encode()).hexdigest()
