"""One event loop, in one thread, on which all pages are read, whoever waits for them."""

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

# Threads wait for names to be resolved, and a hostile name server answers late.
_THREADS = 64

_lock = threading.Lock()


def start(coroutine: Coroutine[Any, Any, T]) -> Future[T]:
    """Start a coroutine on the loop."""
    with _lock:
        loop = _loop()
    return asyncio.run_coroutine_threadsafe(coroutine, loop)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Start the loop at its first use; it ends with the process."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "web-page"))
    thread = threading.Thread(target=loop.run_forever, name="web-page", daemon=True)
    thread.start()
    atexit.register(_close, loop, thread)
    return loop


def _close(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=5)
    loop.close()
