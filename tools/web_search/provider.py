"""The seam of web search: from a query to results, or to an error that says who can help."""

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
    """An ISO date, where the provider says one."""
    leak: NotRequired[bool]
    """True where the text quotes a problem together with its answer."""


SearchProvider = Callable[[str, int], list[SearchResult]]
"""From a query and the most results wanted to the results, best first.

An empty list says that there are none. Who cannot tell that from a refusal raises SearchError.
"""


class SearchError(Exception):
    """A search that could not be made. The message is shown to the model."""


class RateLimited(SearchError):
    """A provider that wants to be asked later, `retry_after` seconds from now where it says so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SearchSetupError(Exception):
    """A provider that cannot work until its operator mends it. Never shown to the model."""


@dataclass(frozen=True, eq=False, repr=False)
class Named:
    """A provider whose repr says what its answers depend on: the engine and options, no key."""

    name: str
    search: SearchProvider
    check: Callable[[], object] = lambda: None
    """Raises SearchSetupError where a search could not be made for want of a key."""

    def __call__(self, query: str, max_results: int) -> list[SearchResult]:
        """Search."""
        return self.search(query, max_results)

    def __repr__(self) -> str:
        return self.name


def check_provider(provider: SearchProvider) -> None:
    """Raise SearchSetupError if a provider is known to lack its key; asks nobody."""
    if isinstance(provider, Named):
        provider.check()


def spell(engine: str, **options: object) -> str:
    """Write the call that makes a provider, with the options that are set."""
    chosen = (f"{key}={value!r}" for key, value in options.items() if value is not None)
    return f"{engine}({', '.join(chosen)})"


def describe_provider(provider: SearchProvider) -> str:
    """Name a provider: a function by its place, anything else by its repr."""
    if inspect.isfunction(provider):
        return f"{provider.__module__}.{provider.__qualname__}"
    return repr(provider)
