"""One event loop, in one thread, on which all pages are read for all callers."""

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from training_free_grpo.tools.forks import start_again_after_fork

T = TypeVar("T")

# Threads wait for name resolution, and a hostile name server answers late.
_THREADS = 64


class _Background:
    """The loop and its thread, started on first use; a forked child starts its own."""

    def __init__(self) -> None:
        self._parents: list[asyncio.AbstractEventLoop] = []
        """Old loops, kept because collecting a parent's loop would close what both processes share.
        """
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()

    def after_fork(self) -> None:
        """Leave the loop to the parent."""
        self._parents += [self._loop] if self._loop else []
        self._loop, self._starting = None, threading.Lock()

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop."""
        with self._starting:
            self._loop = self._loop or _start()
            return self._loop


_background = start_again_after_fork(_Background())


def start(coroutine: Coroutine[Any, Any, T]) -> Future[T]:
    """Start a coroutine on the loop."""
    return asyncio.run_coroutine_threadsafe(coroutine, _background.loop())


def _start() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "web-page"))
    thread = threading.Thread(target=loop.run_forever, name="web-page", daemon=True)
    thread.start()
    atexit.register(_close, os.getpid(), loop, thread)
    return loop


def _close(process: int, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if process != os.getpid():  # a forked child has inherited this call, but not the thread
        return
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=5)
    loop.close()
