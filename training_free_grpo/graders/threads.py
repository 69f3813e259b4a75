"""Time limits for calls that may never end, in threads that nothing waits for.

A closing loop or an ending process waits for the threads of asyncio's own pool.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from training_free_grpo.threads import Threads

T = TypeVar("T")

_AT_ONCE = 32

_places: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = WeakKeyDictionary()


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Await the result; cancel it after a time limit, and raise TimeoutError with the limit."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise TimeoutError(f"it took longer than {seconds:g} seconds") from None
        raise


async def run_in_thread(seconds: float, call: Callable[[], Any]) -> Any:
    """Return the result of the call; abandon it after a time limit, and raise TimeoutError.

    The wait for one of the few slots does not count.
    """
    loop, run = asyncio.get_running_loop(), copy_context().run
    async with _places.setdefault(loop, asyncio.Semaphore(_AT_ONCE)):
        return await within(seconds, loop.run_in_executor(_threads(), run, _run, call))


@cache
def _threads() -> Threads:
    return Threads()


os.register_at_fork(after_in_child=_threads.cache_clear)


def _run(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except StopIteration as error:
        # asyncio cannot pass this one out of a thread: the caller would wait forever.
        raise RuntimeError(f"StopIteration left the grader: {error}") from error
