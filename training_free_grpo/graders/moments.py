"""Times of day and dates: `4:30 PM` is `16:30`, `July 4th, 1776` is `1776-07-04`."""

import re
from typing import NamedTuple

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?"
_HALF = r"(?:[ap]\.?\s?m\b\.?|(?:in the )?(?:morning|afternoon|evening)|o'?\s?clock)"
_ERA = r"(?:AD|A\.D\.?|CE|C\.E\.?|BC|B\.C\.?|BCE|B\.C\.E\.?)"

MOMENT = (
    rf"\d{{1,2}}:[0-5]\d(?::[0-5]\d)?(?:\s?(?i:{_HALF}))?"
    rf"|\d{{1,2}}(?:\.[0-5]\d)?\s?(?i:[ap]\.?m\b\.?)"
    rf"|(?i:\b{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?)"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?i:{_MONTH})\.?(?:,? \d{{4}})?|\d{{4}}-\d\d-\d\d"
)
"""Finds times and dates in a sentence."""

_CLOCK = re.compile(
    rf"(?:at )?(\d{{1,2}})(?:[:.h]([0-5]\d)(?:[:.]([0-5]\d))?)?\s*({_HALF}|hours|hrs|h|uhr)?",
    re.IGNORECASE,
)
_CLOCK_ABROAD = re.compile(
    r"(上午|下午|午前|午後|오전|오후)?\s*(\d{1,2})\s*[点點时時시]\s*(?:(\d{1,2})\s*[分분]|(半|반))?"
)
_QUARTER = re.compile(
    r"(half past|quarter past|quarter to|(\d{1,2})(?: minutes)? (?:past|to)) (\d{1,2})\s*"
    rf"({_HALF})?",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    rf"(?:(?:on )?(?:{_DAY}),? )?(?:the )?({_MONTH})\.? (?:the )?(\d{{1,2}})(?:st|nd|rd"
    rf"|th)?(?:,? (\d{{4}}))?",
    re.IGNORECASE,
)
_DAY_FIRST = re.compile(
    rf"(?:(?:on )?(?:{_DAY}),? )?(?:the )?(\d{{1,2}})(?:st|nd|rd"
    rf"|th)?(?: of)? ({_MONTH})\.?(?:,? (\d{{4}}))?",
    re.IGNORECASE,
)
_MONTH_ONLY = re.compile(rf"({_MONTH})\.?(?:,? (?:of )?(\d{{4}}))?", re.IGNORECASE)
_WRAPPED = re.compile(r"\\(?:text|textbf|mathrm|mbox)\s*\{([^{}]*)\}|\\[,;: ]")
_MAY_BE = re.compile(r"\d\s?:\d|\d{4}|\d[/.-]\d|[A-Za-z]{2}|[^\x00-\x7f]")
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_ABROAD = re.compile(r"(?:(\d{4})\s*[年년]\s*)?(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일号號]")
_SLASHED = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})")
_YEAR = re.compile(rf"(?:({_ERA})\s*)?(\d{{1,4}})\s*({_ERA})?")
_HALVES_ABROAD = {
    "上午": "am",
    "下午": "pm",
    "午前": "am",
    "午後": "pm",
    "오전": "am",
    "오후": "pm",
}
_WORDS = {"noon": (12, 0), "midday": (12, 0), "midnight": (0, 0)}


class Moment(NamedTuple):
    """A time, a date, a month, a day of the week, or a year of an era, in one or more readings."""

    kind: str
    readings: tuple[tuple[int | None, ...], ...]
    is_sure: bool = True
    """Whether it cannot be anything else: `3:40` may be a ratio."""


def moment(text: str) -> Moment | None:
    """Read a time or date; None for anything else."""
    text = text.strip().rstrip(".")
    if not 2 < len(text) < 40 or not (text[0].isalnum()):
        return None
    return _time(text) or _date(text) or _name(text)


def compare_moments(given: str, expected: str) -> tuple[bool | None] | None:
    """Compare two texts as times or dates; None if neither is one, or both may be numbers."""
    if not (_MAY_BE.search(given) or _MAY_BE.search(expected)):
        return None
    given, expected = _WRAPPED.sub(r"\1", given).strip(), _WRAPPED.sub(r"\1", expected).strip()
    one, other = moment(given), moment(expected)
    if one and other:
        same = _same_moment(one, other)
        ratios = not (one.is_sure or other.is_sure)
        return None if ratios and same is not True else (same,)
    if not (one or other):
        return None
    found, text = (one, expected) if one else (other, given)
    assert found is not None
    if not found.is_sure:
        return None
    if found.kind == "time" and _is_hour(found, text):
        return (True,)
    if found.kind == "year" and text.isdecimal():
        return (found.readings == ((int(text),),),)
    return (False,)


