"""Time that passes at once: for what waits, timed by the event loop or by a clock it was given."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing: what would have been waited passes on the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not timeout or timeout < 0:
            return super().select(timeout)
        self.now += timeout
        return super().select(0)


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose sleeps and timeouts pass at once, in their order; no threads, please."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def at_once(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an asynchronous test on a FastLoop."""

    @wraps(test)
    def run(*given: P.args, **options: P.kwargs) -> None:
        async def whole() -> None:
            await test(*given, **options)

        with asyncio.Runner(loop_factory=FastLoop) as runner:
            runner.run(whole())

    return run


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
