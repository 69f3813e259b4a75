"""The limits of one run of a graph: its budget, checked and recorded while it streams."""

import asyncio
from collections.abc import AsyncGenerator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from training_free_grpo.ledger import add_ledgers
from training_free_grpo.models.traffic.stop_gate import StopGate, pass_gate_of_run
from training_free_grpo.prices import Prices
from training_free_grpo.records import Ledger
from training_free_grpo.rollouts.components import Components
from training_free_grpo.settings import Settings
from training_free_grpo.settings_source import SettingsSource
from training_free_grpo.spending.budget import Budget, Meter

_END = object()
_SETTLING = 0.5
"""Seconds that nodes get to store the answers of calls already made."""


@dataclass(frozen=True)
class Limits:
    """The budget of each run of a graph, and the prices of its calls."""

    budget: Budget
    components: Components
    source: SettingsSource

    async def meter(self, state: dict[str, Any], context: Any, gate: StopGate) -> Meter:
        """Return the meter of a run that resumes from a state, or an empty one for a new run.

        Raise SettingsError for a limit in dollars where a model has no price.
        """
        prices: Prices = {}
        if self.budget.cost is not None:
            kept = state.get("settings")
            settings = Settings.read(kept) if kept else self.source.read(context, nested=True)
            prices = await self.components.prices(settings)
            self.budget.check(prices, prices)
        return Meter(self.budget, prices, gate, spent_in(state))


def make_limits(
    budget: Budget | None, components: Components, source: SettingsSource
) -> Limits | None:
    """Return the limits of a graph that was built with a budget."""
    return None if budget is None else Limits(budget, components, source)


def spent_in(state: dict[str, Any]) -> Ledger:
    """Return the usage of the steps and groups in the state of a run."""
    spent: Ledger = state.get("usage") or {}
    for group in state.get("groups") or []:
        spent = add_ledgers(spent, group["usage"])
    return spent


async def limited(
    stream: AsyncGenerator[Any, None], meter: Meter, gate: StopGate
) -> AsyncGenerator[Any, None]:
    """Yield from the stream of a run until its gate closes, then raise the reason.

    Each item is awaited in a task of its own: the caller may iterate from different tasks, and
    cannot be cancelled in between.
    """
    context = copy_context()
    context.run(pass_gate_of_run, gate)
    ending, clock = asyncio.create_task(gate.wait_for_the_end()), asyncio.create_task(meter.tick())
    try:
        with meter.watching():
            while True:
                step = asyncio.create_task(_advance(stream), context=context)
                if await _ends_first(ending, step):
                    assert gate.reason is not None
                    raise gate.reason
                if (item := step.result()) is _END:
                    return
                yield item
    finally:
        ending.cancel()
        clock.cancel()
        await asyncio.create_task(_close(stream), context=context)


async def _advance(stream: AsyncGenerator[Any, None]) -> Any:
    return await anext(stream, _END)


async def _close(stream: AsyncGenerator[Any, None]) -> None:
    await stream.aclose()


async def _ends_first(ending: "asyncio.Task[None]", step: "asyncio.Task[Any]") -> bool:
    """Wait for the next item; cancel it and return True if the run must end first."""
    try:
        await asyncio.wait({step, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not step.done():
            await asyncio.wait({step}, timeout=_SETTLING)
    finally:
        if not step.done():
            step.cancel()
            await asyncio.wait({step})
    return step.cancelled()
