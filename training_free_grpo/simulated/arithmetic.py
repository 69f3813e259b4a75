"""The kinds of problems that the simulated agent solves in its head."""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import comb, factorial, lcm

from training_free_grpo.simulated.approaches import Approach, Facts, Family, read_numbers

_MONTHS = "January February March April May June July August September October November December"
MONTHS = tuple(_MONTHS.split())


def read_dates(text: str) -> Facts | None:
    """Read the first and the last day from a text about days that both count."""
    found = re.findall(rf"(\d+) ({'|'.join(MONTHS)})", text)
    year = re.search(r"\b(\d{4})\b", text)
    if len(found) != 2 or not re.search("inclu|both|first and last", text):
        return None
    days = [(MONTHS.index(month) + 1, int(day)) for day, month in found]
    return tuple(date(int(year[1]) if year else 2023, *day) for day in days)


def read_changes(text: str) -> Facts | None:
    """Read two percentage changes, a fall as a negative number."""
    found = re.findall(r"\b(rise|grow|gain|fall|drop|lose)s?\b[^.%]*?(\d+) ?%", text)
    signed = [int(n) if verb in ("rise", "grow", "gain") else -int(n) for verb, n in found]
    return tuple(signed) if len(signed) == 2 else None


FENCE = Family(
    "fence-post",
    r"fence|\bposts?\b|evenly spaced|both ends of a row",
    read_numbers(
        r"\b(posts?|trees?|lamps?|flags?)\b.*\bend",
        r"(\d+)(?: |-)met(?:re|er)s?(?: |-)long",
        r"every (\d+) met|(\d+) met(?:re|er)s apart",
    ),
    (
        Approach(
            "take the number of gaps as the count",
            0.6,
            r"(number of gaps|divide the length)(?!.*(add one|plus one|one more))",
            lambda length, spacing: length // spacing,
        ),
        Approach(
            "count the gaps and add one for the far end",
            0.4,
            r"add one|plus one|one more",
            lambda length, spacing: length // spacing + 1,
        ),
    ),
)

DAYS = Family(
    "inclusive-days",
    r"\bdays?\b|\bdates?\b",
    read_dates,
    (
        Approach(
            "subtract the dates and add one",
            0.45,
            r"add one|plus one|one more|count both",
            lambda first, last: (last - first).days + 1,
        ),
        Approach(
            "subtract the first date from the last",
            0.55,
            r"subtract(?!.*(add one|plus one|one more|both))",
            lambda first, last: (last - first).days,
        ),
    ),
)

PERCENTS = Family(
    "successive-percent",
    r"percent|%",
    read_changes,
    (
        Approach(
            "add the percentages",
            0.5,
            r"\b(add|sum)\b",
            lambda one, two: one + two,
        ),
        Approach(
            "multiply the growth factors",
            0.5,
            r"multipl|factors|compound",
            lambda one, two: one + two + Decimal(one * two) / 100,
        ),
    ),
)

SPEED = Family(
    "average-speed",
    r"speed",
    read_numbers(
        r"average speed.*|same (way|road|path)",
        r"(\d+) km/h",
        r"\d+ km/h.*?(\d+) km/h",
    ),
    (
        Approach(
            "divide the total distance by the total time",
            0.45,
            r"total distance|total time|harmonic",
            lambda out, back: Fraction(2 * out * back, out + back),
        ),
        Approach(
            "take the mean of the two speeds",
            0.55,
            r"(?<!harmonic )\bmean\b|average of the",
            lambda out, back: Fraction(out + back, 2),
        ),
    ),
)

