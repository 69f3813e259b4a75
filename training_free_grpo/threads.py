"""Threads: a small pool for our own short calls, and an unlimited one for the user's code.

asyncio's own pool has a handful. The synchronous nodes of a user's agent would queue for it while
the time limit of their rollout runs, and hold up all writes to disk.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache, partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar
from weakref import WeakSet

from training_free_grpo.compat import default_executor

P = ParamSpec("P")
R = TypeVar("R")

_GRACE = 5.0
"""Seconds that the end of a loop waits for calls that are still running."""
_TICK = 0.01

_Job = tuple[Future[Any], Callable[[], Any]]


async def in_thread(function: Callable[P, R], *given: P.args, **options: P.kwargs) -> R:
    """Run a short call of our own in a thread, in the caller's context."""
    call = partial(copy_context().run, partial(function, *given, **options))
    return await asyncio.get_running_loop().run_in_executor(_ours(), call)


@cache
def _ours() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(32, (os.cpu_count() or 1) + 4), "training-free-grpo")


os.register_at_fork(after_in_child=_ours.cache_clear)


_apart: ContextVar[bool] = ContextVar("apart", default=False)
_loops: "WeakSet[asyncio.AbstractEventLoop]" = WeakSet()
"""The loops whose executor already separates the two kinds of calls."""


@contextmanager
def own_threads() -> Iterator[None]:
    """Run the functions passed to the running loop's executor in threads of their own.

    An agent's synchronous nodes and tools go there, many at once and each for as long as a model
    call takes. Functions from other callers still go to the loop's original executor.
    """
    loop = asyncio.get_running_loop()
    if loop not in _loops:
        _loops.add(loop)
        executor = default_executor(loop)
        if not isinstance(executor, Threads):
            loop.set_default_executor(_Divided(executor))
    token = _apart.set(True)
    try:
        yield
    finally:
        _apart.reset(token)


class Threads(ThreadPoolExecutor):
    """An unlimited pool as a loop's default: idle threads are reused, none delays an exit.

    The callers limit how much runs at once. A call that never returns keeps its thread, but neither
    the others nor the end of the process wait for it.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)  # asyncio accepts no executor of another class
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._counting = threading.Lock()
        self._free = 0
        self._running = 0

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run a call in an idle thread, or in a new one."""
        future: Future[R] = Future()
        with self._counting:
            self._running += 1
            known = self._free > 0
            self._free -= known
        self._jobs.put((future, partial(fn, *args, **kwargs)))
        if not known:
            threading.Thread(target=self._work, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait briefly for running calls; abandon those that have not ended by then."""
        end = time.monotonic() + _GRACE
        while wait and self._running and time.monotonic() < end:
            time.sleep(_TICK)

    def _work(self) -> None:
        while True:
            future, call = self._jobs.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001 - it is the caller's to handle
                    future.set_exception(error)
            del future, call
            with self._counting:
                self._running -= 1
                self._free += 1


class _Divided(ThreadPoolExecutor):
    """A loop's original executor, next to one for the calls of agents."""

    def __init__(self, before: Executor | None) -> None:
        super().__init__(max_workers=1)  # asyncio accepts no executor of another class
        self._before = before or ThreadPoolExecutor(thread_name_prefix="asyncio")
        self._agents = Threads()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run a call in its caller's executor."""
        executor = self._agents if _apart.get() else self._before
        return executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for running calls."""
        self._before.shutdown(wait, cancel_futures=cancel_futures)
        self._agents.shutdown(wait)
