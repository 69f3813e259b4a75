"""Grade a mathematical answer: by its text, by its value, and only then by algebra."""

from collections.abc import Sequence
from fractions import Fraction

from training_free_grpo.graders import symbolic
from training_free_grpo.graders.extraction import final_answer, tidy
from training_free_grpo.graders.notation import (
    decimals,
    is_list,
    is_named,
    is_percent,
    is_prose,
    number,
    plain,
    squeezed,
    without_name,
)
from training_free_grpo.records import Grade

_SHOWN = 120
_LONGEST = 1000
_ROUNDED = 6
_FLOAT_NOISE = Fraction(1, 10**12)


def grade_math(response: str, gold: str | Sequence[str]) -> Grade:
    """Grade the final answer of a response against the expected answer, or any of several.

    The reward is None where nothing could be decided: no expected answer is known, or the
    comparison of two formulas did not come to an end.
    """
    golds = [_expected(text) for text in ([gold] if isinstance(gold, str) else gold)]
    answer = final_answer(response, several=any(is_list(plain(text)) for text in golds))
    if not plain(answer[:_LONGEST]):
        critique = "The response states no final answer."
        return _grade(0.0, "", critique, "extraction")
    if not golds:
        critique = f"No expected answer is known to check the answer {_short(answer)} against."
        return _grade(None, answer, critique, "none")
    equal, method = _compare(answer, golds)
    return _grade(_reward(equal), answer, _critique(equal, answer, golds), method)


def _expected(gold: str) -> str:
    worked = "\\boxed" in gold or "####" in gold
    return final_answer(gold, several=True) if worked else tidy(gold)


def _compare(answer: str, golds: list[str]) -> tuple[bool | None, str]:
    if len(answer) > _LONGEST:
        return False, "exact"
    open_golds: list[str] = []
    methods = {"exact"}
    for gold in golds:
        equal, method = _compare_cheaply(answer, gold)
        if equal:
            return True, method
        if equal is None:
            open_golds.append(plain(gold))
        methods.add(method)
    if open_golds:
        return symbolic.equal(open_golds, plain(answer)), "math-verify"
    return False, "numeric" if "numeric" in methods else "exact"


def _compare_cheaply(answer: str, gold: str) -> tuple[bool | None, str]:
    given, expected = plain(answer), plain(gold)
    if is_named(given) != is_named(expected):
        given, expected = without_name(given), without_name(expected)
    if squeezed(given) == squeezed(expected):
        return True, "exact"
    values = number(given), number(expected)
    if values[0] is not None and values[1] is not None:
        places = max(decimals(given), decimals(expected))
        percent = is_percent(answer) - is_percent(gold)
        return _same_value(values[0], values[1], places, percent), "numeric"
    if is_prose(given) or is_prose(expected):
        return False, "exact"
    return None, "math-verify"


def _same_value(given: Fraction, expected: Fraction, places: int, percent: int) -> bool:
    # A sign on one side only: both 20% = 20 and 20% = 0.2 are meant by someone.
    if given == expected or (percent and given == expected * Fraction(100) ** percent):
        return True
    distance = abs(given - expected)
    tolerance = max(Fraction(1, 10**places), _FLOAT_NOISE * abs(expected))
    return places >= _ROUNDED and distance < tolerance


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
