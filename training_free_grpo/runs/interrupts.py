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


class Interrupted(Exception):
    """The run was stopped from outside. What was answered is saved."""


async def stop_on_interrupt(
    work: Coroutine[Any, Any, T], gate: StopGate, say: Callable[[str], None]
) -> T:
    """Do the work; on SIGINT or SIGTERM let the calls inside the gate finish, then stop.

    Work that somebody else closes the gate to ends in the same way. Raise why it was closed. To be
    used in the main thread, which gets the signals.
    """
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    loop.set_default_executor(Threads())
    signalled = False

    async def end() -> None:
        await gate.wait_for_the_end()
        # LangGraph may have been about to write a checkpoint; the journal has what it would hold.
        warnings.filterwarnings("ignore", "coroutine 'AsyncPregelLoop", RuntimeWarning)
        task.cancel()

    def interrupt() -> None:
        nonlocal signalled
        if signalled:
            task.cancel()
            return
        signalled = True
        gate.close(Interrupted())
        say("stopping as soon as the calls in flight are answered; Ctrl-C again stops now")

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, interrupt)
    ending = loop.create_task(end())
    try:
        return await task
    except asyncio.CancelledError:
        if gate.reason:
            raise gate.reason from None
        raise
    finally:
        ending.cancel()
        for number in signals:
            loop.remove_signal_handler(number)