AT_LEAST_ONE = Family(
    "at-least-one",
    r"at[- ]least[- ](one|once)|probabilit",
    read_numbers(
        r"probability.*at least (one|once)|at least (one|once).*probability",
        r"1/(\d+)|(\d+) (?:equal )?(?:sides|sectors)",
        r"(\d+) (?:times|days|tickets|tries)",
    ),
    (
        Approach(
            "add up the chances of the single trials",
            0.4,
            r"\b(add|sum)\b",
            lambda sides, trials: Fraction(trials, sides),
        ),
        Approach(
            "multiply the chances of the single trials",
            0.2,
            r"multiply(?!.*(none|complement))",
            lambda sides, trials: Fraction(1, sides**trials),
        ),
        Approach(
            "subtract the chance of none from one",
            0.4,
            r"complement|chance of none|one minus",
            lambda sides, trials: 1 - Fraction(sides - 1, sides) ** trials,
        ),
    ),
)

PAIRS = Family(
    "pair-counting",
    r"\bpair|handshake|everybody meets",
    read_numbers(
        r"(every|each)\b.*\b(shak|hand|play|clink)",
        r"(\d+) (?:people|guests|players|friends)",
    ),
    (
        Approach(
            "multiply the number by one less and halve it",
            0.5,
            r"halve|half|divide\b.*\btwo",
            lambda people: comb(people, 2),
        ),
        Approach(
            "count every ordered pair",
            0.5,
            r"ordered pair(?!.*(halve|half|two))",
            lambda people: people * (people - 1),
        ),
    ),
)

TABLE = Family(
    "round-table",
    r"round[- ]table|circular|around a table",
    read_numbers(
        r"(round|circular) table",
        r"(\d+) (?:people|members|knights|delegates)",
        r"(\d+) (?:of them|seats|chairs)",
    ),
    (
        Approach(
            "count the seatings as in a row",
            0.6,
            r"as in a row|straight line",
            lambda people, seats: factorial(people) // factorial(people - seats),
        ),
        Approach(
            "divide the seatings in a row by the seats",
            0.4,
            r"divide|fix one",
            lambda people, seats: factorial(people) // factorial(people - seats) // seats,
        ),
    ),
)

AREA = Family(
    "area-scaling",
    r"\bareas?\b|enlarge|\bscal",
    read_numbers(
        r"\barea\b.*\b(area|large)",
        r"area of (\d+)",
        r"factor of (\d+)|(\d+) times as long",
    ),
    (
        Approach(
            "multiply the area by the square of the factor",
            0.5,
            r"square",
            lambda area, factor: area * factor**2,
        ),
        Approach(
            "multiply the area by the factor",
            0.5,
            r"multiply(?!.*square)",
            lambda area, factor: area * factor,
        ),
    ),
)

WORK = Family(
    "combined-work",
    r"combined[- ]work|working together|\bpipes\b",
    read_numbers(
        r"\btogether\b",
        r"in (\d+) (?:hours|minutes)",
        r"in \d+ (?:hours|minutes).*?in (\d+) (?:hours|minutes)",
    ),
    (
        Approach(
            "take the mean of the two times",
            0.4,
            r"\bmean\b|average",
            lambda one, two: Fraction(one + two, 2),
        ),
        Approach(
            "add the two times",
            0.2,
            r"add the two times",
            lambda one, two: one + two,
        ),
        Approach(
            "add the two rates and invert the sum",
            0.4,
            r"\brates\b",
            lambda one, two: Fraction(one * two, one + two),
        ),
    ),
)

CYCLES = Family(
    "common-cycle",
    r"common[- ]cycle|\bbells\b|at the same moment again",
    read_numbers(
        r"\bboth\b.*\b(again|next)\b",
        r"every (\d+) (?:minutes|seconds)",
        r"every \d+ (?:minutes|seconds).*?every (\d+) (?:minutes|seconds)",
    ),
    (
        Approach(
            "take the least common multiple of the intervals",
            0.5,
            r"least common|\blcm\b",
            lambda one, two: lcm(one, two),
        ),
        Approach(
            "multiply the two intervals",
            0.5,
            r"multiply",
            lambda one, two: one * two,
        ),
    ),
)

ARITHMETIC = (FENCE, DAYS, PERCENTS, SPEED, AT_LEAST_ONE, PAIRS, TABLE, AREA, WORK, CYCLES)
