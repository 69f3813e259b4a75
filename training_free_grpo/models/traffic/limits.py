"""Limits on what is in flight at once.

LangGraph's own `max_concurrency` queues checkpoint writes behind waiting tasks, so finished
rollouts would not be durable; these semaphores are held inside the nodes instead.
"""

import asyncio
from weakref import WeakKeyDictionary

_limits: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], asyncio.Semaphore]]"
_limits = WeakKeyDictionary()


def limit(name: str, size: int) -> asyncio.Semaphore:
    """Return the semaphore of that name and size on the running loop: first come, first served."""
    here = _limits.setdefault(asyncio.get_running_loop(), {})
    return here.setdefault((name, size), asyncio.Semaphore(size))
