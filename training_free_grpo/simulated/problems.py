"""The bundled problem sets: two lists of the same kinds of problems with different numbers.

The true answers are computed here, by rules that the simulated model does not see.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import comb, lcm, perm
from random import Random
from typing import Any

from training_free_grpo.records import Problem
from training_free_grpo.simulated.arithmetic import MONTHS
from training_free_grpo.simulated.town import buildings

PER_KIND = 10
"""Problems of each kind in each of the two sets."""

Values = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """The generator of one kind of problem: its wordings, its values and the true answer."""

    wordings: tuple[str, ...]
    draw: Callable[[Random], Values]
    answer: Callable[[Values], object]


def training_problems() -> list[Problem]:
    """Return the training problems, one kind after the other in turn."""
    return make_set("sim-train", 0)


def heldout_problems() -> list[Problem]:
    """Return the held-out problems; none of them is a training problem."""
    return make_set("sim-heldout", 1)


def make_set(name: str, half: int) -> list[Problem]:
    """Make one of the two sets: every other problem of each kind."""
    kinds = [list(write(number, template)) for number, template in enumerate(TEMPLATES)]
    rows = zip(*(problems[half::2] for problems in kinds), strict=True)
    pairs = [pair for row in rows for pair in row]
    return [
        {"id": f"{name}-{number:03}", "problem": text, "answers": [answer]}
        for number, (text, answer) in enumerate(pairs, 1)
    ]


def write(number: int, template: Template) -> Iterator[tuple[str, str]]:
    """Write the problems of one kind with their answers, never using the same values twice."""
    rng = Random(number)
    seen: list[Values] = []
    while len(seen) < 2 * PER_KIND:
        values = template.draw(rng)
        if values not in seen:
            wording = template.wordings[len(seen) // 2 % len(template.wordings)]
            seen.append(values)
            yield wording.format(**values), str(template.answer(values))


def draw_fence(rng: Random) -> Values:
    """Draw a row whose length is a multiple of the spacing."""
    spacing = rng.randrange(2, 13)
    return {"length": spacing * rng.randrange(5, 40), "spacing": spacing}


def draw_days(rng: Random) -> Values:
    """Draw a first and a last day of one year."""
    first = date(2023, 1, 1) + timedelta(rng.randrange(300))
    last = first + timedelta(rng.randrange(4, 60))
    return {"days": (last - first).days + 1, "first": spell(first), "last": spell(last)}


def spell(day: date) -> str:
    """Format a day, as in 12 May."""
    return f"{day.day} {MONTHS[day.month - 1]}"


def draw_percents(rng: Random) -> Values:
    """Draw a rise followed by a smaller fall or another rise."""
    verb = ("rises", "falls")[rng.randrange(2)]
    return {"one": 5 * rng.randrange(6, 12), "verb": verb, "two": 5 * rng.randrange(1, 5)}


def percent_change(values: Values) -> Decimal:
    """Compute the total change of two changes in percent."""
    one, two = values["one"], values["two"] * (1 if values["verb"] == "rises" else -1)
    return (Decimal(100 + one) * Decimal(100 + two)) / 100 - 100


def draw_two(low: int, high: int) -> Callable[[Random], Values]:
    """Make a generator of two different numbers that share a factor."""

    def draw(rng: Random) -> Values:
        factor = rng.randrange(2, 6)
        one = rng.randrange(low, high)
        return {"one": factor * one, "two": factor * (one + rng.randrange(1, 5))}

    return draw


def draw_trials(rng: Random) -> Values:
    """Draw the sides of a die or wheel and the number of trials."""
    return {"sides": rng.randrange(4, 13), "trials": rng.randrange(2, 5)}


def draw_seats(rng: Random) -> Values:
    """Draw more people than seats."""
    seats = rng.randrange(3, 8)
    return {"people": seats + rng.randrange(2, 9), "seats": seats}


def draw_divisors(rng: Random) -> Values:
    """Draw a bound and two divisors."""
    one = rng.randrange(3, 9)
    return {"top": 10 * rng.randrange(30, 90), "one": one, "two": one + rng.randrange(1, 6)}


def either_not_both(values: Values) -> int:
    """Count by inclusion and exclusion: numbers of both kinds are subtracted twice."""
    top, one, two = values["top"], values["one"], values["two"]
    return int(top // one + top // two - 2 * (top // lcm(one, two)))


def draw_building(parity: int) -> Callable[[Random], Values]:
    """Make a generator from every other building: each kind of question has its own."""

    def draw(rng: Random) -> Values:
        chosen = buildings()[parity::2]
        return {"building": chosen[rng.randrange(len(chosen))]}

    return draw


TEMPLATES = (
    Template(
        (
            "A straight fence is {length} metres long. It has a post every {spacing} metres and "
            "one at each end. How many posts does it have?",
            "Lamps stand {spacing} metres apart along a straight road that is {length} metres "
            "long, with a lamp at both ends. How many lamps are there?",
            "Along a {length}-metre-long avenue a tree is planted every {spacing} metres, from "
            "one end to the other, both ends included. How many trees is that?",
        ),
        draw_fence,
        lambda v: v["length"] // v["spacing"] + 1,
    ),
    Template(
        (
            "A festival runs from {first} to {last} 2023, both days included. "
            "How many days does it last?",
            "A ticket is valid from {first} until {last} 2023, the first and last day included. "
            "On how many days can it be used?",
        ),
        draw_days,
        lambda v: v["days"],
    ),
    Template(
        (
            "A price rises by {one}% and then {verb} by {two}%. By how many percent has it "
            "changed in all? Give the number alone, negative for a fall.",
            "The rent of a shop rises by {one}% in spring and {verb} by {two}% in autumn. What "
            "is the total change in percent, as a number?",
        ),
        draw_percents,
        percent_change,
    ),
    Template(
        (
            "A cyclist rides to a lake at {one} km/h and comes back the same way at {two} km/h. "
            "What is the average speed of the whole trip in km/h, as a fraction or whole number?",
            "A van drives a road at {one} km/h and returns on the same road at {two} km/h. Find "
            "its average speed over both legs, in km/h and exactly.",
        ),
        draw_two(6, 20),
        lambda v: Fraction(2 * v["one"] * v["two"], v["one"] + v["two"]),
    ),
    Template(
        (
            "A fair die with {sides} sides is rolled {trials} times. What is the probability "
            "that at least one roll shows a one? Give a fraction.",
            "A pump fails on any day with probability 1/{sides}, independently of other days. "
            "What is the chance, as a fraction, that it fails at least once in {trials} days?",
            "A wheel has {sides} equal sectors and one of them wins. It is spun {trials} times. "
            "As a fraction, what is the probability of at least one win?",
        ),
        draw_trials,
        lambda v: 1 - Fraction(v["sides"] - 1, v["sides"]) ** v["trials"],
    ),
    Template(
        (
            "At a party of {people} guests everybody shakes hands with every other guest. "
            "How many handshakes are there?",
            "In a tournament of {people} players each plays every other once. "
            "How many games are played?",
            "A group of {people} friends raise their glasses, and every two of them clink once. "
            "How often do glasses clink?",
        ),
        lambda rng: {"people": rng.randrange(6, 60)},
        lambda v: comb(v["people"], 2),
    ),
    Template(
        (
            "From a club of {people} members, {seats} of them are seated at a round table. "
            "Seatings that differ by a turn are the same. How many seatings are there?",
            "A circular table has {seats} chairs. In how many ways can it be filled from "
            "{people} delegates, if rotations count as the same?",
        ),
        draw_seats,
        lambda v: perm(v["people"], v["seats"]) // v["seats"],
    ),
    Template(
        (
            "A sail has an area of {area} square metres. A second sail of the same shape is "
            "{factor} times as long in every direction. What is its area in square metres?",
            "A drawing with an area of {area} square centimetres is enlarged: all lengths grow by "
            "a factor of {factor}. How large is its area now, in square centimetres?",
        ),
        lambda rng: {"area": rng.randrange(3, 60), "factor": rng.randrange(2, 8)},
        lambda v: v["area"] * v["factor"] ** 2,
    ),
    Template(
        (
            "One pipe fills a tank in {one} hours, a second one fills it in {two} hours. How many "
            "hours do both take together? Give an exact number.",
            "Ada paints a wall in {one} minutes and Ben paints it in {two} minutes. How many "
            "minutes do they need together, exactly?",
        ),
        draw_two(2, 9),
        lambda v: Fraction(v["one"] * v["two"], v["one"] + v["two"]),
    ),
    Template(
        (
            "One bell rings every {one} minutes, another every {two} minutes. They have just rung "
            "together. After how many minutes do both ring together again?",
            "A red light blinks every {one} seconds and a green one every {two} seconds. Both "
            "blink now. In how many seconds will that happen next?",
        ),
        draw_two(3, 14),
        lambda v: lcm(v["one"], v["two"]),
    ),
    Template(
        (
            "What is the sum of the decimal digits of {base}^{power}?",
            "Write out {base} to the power of {power} and add all its digits. What is the sum?",
        ),
        lambda rng: {"base": rng.randrange(2, 20), "power": rng.randrange(40, 200)},
        lambda v: sum(int(digit) for digit in str(v["base"] ** v["power"])),
    ),
    Template(
        (
            "How many whole numbers from 1 to {top} are divisible by {one} or by {two}, "
            "but not by both?",
            "Count the positive whole numbers up to {top} that are multiples of {one} or of {two} "
            "but not both.",
        ),
        draw_divisors,
        either_not_both,
    ),
    Template(
        (
            "In which year was the {building.name} of {building.town} completed?",
            "Give the year in which builders finished the {building.name} of {building.town}.",
        ),
        draw_building(0),
        lambda v: v["building"].completed,
    ),
    Template(
        (
            "In which year was the architect of the {building.name} of {building.town} born?",
            "Give the year of birth: when was the architect who designed the {building.name} of "
            "{building.town} born?",
        ),
        draw_building(1),
        lambda v: v["building"].born,
    ),
)
