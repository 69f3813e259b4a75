"""Draw a part of a data set: the same on every machine, whatever else was loaded or drawn."""

import hashlib
from collections.abc import Sequence

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


def _rank(problem: Problem) -> str:
    return hashlib.sha256(f"{_SALT}\0{problem['id']}".encode()).hexdigest()
