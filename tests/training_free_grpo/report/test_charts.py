"""The geometry of the report's charts."""

import pytest

from training_free_grpo.report.charts import Point, draw, round_numbers


@pytest.mark.parametrize(
    ("low", "high", "numbers"),
    [
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (0, 0.37, [0, 0.1, 0.2, 0.3, 0.4]),
        (0, 14, [0, 5, 10, 15]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (0, 185_000, [0, 50_000, 100_000, 150_000, 200_000]),
        (0, 0, [0, 0.25, 0.5, 0.75, 1]),
    ],
)
def test_axis_has_round_numbers_that_hold_the_range(
    low: float, high: float, numbers: list[float]
) -> None:
    assert round_numbers(low, high) == numbers


def test_better_is_higher_and_later_is_further_right() -> None:
    chart = draw("Reward", [Point(1, 0.2), Point(2, 0.8)], str, most=1.0)
    first, second = chart.marks
    assert first.x < second.x
    assert first.y > second.y


def test_all_that_is_drawn_lies_inside_the_plot() -> None:
    points = [Point(1, 0.0, (0.0, 0.3)), Point(2, 1.0, (0.6, 1.0))]
    chart = draw("Reward", points, str, most=1.0)
    for mark in chart.marks:
        assert chart.left <= mark.x <= chart.right
        assert 0 <= mark.high <= mark.y <= mark.low <= chart.base


def test_a_step_without_a_value_has_no_mark_but_its_place() -> None:
    chart = draw("Reward", [Point(1, 0.2), Point(2, None), Point(3, 0.4)], str)
    assert [mark.label for mark in chart.marks] == ["step 1: 0.2", "step 3: 0.4"]
    assert [tick.label for tick in chart.steps] == ["1", "2", "3"]


def test_a_single_step_stands_in_the_middle() -> None:
    chart = draw("Reward", [Point(1, 0.5)], str, most=1.0)
    assert chart.marks[0].x == pytest.approx((chart.left + chart.right) / 2, abs=0.1)


@pytest.mark.parametrize(
    ("steps", "first", "labels"), [(100, "10", 10), (7, "1", 7), (140, "20", 7)]
)
def test_of_many_steps_round_numbers_are_labelled(steps: int, first: str, labels: int) -> None:
    chart = draw("Reward", [Point(n, n / steps) for n in range(1, steps + 1)], str)
    assert len(chart.marks) == steps
    assert (chart.steps[0].label, len(chart.steps)) == (first, labels)


def test_marks_of_very_many_steps_are_not_drawn_one_by_one() -> None:
    few, many = (draw("Reward", [Point(n, 0.5) for n in range(1, most)], str) for most in (20, 100))
    assert (few.crowded, many.crowded) == (False, True)
