r"""Grade the answer to a factual question by its words: right, wrong, or undecided.

The same words are right. Wrong are words that differ only in what no paraphrase changes (a number,
a single letter or a sign, as in O+ and O-), and an answer with nothing in common. Words alone
cannot decide cases in between, such as "Obama" for "Barack Obama" or for "Michelle Obama": these
stay undecided.
"""

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import takewhile

import regex

from training_free_grpo.graders.abbreviations import APPROXIMATE, TITLES
from training_free_grpo.graders.stated import opening, stated_answer
from training_free_grpo.graders.words import bare_words, parts, tokens
from training_free_grpo.records import Grade, Verdict

_NAMELESS = {"yes", "no", "who", "what", "when", "where", "it"}
"""Words that are names only after a title: Dr. No."""
_CURRENCY = regex.compile(r"\p{Sc}")
_ROMAN = re.compile(r"(?=[ivx])(x{0,3})(ix|iv|v?i{0,3})")
_UNITS = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_ALPHABETIC = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}]")
_LEAST_WITHIN = 4
"""Letters of an alphabet that two words must share for that to mean something."""
_SHOWN = 120


def grade_qa(response: str, gold: str | Sequence[str]) -> Grade:
    """Grade the answer in a response against the expected one, or any of several.

    The reward is None, for a judge to decide, if the answer and an expected one have something in
    common but are not the same, or if no expected answer is known.
    """
    golds = [gold] if isinstance(gold, str) else list(gold)
    answer = stated_answer(response)
    if not tokens(answer):
        return _grade("wrong", "", "The response states no answer.", "extraction")
    shown, expected = _short(answer), " or ".join(map(_short, golds))
    if not golds:
        critique = f"No expected answer is known to check the answer {shown} against."
        return _grade("undecided", answer, critique, "none")
    if any(is_same(part, each) for part in {answer, opening(answer)} for each in golds):
        return _grade("right", answer, f"The answer {shown} is the expected one.", "exact")
    if any(overlaps(answer, each) and not contradicts(answer, each) for each in golds):
        critique = f"Words cannot tell whether the answer {shown} means the expected {expected}."
        return _grade("undecided", answer, critique, "overlap")
    critique = f"The answer {shown} is not the expected {expected}."
    return _grade("wrong", answer, critique, "overlap")


def is_exact(answer: str, gold: str) -> bool:
    """Return whether an answer has exactly the words of the expected one (EM)."""
    return tokens(answer) == tokens(gold)


def is_same(answer: str, gold: str) -> bool:
    """Return whether an answer is the expected one, except for what either may omit."""
    if _other_currency(answer, gold):
        return False
    given, expected = tokens(answer), tokens(gold)
    return (
        given == expected
        or tokens(_unbroken(answer)) == tokens(_unbroken(gold))
        or _is_titled(given, expected)
        or (len(given) == len(expected) == 1 and _is_same_number(given[0], expected[0]))
    )


def contradicts(answer: str, gold: str) -> bool:
    """Return whether two answers differ only in numbers, single letters, signs or currency."""
    given, expected = tokens(answer), tokens(gold)
    if given == expected:
        return _other_currency(answer, gold)
    if bare_words(answer) == bare_words(gold):
        return True
    differing = [pair for pair in zip(given, expected, strict=False) if pair[0] != pair[1]]
    return len(given) == len(expected) and all(
        _is_atom(one) and _is_atom(other) and _value(one) != _value(other)
        for one, other in differing
    )


def covers(text: str, other: str) -> bool:
    """Return whether a text contains another one, even within a word (cover-EM)."""
    return " ".join(tokens(other)) in " ".join(tokens(text))


def token_f1(answer: str, gold: str) -> float:
    """Measure how many words an answer and the expected one have in common (F1)."""
    given, expected = Counter(tokens(answer)), Counter(tokens(gold))
    return 2 * (given & expected).total() / ((given.total() + expected.total()) or 1)


def overlaps(answer: str, gold: str) -> bool:
    """Return whether two answers have a word in common, or one contains the other."""
    given, expected = parts(answer), parts(gold)
    return bool({*given} & {*expected}) or _within(given, expected) or _within(expected, given)


def _within(inner: list[str], outer: list[str]) -> bool:
    text = " ".join(inner)
    if not text.isdigit() and len(text) < (_LEAST_WITHIN if _ALPHABETIC.search(text) else 2):
        return False
    # A digit or vowel sign next to it makes it another word.
    return bool(regex.search(rf"(?<!\d){regex.escape(text)}(?![\d\p{{M}}])", " ".join(outer)))


def _unbroken(text: str) -> str:
    """Remove invisible characters that may stand for a space."""
    return text.replace("\u200b", "").replace("\u200c", "")


def _other_currency(answer: str, gold: str) -> bool:
    given, expected = (set(_CURRENCY.findall(text)) for text in (answer, gold))
    return bool(given and expected and given != expected)


def _is_titled(given: tuple[str, ...], expected: tuple[str, ...]) -> bool:
    """Return whether two answers differ only by a title, "approximately" or "vs."."""
    return given != expected and (_untitled(given) == expected or given == _untitled(expected))


def _untitled(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(words) > 1 and (
        words[0] == "versus" or (words[0] in APPROXIMATE and words[1][0].isdigit())
    ):
        return words[1:]
    titles = sum(1 for _ in takewhile(TITLES.__contains__, words))
    rest = words[titles:]
    nameless = len(rest) == 1 and (len(rest[0]) == 1 or rest[0] in _NAMELESS)
    return words if not rest or nameless else rest


def _is_atom(word: str) -> bool:
    letter = len(word) == 1 and bool(_ALPHABETIC.match(word))
    return letter or any(map(str.isdigit, word)) or bool(_ROMAN.fullmatch(word))


def _is_same_number(one: str, other: str) -> bool:
    return one[0].isdigit() and other[0].isdigit() and _value(one) == _value(other)


def _value(word: str) -> Fraction | str:
    roman = _ROMAN.fullmatch(word)
    try:
        return Fraction(_roman(roman) if roman else word[:_SHOWN])
    except (ValueError, ZeroDivisionError):
        return word


def _roman(numeral: re.Match[str]) -> int:
    return 10 * len(numeral[1]) + _UNITS.index(numeral[2])


def _grade(verdict: Verdict, answer: str, critique: str, method: str) -> Grade:
    reward = {"right": 1.0, "wrong": 0.0}.get(verdict)
    return Grade(reward=reward, verdict=verdict, extracted=answer, critique=critique, method=method)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
