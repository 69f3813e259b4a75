"""The calls of one endpoint: who waits, who is in flight, and what the endpoint takes."""

import asyncio
from dataclasses import dataclass
from heapq import heappop

from training_free_grpo.models.traffic.adaptive_limit import AdaptiveLimit
from training_free_grpo.models.traffic.breaker import PATIENCE, CircuitBreaker
from training_free_grpo.models.traffic.failures import Failure
from training_free_grpo.models.traffic.token_bucket import TokenBucket
from training_free_grpo.settings import Settings

Place = tuple[int, int]
"""Where in the queue a call stands: its rank, and the number of its arrival. The lowest goes."""

_MEMORY = 0.1
"""How much the last answer counts in what is expected of the next."""


@dataclass(slots=True)
class Slot:
    """A call that was let in."""

    lane: "EndpointQueue"
    begun: float
    tokens: float
    """What was set aside for it, and is made good by what it took."""
    expected: float

    def answer(self, tokens: float) -> None:
        """Note that the endpoint answered, and the tokens it took."""
        self.lane.answer(self, tokens)

    def fail(self, failure: Failure, asked: float | None) -> str | None:
        """Note a failure, with the seconds the endpoint asks for; return why it counts as dead."""
        return self.lane.fail(self, failure, asked)


class EndpointQueue:
    """One endpoint under the settings' limits, and under those that it shows itself."""

    def __init__(self, settings: Settings) -> None:
        self.waiting: list[tuple[Place, float, asyncio.Future[Slot]]] = []
        """A heap: place, tokens of the prompt, whom to tell."""
        self._inside = 0
        self._width = AdaptiveLimit(settings.endpoint_concurrency or settings.concurrency)
        self._breaker = CircuitBreaker()
        self._requests = TokenBucket(settings.requests_per_minute)
        self._tokens = TokenBucket(settings.tokens_per_minute)
        self._surplus = 0.0
        """Tokens that an answer takes beyond its prompt, as far as is known."""

    def opens_at(self) -> float:
        """Return the time from which a call may begin."""
        stops = (self._width.opens_at, self._breaker.opens_at)
        return max(*stops, self._requests.ready_at(), self._tokens.ready_at())

    def is_ready(self, now: float) -> bool:
        """Tell whether somebody waits and may go."""
        while self.waiting and self.waiting[0][2].done():
            heappop(self.waiting)
        if not self.waiting or now < self.opens_at():
            return False
        self._width.settle(now, self._inside)
        return self._inside < (1 if self._breaker.is_open else self._width.limit)

    def enter(self, now: float, tokens: float) -> Slot:
        """Let a call in."""
        self._inside += 1
        self._requests.take(1, now)
        self._tokens.take(tokens + self._surplus, now)
        return Slot(self, now, tokens + self._surplus, tokens)

    def leave(self, slot: Slot) -> None:
        """Let a call out; what it did not take of the tokens set aside is given back."""
        self._inside -= 1
        self._tokens.take(-slot.tokens, _now())

    def answer(self, slot: Slot, tokens: float) -> None:
        """Note an answer."""
        now = _now()
        self._width.answer(slot.begun, now)
        self._breaker.answer()
        self._tokens.take(tokens, now)
        self._surplus += _MEMORY * (tokens - slot.expected - self._surplus)

    def fail(self, slot: Slot, failure: Failure, asked: float | None) -> str | None:
        """Note a failure; return why the endpoint counts as dead, if it does."""
        now = _now()
        if failure in ("request", "too_long"):
            self._breaker.answer()
        if failure not in PATIENCE:
            return None
        if failure == "overloaded":
            self._width.refuse(slot.begun, now, asked)
            if asked and asked > PATIENCE[failure]:
                return f"it asks to be called again in {asked:.0f} s"
        silent = self._breaker.fail(failure, slot.begun, now)
        return None if silent is None else f"no call was answered for {silent:.0f} s"


def _now() -> float:
    return asyncio.get_running_loop().time()
