"""Run coroutines for callers without an event loop, on one loop in one thread per process.

A graph is asynchronous. `graph.ainvoke` runs on the caller's loop; `graph.invoke`, from a script, a
worker thread or a notebook whose own loop is busy, waits for this one. A caller that stops waiting,
for example because of Ctrl-C, cancels the call, so that the two behave alike.

This is anyio's blocking portal with three differences: a cancellation is delivered once, as in
asyncio, so that LangGraph can still write its checkpoints; a forked child starts a loop of its own;
and the end of the process cancels what is still running.
"""

import asyncio
import atexit
import os
import sys
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from concurrent import futures
from concurrent.futures import Future
from contextvars import Context, copy_context
from typing import Any, Generic, TypeVar

from training_free_grpo.compat import at_exit_of_threads
from training_free_grpo.threads import Threads

T = TypeVar("T")

_NAME = "training-free-grpo"
_PATIENCE = 5.0
"""Seconds that the end of the process waits for cancelled work."""
_TICK = 0.1
_END = object()


def run_sync(coroutine: Coroutine[Any, Any, T], context: Context | None = None) -> T:
    """Run a coroutine to its end on the background loop; an interrupted caller cancels it.

    It runs in `context`, by default a copy of the caller's. Raise RuntimeError on that loop itself,
    where it would deadlock.
    """
    if threading.current_thread().name == _NAME:
        coroutine.close()
        raise RuntimeError("this is called by a graph's own coroutine: await ainvoke instead")
    return _Call(background_loop(), coroutine, context or copy_context()).wait()


def iterate_sync(stream: AsyncGenerator[T, None]) -> Iterator[T]:
    """Iterate over an asynchronous generator on the background loop; closing this closes it."""
    context = copy_context()

    async def advance() -> T | object:
        return await anext(stream, _END)

    try:
        while (item := run_sync(advance(), context)) is not _END:
            yield item  # type: ignore[misc]
    finally:
        run_sync(_close_stream(stream), context)


async def _close_stream(stream: AsyncGenerator[Any, None]) -> None:
    if not getattr(
        stream, "ag_running", False
    ):  # a second Ctrl-C does not wait for the first to take effect
        await stream.aclose()


class _Call(Generic[T]):
    """A coroutine on the background loop, and the caller who waits for it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], context: Context
    ) -> None:
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self._ended: Future[T] = Future()
        loop.call_soon_threadsafe(self._start, coroutine, context)

    def wait(self) -> T:
        """Wait for the end; if interrupted, cancel the call and wait for it to end first."""
        try:
            if (caller := _task_here()) is not None:
                self._watch(caller)
            return self._ended.result()
        except BaseException:
            if not self._ended.done():
                self._loop.call_soon_threadsafe(self._cancel)
                self._ended.exception()
            raise

    def _watch(self, caller: asyncio.Task[Any]) -> None:
        """Wait in a coroutine that blocks its own loop: Ctrl-C can only mark its task."""
        marked = caller.cancelling()
        while not futures.wait([self._ended], timeout=_TICK).done:
            if caller.cancelling() > marked:
                raise asyncio.CancelledError

    def _start(self, coroutine: Coroutine[Any, Any, T], context: Context) -> None:
        self._task = self._loop.create_task(coroutine, context=context)
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self._ended.set_exception(asyncio.CancelledError())
        elif error := task.exception():
            self._ended.set_exception(error)
        else:
            self._ended.set_result(task.result())


def _task_here() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class _Background:
    """The loop and its thread, started on first use."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop."""
        with self._starting:
            if self._loop is None:
                self._loop = self._start()
            return self._loop

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        loop.set_default_executor(Threads())
        thread = threading.Thread(target=loop.run_forever, name=_NAME, daemon=True)
        thread.start()
        at_exit_of_threads(_stop_interrupted, loop)
        atexit.register(_close, os.getpid(), loop, thread)
        return loop


def _stop_interrupted(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what other threads wait for once Ctrl-C has ended the main thread."""
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(timeout=_PATIENCE)


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_PATIENCE)


def _close(process: int, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if process != os.getpid():  # a forked child has inherited this call, but not the thread
        return

    async def end() -> None:
        await _cancel_all()
        # Async generators hold the HTTP clients: ending them closes the connections.
        await loop.shutdown_asyncgens()

    asyncio.run_coroutine_threadsafe(end(), loop).result(timeout=2 * _PATIENCE)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=_PATIENCE)
    loop.close()


_background = _Background()
_parents: list[_Background] = []
"""Old loops, kept because collecting a parent's loop would close what both processes share."""


def background_loop() -> asyncio.AbstractEventLoop:
    """Return the loop, which starts on first use and ends with the process."""
    return _background.loop()


def _forget() -> None:
    """Forget the parent's loop: a forked child has none of its threads."""
    global _background
    _parents.append(_background)
    _background = _Background()


os.register_at_fork(after_in_child=_forget)
