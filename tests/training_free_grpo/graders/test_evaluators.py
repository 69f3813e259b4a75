from typing import Any

import pytest

from training_free_grpo.graders import apply_grader, from_evaluator
from training_free_grpo.graders.evaluators import Evaluator, is_evaluator
from training_free_grpo.records import Grade, Problem


async def grade(evaluator: Evaluator, *answers: str) -> Grade:
    problem = Problem(id="p1", problem="Where is order 17?", answers=list(answers))
    return await apply_grader(from_evaluator(evaluator), problem, "In Lyon.", [])


def returning(value: Any) -> Evaluator:
    return lambda *, outputs: value


async def test_an_evaluator_sees_problem_answer_and_expected_answer() -> None:
    seen: list[Any] = []

    def note(inputs: Any, outputs: Any, reference_outputs: Any) -> dict[str, Any]:
        seen.append((inputs, outputs, reference_outputs))
        return {"key": "noted", "score": True}

    await grade(note, "Lyon")
    await grade(note, "Lyon", "Lyons")
    await grade(note)
    asked = ("Where is order 17?", "In Lyon.")
    assert seen == [(*asked, "Lyon"), (*asked, ["Lyon", "Lyons"]), (*asked, None)]


async def test_key_score_and_comment_become_a_grade() -> None:
    assert await grade(returning({"key": "tone", "score": 0.75, "comment": "Polite."})) == Grade(
        reward=0.75,
        verdict="right",
        extracted="In Lyon.",
        critique="tone: Polite.",
        method="tone",
    )


async def test_an_async_evaluator_is_awaited() -> None:
    async def near(*, outputs: str, reference_outputs: str, **kwargs: Any) -> dict[str, Any]:
        return {"key": "near", "score": reference_outputs in outputs, "comment": None}

    found = await grade(near, "Lyon")
    assert (found["reward"], found["critique"]) == (1.0, "near: True")


async def test_several_results_count_by_their_mean() -> None:
    results = [{"key": "tone", "score": 1, "comment": "Polite."}, {"key": "length", "score": False}]
    found = await grade(returning(results))
    assert (found["reward"], found["method"]) == (0.5, "tone, length")
    assert found["critique"] == "tone: Polite.\nlength: False"


@pytest.mark.parametrize("found", [{"score": None}, [{"score": 1}, {"score": None}]])
async def test_a_score_that_is_missing_is_not_a_zero(found: object) -> None:
    graded = await grade(returning(found))
    assert (graded["reward"], graded["verdict"]) == (None, "undecided")


@pytest.mark.parametrize("found", [None, 1.0, [], {"key": "tone"}, [{"score": 1}, 0.5]])
async def test_a_result_of_another_form_is_a_failure_that_shows_it(found: object) -> None:
    graded = await grade(returning(found))
    assert graded["verdict"] == "failed"
    assert repr(found) in graded["critique"]


async def test_an_evaluator_that_raises_is_a_failure_not_a_zero() -> None:
    def judge(outputs: str) -> dict[str, Any]:
        raise ConnectionError("no route to the judge")

    graded = await grade(judge)
    assert (graded["reward"], graded["verdict"]) == (None, "failed")
    assert "no route to the judge" in graded["critique"]


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda inputs, outputs, reference_outputs: None, True),
        (lambda *, outputs, reference_outputs, **kwargs: None, True),
        (lambda *, inputs=None, outputs=None, threshold=0.5: None, True),
        (lambda problem, answer: None, False),
        (lambda problem, outputs: None, False),
        (lambda problem, answer, trajectory: None, False),
        (lambda *given, **named: None, False),
    ],
)
def test_evaluators_are_told_from_graders_by_their_parameters(
    function: Evaluator, told: bool
) -> None:
    assert is_evaluator(function) == told
