"""Grade a mathematical answer: by its text, by its value, and only then by algebra."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from training_free_grpo.graders import symbolic
from training_free_grpo.graders.extraction import final_answer, tidy, value_of_option
from training_free_grpo.graders.names import (
    asked_name,
    concluded,
    is_named,
    named_values,
    option,
    without_name,
)
from training_free_grpo.graders.notation import (
    is_list,
    is_prose,
    is_sequence,
    is_word,
    numbers,
    plain,
    squeezed,
)
from training_free_grpo.graders.units import Quantity, quantity
from training_free_grpo.records import Grade

_SHOWN = 120
_LONGEST = 1000
_FLOAT_NOISE = 1e-14


@dataclass(frozen=True)
class MathPolicy:
    """What counts as the same answer where usage differs."""

    decimals: float = 0.0
    """The relative error at which a decimal is taken for an exact value; 0 takes none."""

    units_required: bool = False
    """Whether an answer must have a unit where the expected one has, and only there."""

    percent_as_number: bool = True
    """Whether 20% is 20 as well as 0.2."""

    ordered_lists: bool = False
    """Whether `1, 2` differs from `2, 1`; brackets are always ordered, braces never."""


def grade_math(
    response: str,
    gold: str | Sequence[str],
    *,
    problem: str = "",
    policy: MathPolicy = MathPolicy(),
) -> Grade:
    """Grade the final answer of a response against the expected answer, or any of several.

    The problem tells which value was asked for when a response names more. The reward is None
    where nothing could be decided: no expected answer is known, or the comparison of two formulas
    did not come to an end.
    """
    golds = [_expected(text) for text in ([gold] if isinstance(gold, str) else gold)]
    short = [text for text in golds if len(text) <= _LONGEST]
    answer = final_answer(response, several=any(is_list(plain(text)) for text in short))
    if not re.search(r"\w", answer[:_LONGEST]):
        critique = "The response states no final answer."
        return _grade(0.0, "", critique, "extraction")
    if not golds:
        critique = f"No expected answer is known to check the answer {_short(answer)} against."
        return _grade(None, answer, critique, "none")
    answer = _meant(answer, golds, problem, response)
    result = _compare_named(answer, golds, problem, policy)
    critique = _critique(result.equal, answer, golds)
    return _grade(_reward(result.equal), answer, critique, result.method)


def _expected(gold: str) -> str:
    worked = any(sign in gold for sign in ("\\boxed", "####", "answer is"))
    return final_answer(gold, several=True) if worked else tidy(gold)


def _meant(answer: str, golds: list[str], problem: str, response: str) -> str:
    """Put the value for the letter of an option, and pick the one asked for among several."""
    letter, text = option(answer[:_LONGEST])
    if letter and not text and not any(option(gold)[0] for gold in golds):
        return value_of_option(letter, response) or answer
    return _named(answer, golds).get(asked_name(problem) or "", answer)


def _named(answer: str, golds: list[str]) -> dict[str, str]:
    values = named_values(plain(answer[:_LONGEST]))
    several = len(values) > 1 and not any("," in gold or is_named(gold) for gold in golds)
    return values if several else {}


class _Result(NamedTuple):
    equal: bool | None
    method: str
    formulas: tuple[str, str] = ("", "")
    """Where nothing simpler decides: what is given, and what is expected."""


def _compare_named(answer: str, golds: list[str], problem: str, policy: MathPolicy) -> _Result:
    values = _named(answer, golds)
    if not values:
        return _compare(answer, golds, policy)
    results = [_compare(value, golds, policy) for value in values.values()]
    result = max(results, key=lambda each: (each.equal is True, each.equal is None))
    # One of them is right; where the problem does not say which was asked, that may be luck.
    return result._replace(equal=None) if result.equal and problem else result


def _compare(answer: str, golds: list[str], policy: MathPolicy) -> _Result:
    open_golds: dict[str, list[str]] = {}
    result = _Result(False, "exact")
    for gold in golds:
        result = _compare_cheaply(answer, gold, policy)
        if result.equal:
            return result
        if result.equal is None:
            given, expected = result.formulas
            open_golds.setdefault(given, []).append(expected)
    if not open_golds:
        return result
    tolerance = max(_FLOAT_NOISE, policy.decimals)
    truths = {symbolic.equal(known, given, tolerance) for given, known in open_golds.items()}
    return _Result(True if True in truths else None if None in truths else False, "symbolic")


def _compare_cheaply(answer: str, gold: str, policy: MathPolicy) -> _Result:
    if max(len(answer), len(gold)) > _LONGEST:
        return _Result(answer == gold, "exact")
    if answer == gold:
        return _Result(True, "exact")
    (letter, text), (gold_letter, gold_text) = option(answer), option(gold)
    if letter and gold_letter and not (text and gold_text):
        return _Result(letter == gold_letter, "exact")
    given, expected = _quantities(text or answer, gold_text or gold)
    scale = _scale(given, expected, policy)
    if scale is None:
        return _Result(False, "units")
    left, right = concluded(plain(given.value)), concluded(plain(expected.value))
    if is_named(left) != is_named(right):
        left, right = without_name(left), without_name(right)
    values = numbers(left, right)
    if values:
        percent = given.is_percent - expected.is_percent
        slack = max(_FLOAT_NOISE, policy.decimals) if "." in left + right else 0.0
        equal = _same_number(values[0] * scale, values[1], percent, slack, policy)
        return _Result(equal, "numeric")
    if scale == 1 and given.is_percent == expected.is_percent and squeezed(left) == squeezed(right):
        return _Result(True, "exact")
    if is_prose(left) or is_prose(right) or (is_word(left) and is_word(right)):
        return _Result(False, "exact")
    if scale != 1:
        left = rf"({left})\cdot\frac{{{scale.numerator}}}{{{scale.denominator}}}"
    ordered = is_sequence(gold) or (policy.ordered_lists and is_list(right))
    return _Result(None, "symbolic", (left, f"({right})" if ordered else right))


def _quantities(answer: str, gold: str) -> tuple[Quantity, Quantity]:
    given, expected = quantity(answer), quantity(gold)
    if expected.unit and not given.unit:
        given = quantity(answer, glued=True)
    elif given.unit and not expected.unit:
        expected = quantity(gold, glued=True)
    return given, expected


def _scale(given: Quantity, expected: Quantity, policy: MathPolicy) -> Fraction | None:
    """Convert the unit of one to that of the other; None where they contradict each other."""
    if (given.unit and expected.is_percent) or (given.is_percent and expected.unit):
        return None
    if given.unit and expected.unit:
        same = given.unit.kind == expected.unit.kind
        return given.unit.size / expected.unit.size if same else None
    missing = policy.units_required and given.unit != expected.unit
    return None if missing else Fraction(1)


def _same_number(
    given: Fraction, expected: Fraction, percent: int, slack: float, policy: MathPolicy
) -> bool:
    # A sign on one side only: both 20% = 20 and 20% = 0.2 are meant by someone.
    meant = [expected * Fraction(100) ** percent]
    if policy.percent_as_number:
        meant.append(expected)
    return any(abs(given - each) <= Fraction(slack) * abs(each) for each in meant)


def _grade(reward: float | None, answer: str, critique: str, method: str) -> Grade:
    return Grade(
        reward=reward,
        verdict="undecided" if reward is None else "right" if reward else "wrong",
        extracted=answer,
        critique=critique,
        method=method,
    )


def _reward(equal: bool | None) -> float | None:
    return None if equal is None else float(equal)


def _critique(equal: bool | None, answer: str, golds: list[str]) -> str:
    given, expected = _short(answer), " or ".join(_short(gold) for gold in golds)
    if equal is None:
        return f"Whether the answer {given} equals the expected {expected} could not be decided."
    relation = "equals" if equal else "does not equal"
    return f"The answer {given} {relation} the expected {expected}."


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
