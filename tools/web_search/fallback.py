"""Ask providers in turn; one that is rate limited rests."""

import threading
import time
from collections.abc import Callable

from training_free_grpo.tools.web_search.provider import (
    Named,
    RateLimited,
    SearchError,
    SearchProvider,
    SearchResult,
    describe_provider,
)

_FIRST_REST = 0.5
_LONGEST_REST = 60.0


def fallback(
    *providers: SearchProvider,
    patience: float = 30.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> SearchProvider:
    """Ask the first provider, and on SearchError the next; raise one that names every reason.

    A provider that is rate limited is skipped until it may be asked again. If no other answers, the
    chain waits for it, `patience` seconds at most.
    """
    if not providers:
        raise ValueError("fallback() has no provider: pass at least one")
    members = [_Member(provider, clock) for provider in providers]

    def search(query: str, max_results: int) -> list[SearchResult]:
        deadline = clock() + patience
        while True:
            errors = []
            for member in members:
                try:
                    return member.ask(query, max_results)
                except SearchError as error:
                    errors.append(error)
            waits = [error.retry_after or 0 for error in errors if isinstance(error, RateLimited)]
            if not waits or clock() + min(waits) > deadline:
                raise SearchError("; ".join(map(str, errors)))
            sleep(min(waits))

    return Named(f"fallback({', '.join(map(describe_provider, providers))})", search)


class _Member:
    """A provider of a chain, and how long to skip it."""

    def __init__(self, provider: SearchProvider, clock: Callable[[], float]) -> None:
        self._provider = provider
        self._clock = clock
        self._rests_until = 0.0
        self._refusals = 0
        self._reason = ""
        self._lock = threading.Lock()

    def rest(self) -> float:
        """Return the seconds until it may be asked again."""
        return max(0.0, self._rests_until - self._clock())

    def ask(self, query: str, max_results: int) -> list[SearchResult]:
        """Ask the provider, unless it rests."""
        if not self.rest():
            try:
                results = self._provider(query, max_results)
            except RateLimited as error:
                self._refused(error)
            else:
                self._refusals = 0
                return results
        rest = self.rest()
        raise RateLimited(f"{self._reason} (again in {rest:.0f} s)", rest)

    def _refused(self, error: RateLimited) -> None:
        with self._lock:
            # Of many simultaneous refusals, only one makes the next rest longer.
            if not self.rest():
                self._refusals += 1
            backoff = min(_FIRST_REST * 2 ** (self._refusals - 1), _LONGEST_REST)
            rest = max(error.retry_after or 0.0, backoff)
            self._rests_until = max(self._rests_until, self._clock() + rest)
            self._reason = str(error)
