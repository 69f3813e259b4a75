"""Stop a run: on Ctrl-C or a closed gate, once the calls in flight are answered.

A second Ctrl-C stops it immediately.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from training_free_grpo.compat import ignore_unwritten_checkpoints
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.threads import Threads

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The run was stopped from outside. All answers are saved."""


async def stop_on_interrupt(
    work: Coroutine[Any, Any, T], gate: StopGate, say: Callable[[str], None]
) -> T:
    """Do the work; on SIGINT or SIGTERM, let the calls inside the gate finish, then stop.

    Work stops in the same way if something else closes the gate. Raise why it was closed. To be
    used in the main thread, which gets the signals.
    """
    asyncio.get_running_loop().set_default_executor(Threads())
    task = asyncio.ensure_future(_ended_by(gate, work))
    with _Signals(task, gate, say).handled():
        return await task


async def _ended_by(gate: StopGate, work: Coroutine[Any, Any, T]) -> T:
    # LangGraph may be about to write a checkpoint; the journal has what it would hold.
    ignore_unwritten_checkpoints()
    async with gate.ending():
        return await work


class _Signals:
    """The first signal closes the gate, the second stops the work."""

    def __init__(
        self, task: "asyncio.Task[Any]", gate: StopGate, say: Callable[[str], None]
    ) -> None:
        self._task, self._gate, self._say = task, gate, say
        self._signalled = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals of the process during the work."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._handle)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _handle(self) -> None:
        if self._signalled:
            self._task.cancel()
            return
        self._signalled = True
        self._gate.close(Interrupted())
        self._say("stopping once the calls in flight are answered; press Ctrl-C again to stop now")
