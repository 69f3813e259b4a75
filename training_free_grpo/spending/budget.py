"""The budget of a run over all its sessions: dollars, tokens, calls, minutes.

Every answer is counted as it arrives. When a limit is reached the gate is closed, as by Ctrl-C:
the calls in flight are answered and kept, so that a larger budget goes on where this one ended.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import uuid4

from training_free_grpo.arguments import argument
from training_free_grpo.errors import UserError
from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.prices import Prices, bill, dollars
from training_free_grpo.records import Ledger, Role, Usage
from training_free_grpo.settings import SettingsError
from training_free_grpo.storage.journal import Journal

_PRICES = {"rollout": "price", "judge": "judge_price"}
"""By role: the setting with its price; all other roles are reflection."""
_TICK = 1.0
"""Seconds between two time records: how much a kill may leave uncounted."""


class OutOfBudget(UserError):
    """A limit is reached. All answers are saved, and a larger budget resumes the run."""


def name_price(setting: str) -> str:
    """Return the option that sets a price."""
    flag = "--price " if setting == "price" else f"--set {setting}="
    return argument(f"{setting}='IN,CACHED,OUT'", f"{flag}IN,CACHED,OUT")


@dataclass(frozen=True)
class Budget:
    """Limits of a run or an evaluation over all sessions; None means no limit."""

    cost: float | None = None
    """Dollars."""
    tokens: int | None = None
    """Input and output."""
    calls: int | None = None
    minutes: float | None = None

    def check(self, prices: Prices, roles: Iterable[str]) -> None:
        """Raise SettingsError for a limit in dollars if a model has no price."""
        unpriced: dict[str, str] = {}
        for role in roles:
            model, price = prices[role]
            if price is None:
                unpriced.setdefault(model, name_price(_PRICES.get(role, "reflection_price")))
        if self.cost is None or not unpriced:
            return
        limit = argument("budget=Budget(cost=", "--max-cost ")
        others = argument(
            "give tokens= or calls= as the limit", "limit --max-tokens or --max-calls"
        )
        raise SettingsError(
            f"{limit}{self.cost:g}{argument(')', '')} cannot be enforced: no price is known for "
            f"{', '.join(unpriced)}. Give {', '.join(unpriced.values())} in dollars per million "
            f"tokens, or {others}"
        )

    def exceeded(self, usage: Ledger, prices: Prices, minutes: float) -> Iterator[str]:
        """Describe the usage of each limit that is reached."""
        total = total_usage(usage)
        cost = 0.0 if self.cost is None else bill(usage, prices)["cost"]
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
        """Count the usage of the work inside; stop it with OutOfBudget when a limit is reached.

        What earlier sessions took stands in the journal, where this one's time is noted, too. Work
        that the gate is closed to for another reason ends with that.
        """
        spent: Ledger = {}
        for role, usage in await journal.spent():
            spent = add_ledgers(spent, {role: usage})
        earlier = sum([note["seconds"] for note in await journal.notes("session")])
        meter, session = Meter(self, prices, gate, spent, earlier), _Session(journal)
        clock = asyncio.create_task(session.tick(meter))
        try:
            with meter.watching():
                async with gate.ending():
                    yield
        finally:
            clock.cancel()
            await session.note(meter)


class Meter:
    """Counts the usage of a run, and closes its gate when a limit is reached."""

    def __init__(
        self,
        budget: Budget,
        prices: Prices,
        gate: StopGate,
        spent: Ledger | None = None,
        earlier: float = 0.0,
    ) -> None:
        self._budget, self._prices, self._gate = budget, prices, gate
        self._spent: Ledger = spent or {}
        self._earlier = earlier
        """Seconds of the sessions before this one."""
        self._began = time.monotonic()
        self._stop = OutOfBudget()

    @property
    def seconds(self) -> float:
        """Seconds of this session."""
        return time.monotonic() - self._began

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count an answer."""
        self.look()
        self._gate.watch = self._count
        try:
            yield
        finally:
            self._gate.watch = None

    def look(self) -> None:
        """Close the gate if a limit is reached."""
        minutes = (self._earlier + self.seconds) / 60
        if used := ", ".join(self._budget.exceeded(self._spent, self._prices, minutes)):
            # Repeated as the calls in flight are answered: they count, too.
            self._stop.args = (f"the budget is used up: {used}",)
            self._gate.close(self._stop, at_once=False)

    async def tick(self) -> None:
        """Check the clock until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_TICK)

    def _count(self, role: Role, usage: Usage) -> None:
        self._spent = add_ledgers(self._spent, {role: usage})
        self.look()


class _Session:
    """Records in the journal how long a session has lasted."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._key = f"session/{uuid4().hex}"

    async def note(self, meter: Meter) -> None:
        """Record the time."""
        await self._journal.note(self._key, "session", {"seconds": round(meter.seconds, 3)})

    async def tick(self, meter: Meter) -> None:
        """Check the limits and record the time until cancelled."""
        while True:
            meter.look()
            await self.note(meter)
            await asyncio.sleep(_TICK)
