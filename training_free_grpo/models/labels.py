"""What traces are found by: the names and labels that every model call and rollout carries.

LangChain hands them to its callbacks: to LangSmith, OpenTelemetry or a handler of one's own where
the environment or the caller asks for that, and to nobody else.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from langchain_core.runnables import RunnableConfig

_LABELS: ContextVar[Mapping[str, Any]] = ContextVar("labels", default=MappingProxyType({}))


@contextmanager
def labelled(**labels: Any) -> Iterator[None]:
    """Add labels to all that is called within: the step, the problem, the attempt."""
    token = _LABELS.set({**_LABELS.get(), **labels})
    try:
        yield
    finally:
        _LABELS.reset(token)


def traced_as(role: str) -> RunnableConfig:
    """Return the config of a call in a role, with the labels in force."""
    return {"run_name": role, "tags": [role], "metadata": {**_LABELS.get(), "role": role}}
