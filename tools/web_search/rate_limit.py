"""Limit the rate at which a provider is called."""

import threading
import time
from collections.abc import Callable

from training_free_grpo.tools.web_search.provider import (
    Named,
    RateLimited,
    SearchProvider,
    SearchResult,
    describe_provider,
)


def rate_limited(
    provider: SearchProvider,
    *,
    per_second: float,
    patience: float = 30.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> SearchProvider:
    """Space out the searches of this process; raise RateLimited instead of waiting for longer.

    0.5 per second is one every two seconds.
    """
    if not per_second > 0:
        raise ValueError(f"per_second={per_second!r}: give a number above 0")
    turns = _Turns(1 / per_second, patience, clock)

    def search(query: str, max_results: int) -> list[SearchResult]:
        sleep(turns.take())
        return provider(query, max_results)

    # Its answers are the provider's, so it has the provider's name.
    return Named(describe_provider(provider), search)


class _Turns:
    """Turns separated by a gap."""

    def __init__(self, gap: float, patience: float, clock: Callable[[], float]) -> None:
        self._gap = gap
        self._patience = patience
        self._clock = clock
        self._next = 0.0
        self._lock = threading.Lock()

    def take(self) -> float:
        """Return the seconds until the caller's turn."""
        with self._lock:
            now = self._clock()
            wait = max(0.0, self._next - now)
            if wait > self._patience:
                raise RateLimited("Too many searches wait for their turn", wait)
            self._next = now + wait + self._gap
            return wait
