"""Graders made of graders: a weighted sum, or a cascade that ends with the first decision."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence

from training_free_grpo.graders.callables import (
    Grader,
    apply_grader,
    as_grader,
    load_grader,
    wants_trajectory,
)
from training_free_grpo.records import JSON, Grade, Problem

Parts = Mapping[Grader, float] | Sequence[tuple[Grader, float]]
Composite = Callable[[Problem, str, Sequence[JSON]], Awaitable[JSON | Grade]]


def weighted(parts: Parts) -> Grader:
    """Sum the rewards of graders, each times its weight; the answer is right from 0.5 upward.

    If one part is missing, the sum is missing: its weight is not redistributed among the others.
    """
    pairs = list(parts.items() if isinstance(parts, Mapping) else parts)
    if not pairs or not all(math.isfinite(weight) for _, weight in pairs):
        raise ValueError(f"weighted needs graders with finite weights, not {pairs!r}")
    graders = [as_grader(grader) for grader, _ in pairs]
    if load_grader("judge") in graders:
        raise ValueError(
            "the judge is asked after the graders and has no reward to weigh: "
            "put it last in a cascade"
        )

    async def grade(problem: Problem, answer: str, trajectory: Sequence[JSON]) -> JSON:
        calls = [apply_grader(grader, problem, answer, trajectory) for grader in graders]
        return _sum(await asyncio.gather(*calls), [weight for _, weight in pairs])

    return _composite(grade, graders)


def cascade(*graders: Grader) -> Grader:
    """Ask one grader after the other until one decides; a failed grader ends the cascade."""
    if not graders:
        raise ValueError("cascade needs at least one grader")
    asked = [as_grader(grader) for grader in graders]

    async def grade(problem: Problem, answer: str, trajectory: Sequence[JSON]) -> Grade:
        for grader in asked:
            found = await apply_grader(grader, problem, answer, trajectory)
            if found["verdict"] != "undecided":
                break
        return found

    return _composite(grade, asked)


def _composite(grade: Composite, graders: Sequence[Grader]) -> Grader:
    """Request the transcript only if a part needs it: it has to be read from the archive."""
    if any(map(wants_trajectory, graders)):
        return grade

    async def without_trajectory(problem: Problem, answer: str) -> JSON | Grade:
        return await grade(problem, answer, ())

    return without_trajectory


def _sum(grades: Sequence[Grade], weights: Sequence[float]) -> JSON:
    pairs = list(zip(weights, grades, strict=True))
    said = [f"{weight:g} × {grade['method']}: {grade['critique']}" for weight, grade in pairs]
    found: JSON = {
        "extracted": grades[0]["extracted"],
        "critique": "\n".join(said),
        "method": "weighted",
    }
    if missing := {grade["verdict"] for grade in grades if grade["reward"] is None}:
        return found | {"verdict": "failed" if "failed" in missing else "undecided"}
    return found | {"reward": sum(weight * (grade["reward"] or 0) for weight, grade in pairs)}
