"""Kill -9 at random moments: one of the points that `python -m benchmarks.crash` tries."""

import pytest

from benchmarks.crash import Point, measure
from tests.job import WIDTH


@pytest.fixture(scope="module")
def points() -> list[Point]:
    return measure(1, seed=5, database=None, tell=lambda number, point: None)


def test_the_runs_were_killed(points: list[Point]) -> None:
    assert all(point.kills for point in points)


def test_only_calls_in_flight_are_paid_again(points: list[Point]) -> None:
    for point in points:
        assert point.paid_again <= sum(point.lost)
        assert all(lost <= 2 * WIDTH for lost in point.lost)


@pytest.mark.parametrize("what", ["library", "rewards", "ledger"])
def test_a_killed_run_gives_the_same_result(points: list[Point], what: str) -> None:
    assert all(point.equal[what] for point in points)


def test_killed_processes_leave_none_behind(points: list[Point]) -> None:
    assert not any(point.processes for point in points)


def test_killed_processes_leave_no_files_behind(points: list[Point]) -> None:
    assert not any(point.folders or point.files for point in points)
