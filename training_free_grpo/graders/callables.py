"""The interface of every grader: a callable, sync or async."""

import functools
import inspect
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from numbers import Real
from typing import Any, cast, get_args

from training_free_grpo.graders.evaluators import from_evaluator, is_evaluator
from training_free_grpo.graders.math import grade_math
from training_free_grpo.graders.qa import grade_qa
from training_free_grpo.graders.threads import run_in_thread, within
from training_free_grpo.imports import ImportNameError, load_object
from training_free_grpo.records import JSON, Grade, Problem, Verdict
from training_free_grpo.redact import redact

Result = Grade | Mapping[str, Any] | float | bool

Grader = Callable[..., Result | Awaitable[Result]]
"""Called with (problem, answer), and with `trajectory=` where it has a parameter of that name."""

LIMIT_S = 600.0
"""Seconds that a grader has for one answer: as long as a model call."""
_HALF = 0.5
_REWARDS = {"right": 1.0, "wrong": 0.0}
_LEFT_TO_JUDGE = "left to the judge"


async def apply_grader(
    grader: Grader,
    problem: Problem,
    answer: str,
    trajectory: Sequence[JSON],
    limit_s: float = LIMIT_S,
) -> Grade:
    """Grade an answer with any grader; an error in the grader is a verdict, never a 0.

    A bare number is `right` from 0.5 upward; a grader with another threshold returns a verdict. A
    synchronous grader runs in a thread. A grader that takes longer than `limit_s` has failed.
    """
    extra = {"trajectory": trajectory} if wants_trajectory(grader) else {}
    call = functools.partial(grader, problem, answer, **extra)
    try:
        found = await _call(limit_s, call, _is_async(grader))
        return _grade(found, answer, _name(grader))
    except Exception as error:  # noqa: BLE001 - a grader is anyone's code
        critique = redact(f"The grader failed: {type(error).__name__}: {error}")
        return Grade(
            reward=None, verdict="failed", extracted="", critique=critique, method=_name(grader)
        )


def as_grader(function: Callable[..., Any], name: str | None = None) -> Grader:
    """Return a grader as it is, or make one of an evaluator, recognized by its parameters.

    Raise TypeError, before any money is spent, for anything that cannot be called with (problem,
    answer).
    """
    named = f"grader {name or getattr(function, '__name__', function)!r}"
    if not callable(function):
        raise TypeError(
            f"{named} is a {type(function).__name__}, which cannot be called: "
            "name a function that takes (problem, answer)"
        )
    if is_evaluator(function):
        return from_evaluator(function)
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in callables have no signature to read
        return function
    extra = {"trajectory": ()} if wants_trajectory(function) else {}
    try:
        signature.bind({}, "", **extra)
    except TypeError as error:
        raise TypeError(
            f"{named} takes {signature}, but a grader takes (problem, answer) and optionally "
            f"`trajectory` by name: {error}"
        ) from None
    return function


def load_grader(name: str) -> Grader:
    """Load `math`, `qa`, `judge`, or `module:attr` from the current folder or the path.

    An evaluator, recognized by its parameters, becomes a grader.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    if ":" not in name:
        raise ImportNameError(
            f"there is no grader {name!r}: use {', '.join(map(repr, _BUILT_IN))}, "
            "or module:attr for your own callable"
        )
    try:
        return as_grader(load_object(name, "grader"), name)
    except TypeError as error:
        raise ImportNameError(str(error)) from None


def wants_trajectory(grader: Grader) -> bool:
    """Return whether a grader has a parameter for the transcript."""
    try:
        parameters = inspect.signature(grader).parameters
    except ValueError:  # some built-in callables have no signature to read
        return False
    any_keyword = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return any_keyword or "trajectory" in parameters


def is_left_to_judge(grade: Grade) -> bool:
    """Return whether the grader asks for the judge, rather than being undecided itself."""
    return grade["verdict"] == "undecided" and grade["method"] == _LEFT_TO_JUDGE


def _math(problem: Problem, answer: str) -> Grade:
    return grade_math(answer, problem["answers"], problem=problem["problem"])


def _qa(problem: Problem, answer: str) -> Grade:
    return grade_qa(answer, problem["answers"])


def _judge(problem: Problem, answer: str) -> Grade:
    # Graders have no access to models: the caller of this one asks the judge.
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


async def _call(seconds: float, call: Callable[[], Any], is_async: bool) -> Any:
    found = call() if is_async else await run_in_thread(seconds, call)
    return await within(seconds, found) if inspect.isawaitable(found) else found


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
    if not isinstance(value, Real) and callable(item := getattr(value, "item", None)):
        value = item()  # numpy's booleans and torch's numbers are not Python numbers
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
