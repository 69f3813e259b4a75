"""Which model call is sent next: one scheduler per event loop, one queue per endpoint.

Among all that wait, the lowest rank goes first, and in it who came first. A lane lets in as many
at once as its endpoint has been found to take, and as many a minute as the settings allow; all
lanes together let in no more than `concurrency`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count
from weakref import WeakKeyDictionary

from training_free_grpo.models.traffic.patience import off_the_clock
from training_free_grpo.models.traffic.queue import EndpointQueue, Place, Slot
from training_free_grpo.settings import Settings

_Limits = tuple[int, int | None, int | None, int | None]
_queues: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Limits, Scheduler]]"
_queues = WeakKeyDictionary()


def turns_of(settings: Settings) -> "Scheduler":
    """Return the queue of the running loop for the limits of these settings."""
    here = _queues.setdefault(asyncio.get_running_loop(), {})
    widths = (settings.concurrency, settings.endpoint_concurrency)
    limits = (*widths, settings.requests_per_minute, settings.tokens_per_minute)
    if limits not in here:
        here[limits] = Scheduler(settings)
    return here[limits]


class Scheduler:
    """The queue of one event loop. A call that is cancelled, waiting or let in, leaves no trace."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lanes: dict[str, EndpointQueue] = {}
        self._inside = 0
        self._arrivals = count()
        self._timer: asyncio.TimerHandle | None = None

    def place(self, rank: int) -> Place:
        """Give a call its place, to keep through all its tries."""
        return rank, next(self._arrivals)

    @asynccontextmanager
    async def take(self, address: str, place: Place, tokens: float = 0) -> AsyncIterator[Slot]:
        """Wait for a slot at an endpoint, off the clock; `tokens` estimates the prompt."""
        lane = self._lanes.get(address) or self._open_lane(address)
        with off_the_clock():
            slot = await self._wait(lane, place, tokens)
        try:
            yield slot
        finally:
            self._leave(lane, slot)

    def _open_lane(self, address: str) -> EndpointQueue:
        return self._lanes.setdefault(address, EndpointQueue(self._settings))

    async def _wait(self, lane: EndpointQueue, place: Place, tokens: float) -> Slot:
        told: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        heappush(lane.waiting, (place, tokens, told))
        self._admit()
        try:
            return await told
        except asyncio.CancelledError:
            if not told.cancelled():
                self._leave(lane, told.result())
            raise

    def _leave(self, lane: EndpointQueue, slot: Slot) -> None:
        self._inside -= 1
        lane.leave(slot)
        self._admit()

    def _admit(self) -> None:
        """Let in whoever may go; come back when the first lane opens that is closed now."""
        now = asyncio.get_running_loop().time()
        while self._inside < self._settings.concurrency:
            ready = [lane for lane in self._lanes.values() if lane.is_ready(now)]
            if not ready:
                break
            lane = min(ready, key=lambda lane: lane.waiting[0][0])
            _, tokens, told = heappop(lane.waiting)
            self._inside += 1
            told.set_result(lane.enter(now, tokens))
        self._wake(now)

    def _wake(self, now: float) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        opens = [lane.opens_at() for lane in self._lanes.values() if lane.waiting]
        if later := [at for at in opens if at > now]:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(min(later), self._admit)
