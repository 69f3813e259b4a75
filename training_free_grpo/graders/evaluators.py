"""Use evaluators in the style of openevals, which compare outputs with references, as graders."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from statistics import fmean
from typing import Any

from training_free_grpo.records import JSON, Problem

Evaluator = Callable[..., Any]
"""Takes some of (inputs, outputs, reference_outputs) by name; returns {key, score, comment}.

It may also return a list of such results. Sync or async.
"""

_PARAMETERS = frozenset({"inputs", "outputs", "reference_outputs"})


def from_evaluator(evaluator: Evaluator) -> Callable[[Problem, str], JSON | Awaitable[JSON]]:
    """Make a grader of an evaluator; several results are averaged.

    The evaluator gets the problem as text, the answer, and the expected answer: None if none is
    known, a list if there are several.
    """
    taken = _PARAMETERS & inspect.signature(evaluator).parameters.keys()

    def grade(problem: Problem, answer: str) -> JSON | Awaitable[JSON]:
        answers = problem["answers"]
        expected = answers if len(answers) > 1 else next(iter(answers), None)
        given = {"inputs": problem["problem"], "outputs": answer, "reference_outputs": expected}
        found = evaluator(**{name: given[name] for name in taken})
        return _read_later(found) if inspect.isawaitable(found) else _read(found)

    return grade


def is_evaluator(function: Callable[..., Any]) -> bool:
    """Return whether the names of a callable's parameters make it an evaluator, not a grader."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # some built-in callables have no signature to read
        return False
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = {
        name
        for name, each in parameters.items()
        if each.default is each.empty and each.kind not in variable
    }
    return "outputs" in parameters and required <= _PARAMETERS


async def _read_later(found: Awaitable[Any]) -> JSON:
    return _read(await found)


def _read(found: Any) -> JSON:
    results = found if isinstance(found, list) else [found]
    if not results or not all(isinstance(each, Mapping) and "score" in each for each in results):
        raise ValueError(
            f"returned {found!r}; an evaluator returns a dict with 'score', optionally 'key' and "
            "'comment', or a list of them"
        )
    scores = [each["score"] for each in results]
    keys = [str(each.get("key") or "score") for each in results]
    said = [each.get("comment") or each["score"] for each in results]
    return {
        "reward": None if None in scores else fmean(scores),
        "critique": "\n".join(f"{key}: {words}" for key, words in zip(keys, said, strict=True)),
        "method": ", ".join(keys),
    }
