"""Tests are marked by what they need, so that `make quick` can leave out what takes its time."""

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from tests.needs import NEEDS, mark

# The same examples every time, and no clock: a busy machine fails nothing.
hypothesis.register_profile(
    "tests",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="only tests that need this process alone")


def pytest_configure(config: pytest.Config) -> None:
    for need, told in NEEDS.items():
        config.addinivalue_line("markers", f"{need}: the test {told}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        mark(item)
    if config.getoption("--quick"):
        left_out = [item for item in items if any(map(item.get_closest_marker, NEEDS))]
        items[:] = [item for item in items if not any(map(item.get_closest_marker, NEEDS))]
        config.hook.pytest_deselected(items=left_out)
