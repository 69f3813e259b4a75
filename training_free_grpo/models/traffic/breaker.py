"""When an endpoint answers nothing more: ask it with one call at a time, and then no longer.

A server that fails a hundred calls at once would else be asked for each of them again and again.
"""

from training_free_grpo.models.traffic.failures import Failure

_SUSPICIOUS = 10
"""Failures in a row from which only one call at a time finds out whether the endpoint is back."""
_FIRST_WAIT = 0.5
PATIENCE: dict[Failure, float] = {"unreachable": 10.0, "failing": 120.0, "overloaded": 600.0}
"""Seconds without an answer, by the last failure, after which the endpoint counts as dead."""


class CircuitBreaker:
    """Failures of one endpoint since its last answer. Times are of the event loop's clock."""

    def __init__(self) -> None:
        self.answer()

    def answer(self) -> None:
        """Note that the endpoint lives."""
        self._failures = self._probes = 0
        self._since: float | None = None
        self.opens_at = 0.0
        """When the next call may find out."""

    @property
    def is_open(self) -> bool:
        """Whether only one call may be in flight."""
        return self._failures >= _SUSPICIOUS

    def fail(self, failure: Failure, begun: float, now: float) -> float | None:
        """Note a failure; return the seconds without an answer once the patience is over."""
        self._since = now if self._since is None else self._since
        silent = now - self._since
        if failure == "overloaded":
            return silent if silent > PATIENCE[failure] else None
        probed = self.is_open and begun >= self.opens_at
        self._failures += 1
        if self.is_open and (probed or not self._probes):
            longest = PATIENCE[failure] / 2
            self.opens_at = now + min(_FIRST_WAIT * 2.0**self._probes, longest)
            self._probes += 1
        return silent if self.is_open and silent > PATIENCE[failure] else None
