"""A time limit whose clock stands still while there is nothing to do but wait for a turn.

A rollout has a time to work in. What it waits behind others, or for an endpoint to come back, is
not its fault: counted in, a slow endpoint would turn into missing rollouts.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar

_running: ContextVar[asyncio.Timeout | None] = ContextVar("patience", default=None)


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    """Limit a block to seconds of its own; raises TimeoutError."""
    async with asyncio.timeout(seconds) as limit:
        token = _running.set(limit)
        try:
            yield limit
        finally:
            _running.reset(token)


@contextmanager
def off_the_clock() -> Iterator[None]:
    """Stop the clock of the block around this one."""
    limit, loop = _running.get(), asyncio.get_running_loop()
    due = limit.when() if limit else None
    if limit is None or due is None or limit.expired():
        yield
        return
    left = due - loop.time()
    limit.reschedule(None)
    try:
        yield
    finally:
        with suppress(RuntimeError):  # the block around this one was cancelled, and has ended
            limit.reschedule(loop.time() + left)


def give_back(seconds: float) -> None:
    """Put seconds back on the clock: a call that was lost in them took nothing of the work."""
    limit = _running.get()
    if limit is not None and (due := limit.when()) is not None and not limit.expired():
        limit.reschedule(due + seconds)
