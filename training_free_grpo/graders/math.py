"""Grade a mathematical answer: first by its text, then by its value, and last by algebra."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from training_free_grpo.graders import symbolic
from training_free_grpo.graders.characters import ascii_spelled
from training_free_grpo.graders.extraction import final_answer, tidy, value_of_option
from training_free_grpo.graders.magnitudes import expanded, in_digits
from training_free_grpo.graders.moments import compare_moments
from training_free_grpo.graders.names import (
    asked_name,
    concluded,
    is_named,
    named_values,
    option,
    without_name,
)
from training_free_grpo.graders.notation import (
    bare,
    is_list,
    is_prose,
    is_sequence,
    is_sign,
    numbers,
    plain,
    squeezed,
)
from training_free_grpo.graders.spelling import is_spelled, same_spelling
from training_free_grpo.graders.units import Quantity, common_units, in_base_ten, quantity
from training_free_grpo.graders.wrapping import repaired
from training_free_grpo.records import Grade

_SHOWN = 120
_LONGEST = 1000
_FLOAT_NOISE = 1e-14
_ANSWER = re.compile(r"[\w<>=+*/-]|\\\{")
_DIGITS = re.compile(r"[-+]?[\d,]+(?:\.\d+)?")


@dataclass(frozen=True)
class MathPolicy:
    """Conventions on which answers count as equal, where usage differs."""

    decimals: float = 0.0
    """The relative error within which a decimal equals an exact value; 0 accepts none."""

    units_required: bool = False
    """Whether an answer needs a unit if the expected answer has one, and only then."""

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

    If a response names several values, the problem determines which one was asked for. The reward
    is None if nothing could be decided: no expected answer is known, or the comparison of two
    formulas did not finish.
    """
    golds = [_expected(text) for text in ([gold] if isinstance(gold, str) else gold)]
    short = [text for text in golds if len(text) <= _LONGEST]
    answer = final_answer(
        response, several=any(is_list(plain(text)) for text in short), valued=True
    )
    if not _ANSWER.search(answer[:_LONGEST]):
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
    return final_answer(gold, several=True) if worked else tidy(ascii_spelled(repaired(gold)))


def _meant(answer: str, golds: list[str], problem: str, response: str) -> str:
    """Replace the letter of an option by its value, and pick the value asked for among several."""
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
    """The given and the expected value, when nothing simpler decides."""


def _compare_named(answer: str, golds: list[str], problem: str, policy: MathPolicy) -> _Result:
    values = _named(answer, golds)
    if not values:
        return _compare(answer, golds, policy)
    results = [_compare(value, golds, policy) for value in values.values()]
    result = max(results, key=lambda each: (each.equal is True, each.equal is None))
    # One of them is right, but unless the problem says which was asked for, that may be luck.
    return result._replace(equal=None) if result.equal and problem else result


def _compare(answer: str, golds: list[str], policy: MathPolicy) -> _Result:
    open_golds: dict[str, list[str]] = {}
    results = []
    for gold in golds:
        result = _compare_cheaply(answer, gold, policy)
        if result.equal:
            return result
        if result.method == "symbolic":
            given, expected = result.formulas
            open_golds.setdefault(given, []).append(expected)
        else:
            results.append(result)
    if not open_golds:
        return next((result for result in results if result.equal is None), results[-1])
    tolerance = max(_FLOAT_NOISE, policy.decimals)
    truths = {symbolic.equal(known, given, tolerance) for given, known in open_golds.items()}
    truths |= {result.equal for result in results}
    return _Result(True if True in truths else None if None in truths else False, "symbolic")


def _compare_cheaply(answer: str, gold: str, policy: MathPolicy) -> _Result:
    if max(len(answer), len(gold)) > _LONGEST:
        return _Result(answer == gold, "exact")
    if answer == gold:
        return _Result(True, "exact")
    (letter, text), (gold_letter, gold_text) = option(answer), option(gold)
    if letter and gold_letter and not (text and gold_text):
        return _Result(letter == gold_letter, "exact")
    answer, gold = bare(text or answer), bare(gold_text or gold)
    if moments := compare_moments(answer, gold):
        return _Result(moments[0], "exact")
    given, expected = _quantities(in_digits(answer), in_digits(gold))
    one, other = in_base_ten(given), in_base_ten(expected)
    if one is not None and other is not None:
        return _Result(one == other, "numeric")
    scales = _scales(given, expected, policy)
    if not scales:
        return _Result(None if scales is None else False, "units")
    return _compare_values(given, expected, scales, policy, ordered=is_sequence(gold))


def _compare_values(
    given: Quantity,
    expected: Quantity,
    scales: list[Fraction],
    policy: MathPolicy,
    *,
    ordered: bool,
) -> _Result:
    left, right = concluded(plain(given.value)), concluded(plain(expected.value))
    if is_named(left) != is_named(right):
        left, right = without_name(left), without_name(right)
    percent = given.is_percent - expected.is_percent
    if values := numbers(left, right):
        slack = max(_FLOAT_NOISE, policy.decimals) if "." in left + right else 0.0
        equal = any(
            _same_number(values[0] * scale, values[1], percent, slack, policy) for scale in scales
        )
        return _Result(equal, "numeric")
    scale = scales[0]
    if scale == 1 and not percent and squeezed(left) == squeezed(right):
        return _Result(True, "exact")
    if is_prose(left) or is_prose(right) or is_sign(left) or is_sign(right):
        return _Result(False, "exact")
    if is_spelled(left) and is_spelled(right):
        return _Result(same_spelling(left, right), "exact")
    if scale != 1:
        left = rf"({left})\cdot\frac{{{scale.numerator}}}{{{scale.denominator}}}"
    ordered = ordered or (policy.ordered_lists and is_list(right))
    return _Result(None, "symbolic", (left, f"({right})" if ordered else right))


def _quantities(answer: str, gold: str) -> tuple[Quantity, Quantity]:
    answer, gold = _in_full(answer, gold), _in_full(gold, answer)
    given, expected = quantity(answer), quantity(gold)
    if expected.units and not given.units:
        given = quantity(answer, glued=True)
    elif given.units and not expected.units:
        expected = quantity(gold, glued=True)
    return given, expected


def _in_full(text: str, other: str) -> str:
    """Write `5k` as 5000 next to a number, and `$1.5M` in any case."""
    full = expanded(text)
    money = full and not full[:1].isdigit() and full[:1] != "-"
    suffixed = full and text[-1] in "kKMB" and _DIGITS.fullmatch(other)
    return full if money or suffixed else text


def _scales(given: Quantity, expected: Quantity, policy: MathPolicy) -> list[Fraction] | None:
    """Convert units; empty if they contradict each other, None if that is undecided."""
    if (given.units and expected.is_percent) or (given.is_percent and expected.units):
        return []
    if given.units and expected.units:
        return common_units(given, expected)
    labels = {given.label, expected.label} - {""}
    symbols = any(label[1:] != label[1:].lower() for label in labels)
    if len(labels) > 1 and (symbols or (given.is_percent and expected.is_percent)):
        return []
    if (given.units or expected.units) and labels:
        return None
    missing = policy.units_required and bool(given.units) != bool(expected.units)
    return [] if missing else [Fraction(1)]


def _same_number(
    given: Fraction, expected: Fraction, percent: int, slack: float, policy: MathPolicy
) -> bool:
    # A sign on one side only: it may mean 20% = 20 or 20% = 0.2.
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
