"""Calls that may never end keep nobody waiting: a limit in time, and threads of their own.

Those of asyncio's pool are waited for when a loop or the process ends.
"""

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_AT_ONCE = 32

_places: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = WeakKeyDictionary()


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Return what is awaited; cancel it after so long, and raise TimeoutError that says so."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise TimeoutError(f"it took longer than {seconds:g} seconds") from None
        raise


async def run_in_thread(seconds: float, call: Callable[[], Any]) -> Any:
    """Return what the call returns; leave it to itself after so long, and raise TimeoutError.

    Waiting for one of the few places does not count.
    """
    loop = asyncio.get_running_loop()
    async with _places.setdefault(loop, asyncio.Semaphore(_AT_ONCE)):
        future: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()
        run = (_run, call, future)
        threading.Thread(target=context.run, args=run, name="grader", daemon=True).start()
        return await within(seconds, future)


def _run(call: Callable[[], Any], future: asyncio.Future[Any]) -> None:
    end: tuple[Callable[[Any], None], Any]
    try:
        end = (future.set_result, call())
    except StopIteration as error:
        # A future cannot carry this one: who awaits it would wait for ever.
        end = (future.set_exception, RuntimeError(f"StopIteration left the grader: {error}"))
    except BaseException as error:  # noqa: BLE001 - it is raised where the call is awaited
        end = (future.set_exception, error)
    with suppress(RuntimeError):  # the loop was closed: nobody waits any more
        future.get_loop().call_soon_threadsafe(_settle, future, *end)


def _settle(future: asyncio.Future[Any], set_end: Callable[[Any], None], end: Any) -> None:
    if not future.done():
        set_end(end)
