"""Charts as geometry: the positions of marks, lines and ticks of a curve over steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import NamedTuple

_RIGHT, _TOP, _BOTTOM = 14, 14, 28
_MOST_LABELS = 10
_MOST_CIRCLES = 40
"""Maximum number of steps with their own circles and intervals; more would overlap."""


class Point(NamedTuple):
    """The value at a step; None if there is none."""

    step: int
    value: float | None
    interval: tuple[float, float] | None = None


class Tick(NamedTuple):
    """A place on an axis."""

    at: float
    label: str


class Mark(NamedTuple):
    """A measured value, with its interval and label."""

    x: float
    y: float
    low: float
    high: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A curve over steps, in the units of its drawing."""

    title: str
    width: int
    height: int
    marks: Sequence[Mark]
    line: str
    band: str
    """The intervals as one area; empty where there are none."""
    steps: Sequence[Tick]
    values: Sequence[Tick]
    left: int

    @property
    def right(self) -> int:
        """Return where the plot ends."""
        return self.width - _RIGHT

    @property
    def crowded(self) -> bool:
        """Tell whether there are too many marks to draw each."""
        return len(self.marks) > _MOST_CIRCLES

    @property
    def base(self) -> int:
        """Return where the steps are written."""
        return self.height - _BOTTOM


def draw(
    title: str,
    points: Sequence[Point],
    write: Callable[[float], str],
    size: tuple[int, int, int] = (340, 170, 46),
    least: float = 0.0,
    most: float = 0.0,
) -> Chart:
    """Draw a curve; its axis covers every value, and the range from `least` to `most`.

    The size is that of the whole drawing, and of the margin in which the values are written.
    """
    known = [(p, p.value, p.interval or (p.value, p.value)) for p in points if p.value is not None]
    ends = [least, most, *(end for *_, interval in known for end in interval)]
    values = round_numbers(min(ends), max(ends))
    width, height, left = size

    def across(step: int) -> float:
        first, last = points[0].step, points[-1].step
        place = (step - first) / (last - first) if last > first else 0.5
        return round(left + 12 + place * (width - left - _RIGHT - 24), 1)

    def up(value: float) -> float:
        share = (value - values[0]) / (values[-1] - values[0])
        return round(height - _BOTTOM - share * (height - _BOTTOM - _TOP), 1)

    marks = [
        Mark(across(p.step), up(value), up(low), up(high), describe_point(p, value, write))
        for p, value, (low, high) in known
    ]
    bounded = [m for m in marks if m.low != m.high]
    around = [(m.x, m.high) for m in bounded] + [(m.x, m.low) for m in reversed(bounded)]
    every = round_distance(len(points))
    return Chart(
        title=title,
        width=width,
        height=height,
        marks=marks,
        line=path([(m.x, m.y) for m in marks]),
        band=path(around) + "Z" if len(bounded) > 1 else "",
        steps=[Tick(across(p.step), str(p.step)) for p in points if p.step % every == 0],
        values=[Tick(up(value), write(value)) for value in values],
        left=left,
    )


def round_distance(steps: int) -> int:
    """Return the number of steps between labels: 1, 2, 5, 10, 20, …."""
    unit = 1
    while True:
        for distance in (unit, 2 * unit, 5 * unit):
            if distance * _MOST_LABELS >= steps:
                return distance
        unit *= 10


def describe_point(point: Point, value: float, write: Callable[[float], str]) -> str:
    """Describe a mark."""
    between = ""
    if point.interval:
        between = f" (95 % interval {write(point.interval[0])} to {write(point.interval[1])})"
    return f"step {point.step}: {write(value)}{between}"


def path(places: Sequence[tuple[float, float]]) -> str:
    """Write a line through places as the data of an SVG path."""
    return "M" + "L".join(f"{x} {y}" for x, y in places) if places else ""


def round_numbers(low: float, high: float) -> list[float]:
    """Return about four evenly spaced round numbers that cover a range."""
    span = (high - low) or 1.0
    unit = 10 ** floor(log10(span / 4))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if span / (unit * m) <= 4.0001)
    first, last = floor(low / step + 1e-9), ceil((low + span) / step - 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]
