"""What a run may take: dollars, tokens, calls, minutes, over all its sessions.

Every answer is counted as it arrives. When a limit is reached the gate is closed, as by Ctrl-C:
the calls in flight are answered and kept, so that a larger budget goes on where this one ended.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.prices import Prices, bill, dollars
from training_free_grpo.records import Ledger, Role, Usage
from training_free_grpo.settings import SettingsError
from training_free_grpo.storage.journal import Journal

_FLAGS = {"rollout": "--price ", "judge": "--set judge_price="}
_TICK = 1.0
"""Seconds between two notes of the time: what a kill may take off the count."""


class OutOfBudget(Exception):
    """A limit is reached. What was answered is saved, and a larger one goes on."""


@dataclass(frozen=True)
class Budget:
    """Limits of a run or an evaluation, all sessions together; None is no limit."""

    cost: float | None = None
    """Dollars."""
    tokens: int | None = None
    """Input and output."""
    calls: int | None = None
    minutes: float | None = None

    def check(self, prices: Prices, roles: Iterable[str]) -> None:
        """Raise SettingsError for a limit in dollars where a model has no price."""
        unpriced: dict[str, str] = {}
        for role in roles:
            model, price = prices[role]
            if price is None:
                unpriced.setdefault(model, _FLAGS.get(role, "--set reflection_price="))
        if self.cost is None or not unpriced:
            return
        models, flags = (
            ", ".join(unpriced),
            ", ".join(f"{f}IN,CACHED,OUT" for f in unpriced.values()),
        )
        raise SettingsError(
            f"--max-cost {self.cost:g} cannot be kept: no price is known for {models}. Give "
            f"{flags} in dollars per million tokens, or limit --max-tokens or --max-calls"
        )

    def exceeded(self, usage: Ledger, prices: Prices, minutes: float) -> Iterator[str]:
        """Say of each limit that is reached how much was used of it."""
        total, cost = total_usage(usage), bill(usage, prices)["cost"]
        tokens = total["input"] + total["output"]
        if self.cost is not None and (cost == "unknown" or cost >= self.cost):
            yield f"{cost if cost == 'unknown' else dollars(cost)} of {dollars(self.cost)}"
        if self.tokens is not None and tokens >= self.tokens:
            yield f"{tokens:,} of {self.tokens:,} tokens"
        if self.calls is not None and total["calls"] >= self.calls:
            yield f"{total['calls']:,} of {self.calls:,} calls"
        if self.minutes is not None and minutes >= self.minutes:
            yield f"{minutes:,.1f} of {self.minutes:g} minutes"

    @asynccontextmanager
    async def kept(self, prices: Prices, journal: Journal, gate: StopGate) -> AsyncIterator[None]:
        """Count what the work inside takes, and close the gate when a limit is reached.

        What earlier sessions took stands in the journal, where this one's time is noted, too.
        """
        spent: Ledger = {}
        for role, usage in await journal.spent():
            spent = add_ledgers(spent, {role: usage})
        earlier = sum([note["seconds"] for note in await journal.notes("session")])
        session, began, stop = uuid4().hex, time.monotonic(), OutOfBudget()

        def look() -> None:
            minutes = (earlier + time.monotonic() - began) / 60
            if used := ", ".join(self.exceeded(spent, prices, minutes)):
                # Said anew as the calls in flight are answered: they count, too.
                stop.args = (f"the budget is used up: {used}",)
                gate.close(stop, at_once=False)

        def count(role: Role, usage: Usage) -> None:
            nonlocal spent
            spent = add_ledgers(spent, {role: usage})
            look()

        async def note_time() -> None:
            seconds = time.monotonic() - began
            await journal.note(f"session/{session}", "session", {"seconds": round(seconds, 3)})

        async def tick() -> None:
            while True:
                look()
                await note_time()
                await asyncio.sleep(_TICK)

        look()
        gate.watch = count
        clock = asyncio.create_task(tick())
        try:
            yield
        finally:
            gate.watch = None
            clock.cancel()
            await note_time()