def _same_moment(given: Moment, expected: Moment) -> bool | None:
    """Compare two moments; None if one omits what the other specifies."""
    if given.kind != expected.kind:
        return False
    if given.readings[0] == expected.readings[0]:
        return True
    both_open = len(given.readings) > 1 and len(expected.readings) > 1
    pairs = [(one, other) for one in given.readings for other in expected.readings]
    if any(one == other for one, other in pairs):
        return None if both_open else True
    partly = any(
        all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))
        for one, other in pairs
    )
    return None if partly else False


def _is_hour(time: Moment, text: str) -> bool:
    """Return whether a bare number is the full hour of a time, `5` for `5 PM`."""
    full = [hour for hour, *rest in time.readings if not any(rest)]
    return text.isdecimal() and any(int(text) in {hour, (hour or 0) % 12 or 12} for hour in full)


def _time(text: str) -> Moment | None:
    if text.casefold() in _WORDS:
        return Moment("time", ((*_WORDS[text.casefold()], 0),))
    if match := _QUARTER.fullmatch(text):
        return _spoken_time(match)
    if match := _CLOCK_ABROAD.fullmatch(text):
        half = _HALVES_ABROAD.get(match[1] or "", "")
        return _clock(int(match[2]), 30 if match[4] else int(match[3] or 0), 0, half)
    match = _CLOCK.fullmatch(text)
    if not match or not (match[4] or (match[2] and "." not in text)):
        return None
    half = _half(match[4])
    if half in {"hours", "hrs", "h"} and not match[2]:  # a duration
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    found = _clock(hour, minute, second, half)
    sure = bool(half) or match[2] is None or "0" in (match[2][0], text[0])
    return found and found._replace(is_sure=sure)


def _half(written: str | None) -> str:
    return re.sub(r"[.\s]", "", written or "").casefold()


def _clock(hour: int, minute: int, second: int, half: str) -> Moment | None:
    if hour > 24 or minute > 59:
        return None
    if half.startswith("p") or "afternoon" in half or "evening" in half:
        hours = [hour % 12 + 12]
    elif half.startswith("am") or "morning" in half:
        hours = [hour % 12]
    elif 0 < hour <= 12 and half not in {"hours", "hrs", "uhr"}:
        hours = [hour, hour + 12] if hour < 12 else [12, 0]
    else:
        hours = [hour % 24]
    return Moment("time", tuple((each, minute, second) for each in hours))


def _spoken_time(match: re.Match[str]) -> Moment | None:
    said, hour = match[1].casefold(), int(match[3])
    minute = 30 if "half" in said else 15 if "quarter" in said else int(match[2])
    if said.endswith("to"):
        hour, minute = hour - 1 or 12, 60 - minute
    return _clock(hour, minute, 0, _half(match[4]))


def _date(text: str) -> Moment | None:
    if match := _MONTH_FIRST.fullmatch(text):
        return _day(match[3], (_month(match[1]), int(match[2])))
    if match := _DAY_FIRST.fullmatch(text):
        return _day(match[3], (_month(match[2]), int(match[1])))
    if match := _ISO.fullmatch(text):
        return _day(match[1], (int(match[3]), int(match[4])))
    if match := _ABROAD.fullmatch(text):
        return _day(match[1], (int(match[2]), int(match[3])))
    if match := _SLASHED.fullmatch(text):
        one, other = int(match[1]), int(match[3])
        return _day(match[4], *([(one, other)] if one == other else [(one, other), (other, one)]))
    return None


def _day(year: str | None, *days: tuple[int, int]) -> Moment | None:
    known = int(year) if year else None
    valid = [(known, *each) for each in days if 1 <= each[0] <= 12 and 1 <= each[1] <= 31]
    return Moment("date", tuple(valid)) if valid else None


def _name(text: str) -> Moment | None:
    if re.fullmatch(_DAY, text, re.IGNORECASE):
        number = next(n for n, day in enumerate(_DAYS) if day.startswith(text[:3].casefold()))
        return Moment("day", ((number,),))
    if match := _MONTH_ONLY.fullmatch(text):
        known = int(match[2]) if match[2] else None
        return Moment("month", ((known, _month(match[1])),))
    match = _YEAR.fullmatch(text)
    if match and (match[1] or match[3]):
        before = (match[1] or match[3]).casefold().startswith("b")
        return Moment("year", ((int(match[2]) * (-1 if before else 1),),))
    return None


def _month(name: str) -> int:
    return next(n for n, each in enumerate(_MONTHS, 1) if each.startswith(name[:3].casefold()))
