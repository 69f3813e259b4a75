"""Restart resources in forked children: threads, locks, loops and processes stay in the parent.

A tool is often made when a module is imported, and the server forks its workers afterwards
(`gunicorn --preload`, `multiprocessing` with "fork").
"""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, Protocol, TypeVar
from weakref import WeakSet

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound="Forkable")


class Forkable(Protocol):
    """A holder of resources that a forked child does not have."""

    def after_fork(self) -> None:
        """Restart, in the child; leave the parent's resources alone."""


_alive: "WeakSet[Any]" = WeakSet()


def start_again_after_fork(thing: F) -> F:
    """Restart an object in forked children, as long as it lives."""
    _alive.add(thing)
    return thing


def _start_again() -> None:
    for thing in list(_alive):
        thing.after_fork()


os.register_at_fork(after_in_child=_start_again)


class Pool(Executor):
    """A thread pool that also works in forked children."""

    def __init__(self, size: int, name: str) -> None:
        self._size, self._name = size, name
        self.after_fork()
        start_again_after_fork(self)

    def after_fork(self) -> None:
        """Use new threads."""
        self._threads = ThreadPoolExecutor(self._size, self._name)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a call in a thread."""
        return self._threads.submit(fn, *args, **kwargs)
