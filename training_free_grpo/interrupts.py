"""What Ctrl-C does to a run: once, it stops when the calls in flight are answered; twice, now."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from training_free_grpo.models.gate import Gate

T = TypeVar("T")


class Interrupted(Exception):
    """The run was stopped from outside. What was answered is saved."""


async def stop_on_interrupt(
    work: Coroutine[Any, Any, T], gate: Gate, say: Callable[[str], None]
) -> T:
    """Do the work; on SIGINT or SIGTERM let the calls inside the gate finish, then stop.

    Raise Interrupted if it was stopped. To be used in the main thread, which gets the signals.
    """
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    endings: list[asyncio.Task[None]] = []

    async def end() -> None:
        await gate.wait_until_empty()
        task.cancel()

    def interrupt() -> None:
        if endings:
            task.cancel()
            return
        gate.close()
        say("stopping as soon as the calls in flight are answered; Ctrl-C again stops now")
        endings.append(loop.create_task(end()))

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        if endings:
            raise Interrupted from None
        raise
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
