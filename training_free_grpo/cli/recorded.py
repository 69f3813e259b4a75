"""Grade recorded answers, without a model."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from training_free_grpo.datasets import load_problems
from training_free_grpo.graders import Grader, apply_grader
from training_free_grpo.learning.contrast import close_group
from training_free_grpo.ledger import metered
from training_free_grpo.metrics import measure_evaluation
from training_free_grpo.models.recorded import read_solutions
from training_free_grpo.models.traffic.limits import limit
from training_free_grpo.records import Evaluation, Grade, Group, Problem, Rollout

Recording = tuple[Problem, list[str]]


def read_recorded(file: Path, limit: int | None) -> list[Recording]:
    """Read rows {problem, gold, response}; return each problem with its answers."""
    problems, _ = load_problems(str(file), limit)
    solutions = read_solutions(file, file.stat().st_mtime_ns)
    return [(problem, solutions[problem["problem"]]) for problem in problems]


async def grade_recorded(
    recordings: Sequence[Recording], grader: Grader, concurrency: int
) -> Evaluation:
    """Grade every answer; k is the maximum per problem."""
    work = (grade_group(problem, answers, grader, concurrency) for problem, answers in recordings)
    groups = await asyncio.gather(*work)
    return measure_evaluation(groups, max(len(answers) for _, answers in recordings), {})


async def grade_group(
    problem: Problem, answers: list[str], grader: Grader, concurrency: int
) -> Group:
    """Grade the recorded answers to one problem."""

    async def grade(answer: str) -> Grade:
        async with limit("grades", concurrency):
            return await apply_grader(grader, problem, answer, [])

    rollouts = [note_answer(problem, n, answer) for n, answer in enumerate(answers)]
    with metered() as usage:
        grades = await asyncio.gather(*(grade(rollout["answer"]) for rollout in rollouts))
    by_id = {rollout["id"]: found for rollout, found in zip(rollouts, grades, strict=True)}
    return close_group(problem["id"], rollouts, by_id, usage)


def note_answer(problem: Problem, attempt: int, answer: str) -> Rollout:
    """Convert a recorded answer to a rollout without further data."""
    return {
        "id": f"recorded/{problem['id']}/{attempt}",
        "attempt": attempt,
        "trajectory": "",
        "answer": answer,
        "tool_calls": 0,
        "turns": 1,
        "seconds": 0.0,
        "missing": None,
    }
