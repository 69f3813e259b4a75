"""A gate that every model call passes: closed, it lets nothing new begin.

What is in flight is paid for, so a run that is to stop waits for it to be answered and written
down, and begins nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager


class Gate:
    """Counts the calls inside. Use one per run, on one event loop."""

    def __init__(self) -> None:
        self._closed = False
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def close(self) -> None:
        """Let no further request begin; who asks waits until it is cancelled."""
        self._closed = True

    async def wait_until_empty(self) -> None:
        """Wait until every call inside has its answer, and has kept it."""
        await self._empty.wait()

    @contextmanager
    def passage(self) -> Iterator[Callable[[], Awaitable[None]]]:
        """Yield what to await before each request; once let in, a call counts until the end."""
        counted = False

        async def enter() -> None:
            nonlocal counted
            if self._closed:
                self._count(-counted)
                counted = False
                await asyncio.get_running_loop().create_future()
            self._count(not counted)
            counted = True

        try:
            yield enter
        finally:
            self._count(-counted)

    def _count(self, more: int) -> None:
        self._inside += more
        if self._inside:
            self._empty.clear()
        else:
            self._empty.set()
