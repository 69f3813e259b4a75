from collections.abc import Iterator

import pytest

from tests.tools.web_search.engine import Engine, run_engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    with run_engine() as running:
        yield running


@pytest.fixture
def other_engine() -> Iterator[Engine]:
    with run_engine() as running:
        yield running


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TAVILY_API_KEY", "BRAVE_API_KEY", "SERPER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
