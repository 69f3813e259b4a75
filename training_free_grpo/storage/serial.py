"""One thread for one file: all actions that wait for it run in one go.

A hop to a thread and back costs an event loop more than most of what is done there. Under load
many actions wait at once; they share one hop, and one transaction if the file has transactions.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Job(NamedTuple):
    action: Callable[[], Any]
    future: asyncio.Future[Any]

    def finish(self, outcome: "_Outcome") -> None:
        if self.future.done():  # cancelled meanwhile
            return
        if outcome.error:
            self.future.set_exception(outcome.error)
        else:
            self.future.set_result(outcome.result)


class _Outcome(NamedTuple):
    result: Any
    error: BaseException | None = None


class SerialThread:
    """Runs actions one after the other, in the order in which they are asked for.

    With a `transaction`, actions that run in one go succeed or fail together; without, each fails
    alone. Use it from any event loop.
    """

    def __init__(
        self,
        executor: Executor,
        transaction: Callable[[], AbstractContextManager[object]] | None = None,
    ) -> None:
        self._executor = executor
        self._transaction = transaction
        self._lock = threading.Lock()
        self._waiting: list[_Job] = []
        self._running = False

    async def run(self, action: Callable[P, T], *given: P.args, **options: P.kwargs) -> T:
        """Run an action in the thread and return its result."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(_Job(partial(action, *given, **options), future))
            if not self._running:
                self._executor.submit(self._work)
                self._running = True
        return await future

    def _work(self) -> None:
        while jobs := self._take():
            done = self._run_together(jobs) if self._transaction else [attempt(j) for j in jobs]
            by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Job, _Outcome]]] = {}
            for job, outcome in zip(jobs, done, strict=True):
                by_loop.setdefault(job.future.get_loop(), []).append((job, outcome))
            for loop, finished in by_loop.items():
                with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                    loop.call_soon_threadsafe(finish, finished)

    def _take(self) -> list[_Job]:
        with self._lock:
            jobs, self._waiting = self._waiting, []
            self._running = bool(jobs)
        return jobs

    def _run_together(self, jobs: Sequence[_Job]) -> list[_Outcome]:
        assert self._transaction is not None
        try:
            with self._transaction():
                return [_Outcome(job.action()) for job in jobs]
        except BaseException as error:  # noqa: BLE001 - it is for whoever waits to handle
            return [_Outcome(None, error)] * len(jobs)


def attempt(job: _Job) -> _Outcome:
    """Run an action whose failure concerns nobody else."""
    try:
        return _Outcome(job.action())
    except BaseException as error:  # noqa: BLE001 - it is for whoever waits to handle
        return _Outcome(None, error)


def finish(finished: Sequence[tuple[_Job, _Outcome]]) -> None:
    """Wake those who wait, on their own loop."""
    for job, outcome in finished:
        job.finish(outcome)
