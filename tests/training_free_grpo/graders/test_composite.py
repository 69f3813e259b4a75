import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from training_free_grpo.graders import (
    Grader,
    apply_grader,
    cascade,
    is_left_to_judge,
    load_grader,
    wants_trajectory,
    weighted,
)
from training_free_grpo.records import JSON, Grade, Problem

PROBLEM = Problem(id="p1", problem="What is 3 + 4?", answers=["7"])
TRAJECTORY: list[JSON] = [{"role": "assistant", "content": "It is 7."}]


async def grade(grader: Grader) -> Grade:
    return await apply_grader(grader, PROBLEM, "It is 7.", TRAJECTORY)


def returning(value: Any) -> Grader:
    return lambda problem, answer: value


def never(problem: Problem, answer: str) -> bool:
    raise AssertionError("this grader was not to be asked")


async def out(problem: Problem, answer: str) -> bool:
    raise ConnectionError("no route")


def is_short(problem: Problem, answer: str, trajectory: Sequence[JSON]) -> bool:
    return len(trajectory) == 1


async def test_rewards_are_summed_by_weight() -> None:
    found = await grade(weighted({returning(1.0): 0.25, returning(0.5): 0.5}))
    assert (found["reward"], found["verdict"], found["method"]) == (0.5, "right", "weighted")


async def test_a_sum_below_a_half_is_wrong_but_keeps_its_reward() -> None:
    found = await grade(weighted([(returning(True), 0.25), (returning(False), 0.75)]))
    assert (found["reward"], found["verdict"]) == (0.25, "wrong")


async def test_one_grader_may_count_twice() -> None:
    same = returning(1.0)
    assert (await grade(weighted([(same, 0.25), (same, -1)])))["reward"] == -0.75


async def test_the_critique_tells_what_each_part_said() -> None:
    found = await grade(weighted([(load_grader("math"), 0.9), (returning(False), 0.1)]))
    assert found["critique"].splitlines() == [
        "0.9 × exact: The answer 7 equals the expected 7.",
        "0.1 × <lambda>: The answer was judged wrong.",
    ]
    assert found["extracted"] == "7"


@pytest.mark.parametrize(
    ("missing", "verdict"), [(returning({"reward": None}), "undecided"), (out, "failed")]
)
async def test_a_missing_part_makes_the_sum_missing(missing: Grader, verdict: str) -> None:
    found = await grade(weighted({returning(1.0): 0.9, missing: 0.1}))
    assert (found["reward"], found["verdict"]) == (None, verdict)


@pytest.mark.parametrize("parts", [{}, [], {never: float("nan")}])
def test_a_sum_of_nothing_or_with_odd_weights_is_refused(parts: Any) -> None:
    with pytest.raises(ValueError, match="needs graders with finite weights"):
        weighted(parts)


def test_a_judge_in_a_sum_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="put it last in a cascade"):
        weighted({load_grader("judge"): 1.0})


@pytest.mark.parametrize("decided", [True, False])
async def test_a_cascade_ends_where_a_grader_decides(decided: bool) -> None:
    undecided = returning({"reward": None})
    assert (await grade(cascade(undecided, returning(decided), never)))["reward"] == decided


async def test_a_cascade_ends_at_an_outage() -> None:
    assert (await grade(cascade(out, never)))["verdict"] == "failed"


async def test_a_cascade_in_which_none_decides_is_undecided() -> None:
    undecided = returning({"reward": None, "critique": "Hard to say."})
    found = await grade(cascade(undecided, undecided))
    assert (found["reward"], found["critique"]) == (None, "Hard to say.")


async def test_a_cascade_that_ends_in_the_judge_leaves_it_to_the_judge() -> None:
    found = await grade(cascade(returning({"reward": None}), load_grader("judge")))
    assert is_left_to_judge(found)


def test_a_cascade_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one grader"):
        cascade()


@pytest.mark.parametrize("composite", [cascade(is_short), weighted({is_short: 1})])
async def test_a_composite_hands_the_trajectory_on(composite: Grader) -> None:
    assert (await grade(composite))["verdict"] == "right"


def test_a_composite_wants_the_trajectory_only_where_a_part_does() -> None:
    assert wants_trajectory(cascade(never, is_short))
    assert not wants_trajectory(cascade(never, never))


async def test_composites_may_be_made_of_composites() -> None:
    inner = cascade(returning({"reward": None}), returning(True))
    assert (await grade(weighted({inner: 0.5, weighted({inner: 1}): 0.5})))["reward"] == 1.0


def near(*, outputs: str, reference_outputs: str) -> JSON:
    return {"key": "near", "score": reference_outputs in outputs}


@pytest.mark.parametrize("composite", [cascade(near), weighted({near: 1.0})])
async def test_a_part_may_be_an_evaluator(composite: Grader) -> None:
    assert (await grade(composite))["verdict"] == "right"


@pytest.mark.parametrize("compose", [cascade, lambda part: weighted({part: 1.0})])
def test_a_part_that_cannot_grade_is_refused(compose: Any) -> None:
    with pytest.raises(TypeError, match="a grader takes"):
        compose(lambda answer: True)


async def test_a_composite_is_loaded_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_composite.py").write_text(
        "from training_free_grpo.graders import cascade, load_grader\n"
        "grader = cascade(load_grader('qa'), load_grader('math'))"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert (await grade(load_grader("my_own_composite:grader")))["verdict"] == "right"
