"""The seam through which every grader is used: a callable, sync or async."""

import asyncio
import functools
import inspect
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from numbers import Real
from typing import Any, cast, get_args

from training_free_grpo.graders.evaluators import from_evaluator, is_evaluator
from training_free_grpo.graders.math import grade_math
from training_free_grpo.graders.qa import grade_qa
from training_free_grpo.imports import ImportNameError, load_object
from training_free_grpo.records import JSON, Grade, Problem, Verdict

Result = Grade | Mapping[str, Any] | float | bool

Grader = Callable[..., Result | Awaitable[Result]]
"""Called with (problem, answer), and with `trajectory=` where it has a parameter of that name."""

_HALF = 0.5
_REWARDS = {"right": 1.0, "wrong": 0.0}
_LEFT_TO_JUDGE = "left to the judge"


async def apply_grader(
    grader: Grader, problem: Problem, answer: str, trajectory: Sequence[JSON]
) -> Grade:
    """Grade an answer with any grader; whatever goes wrong in it is a verdict, never a 0.

    A bare number is `right` from 0.5 upward; a grader that sees it differently returns a verdict.
    A grader that is not async runs in a thread.
    """
    extra = {"trajectory": trajectory} if wants_trajectory(grader) else {}
    call = functools.partial(grader, problem, answer, **extra)
    try:
        found = call() if _is_async(grader) else await asyncio.to_thread(_run, call)
        if inspect.isawaitable(found):
            found = await found
        return _grade(found, answer, _name(grader))
    except Exception as error:  # noqa: BLE001 - a grader is anyone's code
        critique = f"The grader failed: {type(error).__name__}: {error}"
        return Grade(
            reward=None, verdict="failed", extracted="", critique=critique, method=_name(grader)
        )


def load_grader(name: str) -> Grader:
    """Load `math`, `qa`, `judge`, or `module:attr` from the current folder or the path.

    An evaluator, as its parameters tell it, becomes a grader.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    if ":" not in name:
        raise ImportNameError(
            f"there is no grader {name!r}: use {', '.join(map(repr, _BUILT_IN))}, "
            "or module:attr for a callable of yours"
        )
    grader = load_object(name, "grader")
    if not callable(grader):
        raise ImportNameError(
            f"grader {name!r} is a {type(grader).__name__}, which cannot be called: "
            "name a function that takes (problem, answer)"
        )
    return from_evaluator(grader) if is_evaluator(grader) else cast(Grader, grader)


def wants_trajectory(grader: Grader) -> bool:
    """Tell whether a grader has a parameter for the transcript."""
    try:
        parameters = inspect.signature(grader).parameters
    except ValueError:  # some built-in callables have no signature to read
        return False
    any_keyword = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return any_keyword or "trajectory" in parameters


def is_left_to_judge(grade: Grade) -> bool:
    """Tell whether the grader asks for the judge, rather than being undecided itself."""
    return grade["verdict"] == "undecided" and grade["method"] == _LEFT_TO_JUDGE


def _math(problem: Problem, answer: str) -> Grade:
    return grade_math(answer, problem["answers"], problem=problem["problem"])


def _qa(problem: Problem, answer: str) -> Grade:
    return grade_qa(answer, problem["answers"])


def _judge(problem: Problem, answer: str) -> Grade:
    # Graders know no models: whoever applies this one asks the judge.
    return Grade(
        reward=None,
        verdict="undecided",
        extracted=answer,
        critique="No judge was asked.",
        method=_LEFT_TO_JUDGE,
    )


_BUILT_IN: dict[str, Grader] = {"math": _math, "qa": _qa, "judge": _judge}


def _is_async(grader: Grader) -> bool:
    call = getattr(grader, "__call__", None)  # noqa: B004 - asked of its type, not whether it is one
    return inspect.iscoroutinefunction(grader) or inspect.iscoroutinefunction(call)


def _run(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except StopIteration as error:
        # asyncio cannot carry this one out of a thread: the caller would wait for ever.
        raise RuntimeError("StopIteration left the grader") from error


def _name(grader: Grader) -> str:
    return str(getattr(grader, "__name__", type(grader).__name__)).lstrip("_")


def _grade(found: object, answer: str, method: str) -> Grade:
    fields = found if isinstance(found, Mapping) else {"reward": found}
    reward = _reward(fields.get("reward"), found)
    verdict = _verdict(fields.get("verdict"), reward, found)
    if verdict not in _REWARDS:
        reward = None
    elif reward is None:
        reward = _REWARDS[verdict]
    return Grade(
        reward=reward,
        verdict=verdict,
        extracted=str(fields.get("extracted", answer)),
        critique=str(fields.get("critique", f"The answer was judged {verdict}.")),
        method=str(fields.get("method", method)),
    )


def _reward(value: object, found: object) -> float | None:
    if value is None and isinstance(found, Mapping) and {"reward", "verdict"} & found.keys():
        return None
    if not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(
            f"returned {found!r}; a grader returns a finite number, a bool, "
            "or a dict with 'reward' or 'verdict'"
        )
    return float(value)


def _verdict(value: object, reward: float | None, found: object) -> Verdict:
    if value is None:
        return "undecided" if reward is None else "right" if reward >= _HALF else "wrong"
    if value not in get_args(Verdict):
        raise ValueError(f"returned {found!r}; a verdict is one of {', '.join(get_args(Verdict))}")
    return cast(Verdict, value)
