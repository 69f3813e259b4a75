"""How many calls an endpoint takes at once: found out from those that it refuses.

An endpoint that is asked too much answers 429, 503 or 529. Then nothing is sent until the time is
over that it asks for, and all that was refused meanwhile counts as one. A small share may have
other reasons and takes one away. A large one takes half, or leaves what the endpoint did take:
what it served beside the refused ones, or what its pace and its latency come to. Later the width
grows again, by one or a tenth at a time.
"""

import random

_MANY = 1 / 3
"""Share of refusals from which the width was wrong, and not luck."""
_QUIET = 20.0
"""Pauses' length before the width grows again: a try that fails costs a pause."""
_LEAST_PAUSE, _FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 0.5, 60.0
_MEMORY = 0.1
"""How much the last answer counts in the latency."""


class AdaptiveLimit:
    """The width of one endpoint. Times are of the event loop's clock."""

    def __init__(self, ceiling: int) -> None:
        self._ceiling = float(ceiling)
        self._limit = float(ceiling)
        self.opens_at = 0.0
        """When calls may begin again."""
        self._pause = 0.0
        self._pauses = 0
        """In a row, without an answer."""
        self._grows_at = 0.0
        self._latency = 0.0
        self._changed_at = 0.0
        self._answered = self._beside = self._refused = 0
        """Since the last change: answers to calls sent since, answers beside refusals, refusals."""

    @property
    def limit(self) -> int:
        """Calls that may be in flight at once."""
        return int(self._limit)

    def answer(self, begun: float, now: float) -> None:
        """Note an answer to a call that was sent then."""
        took = now - begun
        self._latency += (_MEMORY if self._latency else 1.0) * (took - self._latency)
        self._pauses = 0
        self._answered += begun >= self._changed_at
        self._beside += self._refused > 0
        if now >= self._grows_at and begun >= self._changed_at and self._limit < self._ceiling:
            self._change(self._limit + max(1.0, self._limit / 10), now)
            self._grows_at = now + self._pause

    def refuse(self, begun: float, now: float, asked: float | None) -> None:
        """Note a refusal of a call that was sent then, with the seconds the endpoint asks for."""
        if begun < self._changed_at:
            # It says nothing of the width that holds now.
            self.opens_at = max(self.opens_at, now + min(asked or 0.0, _LONGEST_PAUSE))
            return
        if not self._refused:
            self._pauses += 1
        self._refused += 1
        if asked is None:
            asked = _FIRST_PAUSE * 2.0 ** min(self._pauses - 1, 10) * random.uniform(0.5, 1.0)
        self._pause = min(max(asked, _LEAST_PAUSE), _LONGEST_PAUSE)
        self.opens_at = max(self.opens_at, now + self._pause)
        self._grows_at = self.opens_at + _QUIET * self._pause

    def settle(self, now: float, inside: int) -> None:
        """Change the width, once a pause is over, by what was refused before it."""
        if not self._refused:
            return
        taken = self._beside + inside
        if self._refused > _MANY * (self._refused + taken):
            pace = self._answered / (now - self._changed_at)
            self._change(max(self._limit / 2, taken, pace * self._latency), now)
        else:
            self._change(self._limit - 1, now)

    def _change(self, limit: float, now: float) -> None:
        self._limit = min(max(limit, 1.0), self._ceiling)
        self._changed_at = now
        self._answered = self._beside = self._refused = 0
