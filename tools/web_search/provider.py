"""The interface of web search: a query in, results or an error for the model or operator out."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import NotRequired, TypedDict


class SearchResult(TypedDict):
    """One hit. `source` names the provider that found it."""

    title: str
    url: str
    snippet: str
    source: str
    published: NotRequired[str]
    """An ISO date, if the provider gives one."""
    leak: NotRequired[bool]
    """True if the text quotes a problem together with its answer."""


SearchProvider = Callable[[str, int], list[SearchResult]]
"""Takes a query and the maximum number of results; returns the results, best first.

An empty list means that there are none. A provider that cannot distinguish that from a refusal
raises SearchError.
"""


class SearchError(Exception):
    """A search failed. The message is shown to the model."""


class RateLimited(SearchError):
    """A provider is rate limited, for `retry_after` seconds if it says so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SearchSetupError(Exception):
    """A provider cannot work until its operator fixes it. Never shown to the model."""


@dataclass(frozen=True, eq=False, repr=False)
class Named:
    """A provider whose repr shows what its answers depend on: the engine and options, no key."""

    name: str
    search: SearchProvider
    check: Callable[[], object] = lambda: None
    """Raise SearchSetupError if no search can be made because a key is missing."""

    def __call__(self, query: str, max_results: int) -> list[SearchResult]:
        """Search."""
        return self.search(query, max_results)

    def __repr__(self) -> str:
        return self.name


def check_provider(provider: SearchProvider) -> None:
    """Raise SearchSetupError if a provider is known to lack its key; sends no request."""
    if isinstance(provider, Named):
        provider.check()


def spell(engine: str, **options: object) -> str:
    """Write the call that makes a provider, with the options that are set."""
    chosen = (f"{key}={value!r}" for key, value in options.items() if value is not None)
    return f"{engine}({', '.join(chosen)})"


def describe_provider(provider: SearchProvider) -> str:
    """Name a provider: a function by its module and name, anything else by its repr."""
    if inspect.isfunction(provider):
        return f"{provider.__module__}.{provider.__qualname__}"
    return repr(provider)
