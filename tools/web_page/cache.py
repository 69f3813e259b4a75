"""Cache pages for a while, so that the next part of a page needs no second fetch."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """Values by key, on one event loop: loads in flight are shared, failures are not cached.

    When their total size exceeds `max_size`, the least recently used values are dropped.
    """

    def __init__(self, max_size: int, seconds: float, size: Callable[[T], int]) -> None:
        self._max_size = max_size
        self._seconds = seconds
        self._size = size
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._loading: dict[str, asyncio.Task[T]] = {}

    def forget_loads(self) -> None:
        """Forget the loads in flight: a forked child does not run them."""
        self._loading.clear()

    async def get(self, key: str, load: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the cached value of the key, or load it."""
        if key in self._kept:
            expires, value = self._kept[key]
            if time.monotonic() < expires:
                self._kept.move_to_end(key)
                return value
        if key not in self._loading:
            task = self._loading[key] = asyncio.create_task(self._load(key, load))
            # A failure that nobody waits for any more need not be reported.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # A caller that stops waiting must not cancel the load for the others.
        return await asyncio.shield(self._loading[key])

    async def _load(self, key: str, load: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            value = await load()
        finally:
            del self._loading[key]
        self._keep(key, value)
        return value

    def _keep(self, key: str, value: T) -> None:
        self._kept[key] = (time.monotonic() + self._seconds, value)
        self._kept.move_to_end(key)
        while sum(self._size(value) for _, value in self._kept.values()) > self._max_size:
            self._kept.popitem(last=False)
