"""Run coroutines for callers without an event loop: one loop, in one thread, for the process.

A node of a graph is one coroutine function. `graph.ainvoke` awaits it on the caller's loop;
`graph.invoke`, from a script, a worker thread or a notebook whose own loop is busy, waits here.
"""

import asyncio
import atexit
import contextvars
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

from training_free_grpo.threads import Threads

T = TypeVar("T")

_NAME = "training-free-grpo"
_starting = threading.Lock()


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on the background loop, in the caller's context.

    Raise RuntimeError on that loop itself, which would wait for its own next turn for ever.
    """
    if threading.current_thread().name == _NAME:
        coroutine.close()
        raise RuntimeError("this is called by a graph's own coroutine: await ainvoke instead")
    context = contextvars.copy_context()

    async def in_context() -> T:
        return await asyncio.create_task(coroutine, context=context)

    return asyncio.run_coroutine_threadsafe(in_context(), background_loop()).result()


def background_loop() -> asyncio.AbstractEventLoop:
    """Start the loop at its first use; it ends with the process."""
    with _starting:
        return _start_loop()


@cache
def _start_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(Threads())
    thread = threading.Thread(target=loop.run_forever, name=_NAME, daemon=True)
    thread.start()
    atexit.register(_close, loop, thread)
    return loop


def _close(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    # Async generators hold the HTTP clients: ending them closes the connections.
    asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result(timeout=5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=5)
    loop.close()
