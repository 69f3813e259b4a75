"""How a run is stopped: by Ctrl-C or a closed gate when the calls in flight are answered.

A second Ctrl-C stops it now.
"""

import asyncio
import signal
import warnings
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.threads import Threads

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The run was stopped from outside. What was answered is saved."""


async def stop_when_closed(work: Coroutine[Any, Any, T] | asyncio.Task[T], gate: StopGate) -> T:
    """Do the work; once the gate is closed, let the calls inside it finish, then stop.

    Raise why it was closed.
    """
    task = asyncio.ensure_future(work)
    ending = asyncio.create_task(_end(task, gate))
    try:
        return await task
    except asyncio.CancelledError:
        if gate.reason:
            raise gate.reason from None
        raise
    finally:
        ending.cancel()


async def _end(task: asyncio.Task[Any], gate: StopGate) -> None:
    await gate.wait_for_the_end()
    # LangGraph may have been about to write a checkpoint; the journal has what it would hold.
    warnings.filterwarnings("ignore", "coroutine 'AsyncPregelLoop", RuntimeWarning)
    task.cancel()


async def stop_on_interrupt(
    work: Coroutine[Any, Any, T], gate: StopGate, say: Callable[[str], None]
) -> T:
    """Do the work; on SIGINT or SIGTERM let the calls inside the gate finish, then stop.

    Work that somebody else closes the gate to ends in the same way. Raise why it was closed. To be
    used in the main thread, which gets the signals.
    """
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    loop.set_default_executor(Threads())
    with Signals(task, gate, say):
        return await stop_when_closed(task, gate)


class Signals:
    """Closes the gate on the first signal to end, and cancels the work on the second."""

    def __init__(self, task: asyncio.Task[Any], gate: StopGate, say: Callable[[str], None]) -> None:
        self._task, self._gate, self._say = task, gate, say
        self._loop = asyncio.get_running_loop()
        self._signalled = False

    def __enter__(self) -> None:
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._handle)

    def __exit__(self, *error: object) -> None:
        for number in _SIGNALS:
            self._loop.remove_signal_handler(number)

    def _handle(self) -> None:
        if self._signalled:
            self._task.cancel()
            return
        self._signalled = True
        self._gate.close(Interrupted())
        self._say("stopping as soon as the calls in flight are answered; Ctrl-C again stops now")
