"""A gate that every model call passes: closed, it lets nothing new begin.

What is in flight is paid for, so a run that is to stop waits for it to be answered and written
down, and begins nothing else. Whoever watches the gate hears what each answer took.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

from training_free_grpo.records import Role, Usage

Watch = Callable[[Role, Usage], None]
"""Hears of a role and what an answer to it took."""


_gate_of_run: ContextVar["StopGate | None"] = ContextVar("gate_of_run", default=None)


def pass_gate_of_run(gate: "StopGate") -> None:
    """Have every call made in this context pass a gate, too: that of one run of a graph."""
    _gate_of_run.set(gate)


class StopGate:
    """Counts the calls inside. Use one per run, on one event loop."""

    def __init__(self) -> None:
        self.watch: Watch | None = None
        self.reason: Exception | None = None
        """Why the gate was closed."""
        self._inside = 0
        self._in_the_way = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def close(self, reason: Exception, *, at_once: bool = True) -> None:
        """Admit no more requests; later ones wait until they are cancelled.

        With `at_once=False`, the run stops only when the next request arrives.
        """
        self.reason = self.reason or reason
        if at_once:
            self._in_the_way.set()

    def count(self, role: Role, usage: Usage) -> None:
        """Report the usage of an answer to the watchers, as it arrives."""
        for gate in self._both():
            if gate.watch:
                gate.watch(role, usage)

    def _both(self) -> list["StopGate"]:
        """Return this gate, and that of the run of a graph with a budget."""
        run = _gate_of_run.get()
        return [self] if run is None or run is self else [self, run]

    async def wait_for_the_end(self) -> None:
        """Wait until the gate is closed and every call inside has finished."""
        await self._in_the_way.wait()
        await self.wait_until_empty()

    async def wait_until_empty(self) -> None:
        """Wait until every call inside has its answer, and has kept it."""
        await self._empty.wait()

    @asynccontextmanager
    async def ending(self) -> AsyncIterator[None]:
        """Cancel the work inside when it is to end, and raise why the gate was closed."""
        task = asyncio.current_task()
        assert task is not None
        ending = asyncio.create_task(self._cancel_at_the_end(task))
        try:
            yield
        except asyncio.CancelledError:
            if self.reason is None:
                raise
            task.uncancel()
            raise self.reason from None
        finally:
            ending.cancel()

    async def _cancel_at_the_end(self, task: asyncio.Task[Any]) -> None:
        await self.wait_for_the_end()
        if not task.cancelling():
            task.cancel()

    @contextmanager
    def passage(self) -> Iterator["GatePass"]:
        """Yield the way of one call through the gate; at its end the call has kept its answer."""
        passage = GatePass(*self._both())
        try:
            yield passage
        finally:
            passage.leave()

    async def refuse(self) -> None:
        """Keep a request from beginning: until it is cancelled, for a closed gate stays closed."""
        self._in_the_way.set()
        await asyncio.get_running_loop().create_future()

    def count_inside(self, more: int) -> None:
        """Note that calls came in, or went out."""
        self._inside += more
        if self._inside:
            self._empty.clear()
        else:
            self._empty.set()


class GatePass:
    """The way of one call through a gate, as often as it is tried."""

    def __init__(self, *gates: StopGate) -> None:
        self._gates = gates
        self._is_inside = False

    async def enter(self) -> None:
        """Come in with a request; at a closed gate wait until cancelled."""
        for gate in self._gates:
            if gate.reason:
                self.leave()
                await gate.refuse()
        for gate in self._gates:
            gate.count_inside(not self._is_inside)
        self._is_inside = True

    def leave(self) -> None:
        """Go out: with an answer that is kept, or to try again later."""
        for gate in self._gates:
            gate.count_inside(-self._is_inside)
        self._is_inside = False
