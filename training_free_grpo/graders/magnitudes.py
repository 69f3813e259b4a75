"""Numbers in words and with words: `2.5 billion`, `5 lakh`, `three and a half`, `3rd`, `5‰`."""

import re
from fractions import Fraction

_SCALES = {
    "hundred": 2,
    "thousand": 3,
    "million": 6,
    "billion": 9,
    "trillion": 12,
    "quadrillion": 15,
    "quintillion": 18,
    "sextillion": 21,
    "lakh": 5,
    "lac": 5,
    "crore": 7,
    "googol": 100,
    "mil": 3,
    "millones": 6,
    "millionen": 6,
    "milliard": 9,
    "milliarden": 9,
    "mio": 6,
    "mrd": 9,
    "тыс": 3,
    "млн": 6,
    "млрд": 9,
    "тысяч": 3,
    "миллионов": 6,
    "mn": 6,
    "mln": 6,
    "bn": 9,
    "tn": 12,
}
_COUNTS = {"dozen": 12, "score": 20, "gross": 144}
_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {word: n for n, word in enumerate(_UNITS)} | {
    word: 10 * n for n, word in enumerate(_TENS, 2)
}
_PARTS = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "twelfth": 12,
    "hundredth": 100,
    "thousandth": 1000,
}
_ORDINALS = {"first": 1, "second": 2} | {word: n for word, n in _PARTS.items() if n > 2}
_ABROAD = {
    "十": 1,
    "百": 2,
    "千": 3,
    "万": 4,
    "萬": 4,
    "만": 4,
    "億": 8,
    "亿": 8,
    "억": 8,
    "兆": 12,
    "조": 12,
}

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_SCALED = re.compile(
    rf"({_NUMBER}|\.\d+)(?:\s|\\ |\\text(?:rm)?\{{|-)*"
    rf"({'|'.join(sorted(_SCALES | _COUNTS, key=len, reverse=True))})s?(?![A-Za-z])(?:\.(?=\s))"
    rf"?(\s*\}})?",
    re.IGNORECASE,
)
_SCALED_ABROAD = re.compile(rf"((?:{_NUMBER}\s*[{''.join(_ABROAD)}]+\s*)+)(\d*)")
_ORDINAL = re.compile(r"(\d+)(?:\^\{?(?:\\text\{)?)?\s*(?:st|nd|rd|th)\b\}*", re.IGNORECASE)
_PER_MILLE = re.compile(rf"([-+]?{_NUMBER})\s*(?:‰|\bper mille\b)")
_SHORT = re.compile(r"(?P<ahead>\D*)(?P<number>\d[\d,]*(?:\.\d+)?)\s?(?P<scale>[kKMBT]|tn|m|b)")
_SHORT_SCALES = {"k": 3, "m": 6, "b": 9, "t": 12, "tn": 12}
_SPELLED = re.compile(r"[A-Za-z]+(?:[ -]+[A-Za-z]+)*")


def in_digits(text: str) -> str:
    """Write the numbers of a short answer in digits, and keep the things counted or measured."""
    if text[:1].isalpha() and text[:3].casefold() in _BEGINNINGS and _SPELLED.fullmatch(text):
        text = _spelled_number(text)
    if not _LETTERS.search(text):
        return text
    text = _PER_MILLE.sub(lambda m: _decimal(_fraction(m[1]) / 1000), text)
    if not text.isascii():
        text = _SCALED_ABROAD.sub(_multiplied_abroad, text)
    if match := _ORDINAL.fullmatch(text):
        return match[1]
    while (multiplied := _SCALED.sub(_multiplied, text, count=1)) != text:
        text = multiplied
    return text


_LETTERS = re.compile(r"[^\W\d_]{2}|‰|[^\x00-\x7f]")


def expanded(text: str) -> str:
    """Write `5k`, `$1.5M` in full; empty for anything else."""
    match = _SHORT.fullmatch(text)
    if not match or match["ahead"].strip(" \\-+$€£¥₹"):
        return ""
    size = Fraction(10) ** _SHORT_SCALES[match["scale"].casefold()]
    return match["ahead"] + _decimal(_fraction(match["number"]) * size)


def _multiplied(match: re.Match[str]) -> str:
    size = _size(match[2].casefold())
    opened, closed = "\\text" in match.group(), match[3] or ""
    rest = closed if not opened else "" if closed else r"\text{"
    return _decimal(_fraction(match[1]) * size) + rest


def _multiplied_abroad(match: re.Match[str]) -> str:
    total = Fraction(int(match[2] or 0))
    for number, signs in re.findall(rf"({_NUMBER})\s*([{''.join(_ABROAD)}]+)", match[1]):
        total += _fraction(number) * Fraction(10) ** sum(_ABROAD[sign] for sign in signs)
    return _decimal(total)


def _fraction(digits: str) -> Fraction:
    return Fraction(digits.replace(",", ""))


def _decimal(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    for places in range(1, 30):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = str(abs(scaled.numerator)).zfill(places + 1)
            return f"{'-' * (value < 0)}{digits[:-places]}.{digits[-places:]}"
    return f"{value.numerator}/{value.denominator}"


def _spelled_number(text: str) -> str:
    """Read the number words that a text begins with; return the text unchanged without any."""
    words = re.split(r"[ -]+", text)
    lower = [word.casefold() for word in words]
    if len(words) == 1 and lower[0] in _ORDINALS:
        return str(_ORDINALS[lower[0]])
    negative = lower[0] in {"minus", "negative"}
    sign = -1 if negative else 1
    total, current = Fraction(0), Fraction(0)
    start = place = int(negative)
    for place in range(start, len(words) + 1):
        word, ahead = [*lower, "", ""][place : place + 2]
        if word in _WORDS and _follows(_WORDS[word], current):
            current += _WORDS[word]
        elif word in {"a", "an"} and ahead in _PARTS | _SCALES | _COUNTS:
            current += 1
        elif word == "half" and place == start:
            return " ".join(["0.5", *words[place + 1 :]])
        elif place > start and current and (part := _PARTS.get(word.removesuffix("s"))):
            value = sign * (total + current / part)
            return " ".join([_decimal(value), *words[place + 1 :]])
        elif place > start and word == "hundred":
            current *= 100
        elif place > start and word in _SCALES | _COUNTS:
            total, current = total + current * _size(word), Fraction(0)
        elif word == "and" and place > start and lower[-1].removesuffix("s") in _PARTS:
            total, current = total + current, Fraction(0)
        elif word != "and" or lower[place - 1] not in _SCALES or ahead not in _WORDS:
            break
    return " ".join([_decimal(sign * (total + current)), *words[place:]]) if place > start else text


def _follows(number: int, current: Fraction) -> bool:
    rest = current % 100
    return not rest or (rest >= 20 and not rest % 10 and 0 < number < 10)


def _size(word: str) -> Fraction:
    return Fraction(_COUNTS[word]) if word in _COUNTS else Fraction(10) ** _SCALES[word]


_BEGINNINGS = {word[:3] for word in [*_WORDS, *_ORDINALS, "half", "minus", "negative"]} | {
    *("a", "an "),
    *(f"a {word[0]}" for word in [*_PARTS, *_SCALES, *_COUNTS]),
}
