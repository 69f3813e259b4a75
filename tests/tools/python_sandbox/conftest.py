"""Sandboxes of every kind that this machine offers."""

import warnings
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from training_free_grpo.tools.python_sandbox import PythonSandbox, SandboxUnavailable

Isolation = Literal["namespaces", "bubblewrap", "landlock", "none"]
ISOLATIONS: list[Isolation] = ["namespaces", "bubblewrap", "landlock", "none"]


@pytest.fixture(scope="session", params=ISOLATIONS)
def isolation(request: pytest.FixtureRequest) -> Isolation:
    """Each kind of walls in turn."""
    kind: Isolation = request.param
    return kind


@pytest.fixture(scope="session")
def sandbox(isolation: Isolation) -> Iterator[PythonSandbox]:
    """A sandbox whose runs have time."""
    with open_sandbox(isolation, timeout=20) as opened:
        yield opened


@pytest.fixture(scope="session")
def hasty(isolation: Isolation) -> Iterator[PythonSandbox]:
    """A sandbox whose runs have a second."""
    with open_sandbox(isolation, timeout=1) as opened:
        yield opened


def open_sandbox(isolation: Isolation, **options: Any) -> PythonSandbox:
    """Open a sandbox that is up at once, for it imports nothing."""
    options = {"preimport": (), "warm_up": ""} | options
    if isolation == "none":
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "unsafe_local", RuntimeWarning)
            return PythonSandbox(unsafe_local=True, **options).start()
    try:
        return PythonSandbox(isolation=isolation, **options).start()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
