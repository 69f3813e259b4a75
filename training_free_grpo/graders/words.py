"""Split an answer into words that are the same for all spellings of it."""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import regex

from training_free_grpo.graders.abbreviations import FULL_FORMS, MONTHS
from training_free_grpo.tools.letters import CHARACTER_WORDS, fold
from training_free_grpo.tools.signs import drop_signs, name_signs

_ARTICLE = regex.compile(r"(?<![\w\p{M}'-])(?:a|an|the)\s+(?=[\"'“«]?[\w])")
_GROUPS = re.compile(
    r"(?<![\d,.])\d{1,3}(?:,\d{2,3})*,\d{3}(?![\d,])|(?<![\d.,])\d{1,3}(?:\.\d{3}){2,}(?![\d.])"
)
"""Numbers in groups of digits: 1,000,000, 10,00,000, 1.000.000."""
_SPACED_GROUPS = re.compile(
    r"(?<![\d.,])\d{1,3}(?:(?:[\u00a0\u2009\u202f]\d{3})+| \d{3}(?: \d{3})+)(?![\d.,])"
)
_NUMBER_SIGN = re.compile(r"\b(?:nos?\.|nr\.|n[°o]\b)\s*(?=\d)")
_PERCENT = re.compile(r"(?<=\d)\s?(?:per cent|pct)\b")
_YEAR = re.compile(r"(?<=\d{4})\s?[年년]\s*$")
_INITIALS = re.compile(r"\b([^\W\d_])\.\s(?=[^\W\d_]\.)")
_PARTED = re.compile(r"(?<=[^\W\d_])\.(?=\d)|(?<=\d)(?=[a-z])")
"""The boundary of a word and a number without a space: Vol.2, 5km."""
_INSIDE = re.compile(r"'|\.(?!\d)|(?<=[^\W\d])\.")
"""Characters inside or at the end of a word that do not belong to it: O'Hara, U.S."""
_WORD = regex.compile(
    rf"[{CHARACTER_WORDS}]\p{{M}}*|(?:(?![{CHARACTER_WORDS}_])[\w\p{{M}}])+(?:(?<=\d)[.:/]\d+)*"
)
_RANGE = re.compile(r"(?<![\d.,])(\d\d)(\d\d)-(\d\d)(?![\d.,-])")
_SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty
"""
_NUMBERS = {word: str(number) for number, word in enumerate(_SMALL.split())}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_DECIMAL = re.compile(r"\d{1,30}(?:\.\d{1,30})?")
_TRUTHS: dict[tuple[str, ...], tuple[str, ...]] = {("true",): ("yes",), ("false",): ("no",)}


# A long response is compared with many names for the same thing.
@lru_cache(maxsize=64)
def tokens(text: str) -> tuple[str, ...]:
    """Split a text into words, without case, accents, punctuation and articles.

    SQuAD's normalization, except that 3.5 is not 35, the A of "Vitamin A" is not an article, and
    distinguishing signs count as words.
    """
    words = _cut(name_signs(_ARTICLE.sub("", _plain(text)))) or tuple(fold(text).split())
    return _TRUTHS.get(words, words)


def bare_words(text: str) -> tuple[str, ...]:
    """Split a text into words without the signs that `tokens` reads."""
    return _cut(drop_signs(_ARTICLE.sub("", _plain(text))))


def parts(text: str) -> list[str]:
    """Split a text into words without signs, with dates and times as their numbers."""
    return re.findall(r"[^\s.:/]+", " ".join(bare_words(text) or tokens(text)))


@lru_cache(maxsize=64)
def _plain(text: str) -> str:
    """Normalize a text, so that spellings of the same thing are equal."""
    ungrouped = _SPACED_GROUPS.sub(lambda number: "".join(number[0].split()), text)
    plain = _GROUPS.sub(lambda number: re.sub("[,.]", "", number[0]), fold(ungrouped))
    plain = _PERCENT.sub(" percent", _NUMBER_SIGN.sub("", _YEAR.sub("", plain)))
    plain = _RANGE.sub(_in_full_years, plain)
    return _PARTED.sub(" ", _INITIALS.sub(r"\1", plain.replace("&", " and ")))


def _cut(plain: str) -> tuple[str, ...]:
    words: list[str] = _WORD.findall(_INSIDE.sub("", plain))
    return tuple(_written_out(words))


def _written_out(words: list[str]) -> Iterator[str]:
    """Expand abbreviations, and write numbers in digits."""
    around = zip(["", *words], words, [*words[1:], ""], strict=False)
    scaled = False
    for before, word, after in around:
        if scaled:
            scaled = False
        elif after in _SCALES and _DECIMAL.fullmatch(word):
            scaled = True
            yield str(Fraction(word) * _SCALES[after])
        elif word in MONTHS and (before[:1].isdigit() or after[:1].isdigit()):
            yield MONTHS[word]
        elif word in FULL_FORMS and after and not before[:1].isdigit():
            yield FULL_FORMS[word]
        else:
            yield _NUMBERS.get(word, word)


def _in_full_years(years: re.Match[str]) -> str:
    century, first, last = years.groups()
    return f"{century}{first}-{century}{last}" if first < last else years[0]
