"""A rate that is not exceeded: so many requests, or tokens, a minute."""

_BURST = 0.1
"""Seconds' worth that may come at once after a quiet time."""


class TokenBucket:
    """What is taken before it was earned is a debt, and has to be waited off."""

    def __init__(self, a_minute: int | None) -> None:
        self._a_second = a_minute and a_minute / 60
        self._earned = 0.0
        self._at = 0.0

    def ready_at(self) -> float:
        """Return the time from which something may be taken."""
        if not self._a_second or self._earned >= 0:
            return 0.0
        return self._at - self._earned / self._a_second

    def take(self, amount: float, now: float) -> None:
        """Take an amount; a negative one gives back what was taken too much."""
        if self._a_second:
            grown = self._earned + (now - self._at) * self._a_second
            self._earned = min(grown, _BURST * self._a_second) - amount
            self._at = now
