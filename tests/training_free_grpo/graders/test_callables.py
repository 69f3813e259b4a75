import asyncio
import functools
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training_free_grpo import build_evaluation_graph
from training_free_grpo.graders import (
    Grader,
    apply_grader,
    as_grader,
    is_left_to_judge,
    load_grader,
    wants_trajectory,
)
from training_free_grpo.records import JSON, Grade, Problem

PROBLEM = Problem(id="p1", problem="What is 3 + 4?", answers=["7"])
TRAJECTORY: list[JSON] = [{"role": "assistant", "content": "It is 7."}]


async def grade(grader: Grader) -> Grade:
    return await apply_grader(grader, PROBLEM, "It is 7.", TRAJECTORY)


def equals(problem: Problem, answer: str) -> bool:
    return problem["answers"][0] in answer


def returning(value: Any) -> Grader:
    return lambda problem, answer: value


async def test_a_function_that_returns_a_bool_is_a_grader() -> None:
    assert await grade(equals) == Grade(
        reward=1.0,
        verdict="right",
        extracted="It is 7.",
        critique="The answer was judged right.",
        method="equals",
    )


async def test_an_async_function_is_a_grader() -> None:
    async def judge(problem: Problem, answer: str) -> float:
        return 0.25

    found = await grade(judge)
    assert (found["reward"], found["verdict"]) == (0.25, "wrong")


async def test_an_object_with_an_async_call_is_a_grader() -> None:
    class Judge:
        async def __call__(self, problem: Problem, answer: str) -> float:
            return 1.0

    assert (await grade(Judge()))["method"] == "Judge"


async def test_a_sync_grader_runs_beside_the_event_loop() -> None:
    threads = []

    def judge(problem: Problem, answer: str) -> bool:
        threads.append(threading.current_thread())
        return True

    await grade(judge)
    assert threads != [threading.main_thread()]


async def test_the_trajectory_goes_to_graders_that_ask_for_it() -> None:
    def judge(problem: Problem, answer: str, trajectory: list[JSON]) -> bool:
        return trajectory == TRAJECTORY

    assert (await grade(judge))["verdict"] == "right"


async def test_other_parameters_of_a_grader_are_left_alone() -> None:
    def judge(problem: Problem, answer: str, tolerance: float = 0.5) -> float:
        return tolerance

    assert (await grade(functools.partial(judge, tolerance=0.75)))["reward"] == 0.75


async def test_a_whole_grade_is_kept_as_it_is() -> None:
    whole = Grade(reward=0.5, verdict="wrong", extracted="7", critique="Half.", method="mine")
    assert await grade(returning(whole)) == whole


@pytest.mark.parametrize(
    ("found", "reward", "verdict"),
    [
        ({"reward": 1}, 1.0, "right"),
        ({"reward": None}, None, "undecided"),
        ({"verdict": "right"}, 1.0, "right"),
        ({"verdict": "wrong", "critique": "No."}, 0.0, "wrong"),
        ({"verdict": "failed", "reward": 0.0}, None, "failed"),
        (False, 0.0, "wrong"),
        (0.5, 0.5, "right"),
        (np.bool_(True), 1.0, "right"),
        (np.float32(0.25), 0.25, "wrong"),
        (np.array(0.75), 0.75, "right"),
        ({"reward": np.float64(0.5)}, 0.5, "right"),
        ({"reward": np.bool_(False)}, 0.0, "wrong"),
    ],
)
async def test_partial_results_are_filled_in(
    found: object, reward: float | None, verdict: str
) -> None:
    filled = await grade(returning(found))
    assert (filled["reward"], filled["verdict"]) == (reward, verdict)


@pytest.mark.parametrize(
    "found",
    [
        *(float("nan"), float("inf"), None, "right", np.float64("nan"), np.array("right")),
        *({"score": 1}, {"reward": "1"}, {"verdict": "good"}),
    ],
)
async def test_a_result_that_cannot_be_used_is_a_failure_not_a_zero(found: object) -> None:
    failed = await grade(returning(found))
    assert (failed["reward"], failed["verdict"]) == (None, "failed")
    assert repr(found) in failed["critique"]


async def test_an_exception_is_a_failure_not_a_zero() -> None:
    def judge(problem: Problem, answer: str) -> bool:
        raise ConnectionError("no route to the judge")

    failed = await grade(judge)
    assert (failed["reward"], failed["verdict"]) == (None, "failed")
    assert failed["critique"] == "The grader failed: ConnectionError: no route to the judge"


async def test_an_exhausted_iterator_in_a_grader_is_a_failure() -> None:
    nothing: Iterator[bool] = iter(())

    def judge(problem: Problem, answer: str) -> bool:
        return next(nothing)

    assert (await grade(judge))["verdict"] == "failed"


async def test_an_array_of_rewards_is_a_failure_not_a_zero() -> None:
    assert (await grade(returning(np.array([1.0, 0.0]))))["verdict"] == "failed"


async def test_an_async_grader_that_hangs_is_given_up_as_a_failure() -> None:
    async def judge(problem: Problem, answer: str) -> bool:
        await asyncio.Event().wait()
        return True

    failed = await apply_grader(judge, PROBLEM, "It is 7.", TRAJECTORY, limit_s=0.05)
    assert (failed["reward"], failed["verdict"]) == (None, "failed")
    assert failed["critique"].endswith("TimeoutError: it took longer than 0.05 seconds")


def test_a_sync_grader_that_hangs_is_not_waited_for() -> None:
    let_go, ends = threading.Event(), []

    def judge(problem: Problem, answer: str) -> bool:
        ends.append(let_go.wait(60))
        return True

    failed = asyncio.run(apply_grader(judge, PROBLEM, "It is 7.", TRAJECTORY, limit_s=0.05))
    assert (failed["verdict"], ends) == ("failed", [])
    let_go.set()


async def test_many_sync_graders_at_once_all_grade() -> None:
    found = await asyncio.gather(*(grade(equals) for _ in range(100)))
    assert {each["verdict"] for each in found} == {"right"}


async def test_the_built_in_grader_reads_the_answers_of_the_problem() -> None:
    found = await grade(load_grader("math"))
    assert (found["verdict"], found["extracted"]) == ("right", "7")


async def test_the_qa_grader_is_built_in_too() -> None:
    found = await grade(load_grader("qa"))
    assert (found["verdict"], found["method"]) == ("right", "exact")


async def test_the_judge_is_asked_for_by_a_grade_that_others_cannot_give() -> None:
    def judge(problem: Problem, answer: str) -> JSON:
        return {"reward": None}

    assert is_left_to_judge(await grade(load_grader("judge")))
    assert not is_left_to_judge(await grade(judge))


@pytest.mark.parametrize(
    ("grader", "wanted"),
    [
        (lambda problem, answer, trajectory: True, True),
        (lambda problem, answer, **given: True, True),
        (lambda problem, answer: True, False),
    ],
)
def test_only_a_grader_with_a_place_for_it_wants_the_trajectory(
    grader: Grader, wanted: bool
) -> None:
    assert wants_trajectory(grader) == wanted


async def test_an_evaluator_is_loaded_as_a_grader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_evaluators.py").write_text(
        "def near(*, outputs, reference_outputs, **kwargs):\n"
        "    return {'key': 'near', 'score': reference_outputs in outputs, 'comment': 'I looked.'}"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = await grade(load_grader("my_own_evaluators:near"))
    assert (found["reward"], found["critique"], found["method"]) == (1.0, "near: I looked.", "near")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda problem: True, r"'<lambda>' takes \(problem\), but a grader takes"),
        (lambda problem, answer, rubric: True, "missing a required argument: 'rubric'"),
        (lambda problem, answer, trajectory, /: True, "optionally `trajectory` by name"),
        ("math", "'math' is a str, which cannot be called"),
    ],
)
def test_what_cannot_grade_is_refused_before_anything_is_spent(function: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        build_evaluation_graph(grader=function)


@pytest.mark.parametrize(
    "function",
    [
        equals,
        functools.partial(lambda problem, answer, rubric: True, rubric="tea"),
        lambda problem, answer, *, trajectory: True,
        lambda *given, **named: True,
        max,
    ],
)
def test_what_can_be_called_as_a_grader_is_taken_as_it_is(function: Grader) -> None:
    assert as_grader(function) is function


def test_a_callable_is_loaded_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_graders.py").write_text("def length(problem, answer): return len(answer)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_grader("my_own_graders:length")(PROBLEM, "four") == 4


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("maths", "there is no grader 'maths': use 'math', 'qa', 'judge', or module:attr"),
        ("json:", "grader 'json:' is not of the form module:attr"),
        ("no_such_module:grade", "there is no module 'no_such_module'.*start from the folder"),
        ("json:no_such_function", "json has no 'no_such_function', only .*dumps"),
        ("os:getcwd", r"grader 'os:getcwd' takes \(\), but a grader takes \(problem, answer\)"),
        ("json:__name__", "is a str, which cannot be called: name a function"),
    ],
)
def test_a_grader_that_cannot_be_loaded_is_named_with_the_remedy(name: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load_grader(name)


def test_what_a_graders_own_module_lacks_is_reported_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lacking_grader.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"failed: ModuleNotFoundError.*no_such_dependency"):
        load_grader("lacking_grader:grade")
