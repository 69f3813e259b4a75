"""Do work once when several threads need it at the same time."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from training_free_grpo.tools.forks import start_again_after_fork


class SingleFlight:
    """Work in flight, by key. A caller that arrives meanwhile shares its result or exception."""

    def __init__(self) -> None:
        self.after_fork()
        start_again_after_fork(self)

    def after_fork(self) -> None:
        """Forget the work of a parent process's threads."""
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Future[str]] = {}

    def do(self, key: Hashable, work: Callable[[], str]) -> str:
        """Return the result of `work`, run here or already running in another thread."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                self._flights[key] = Future()
        if flight is not None:
            return flight.result()
        try:
            result = work()
        except BaseException as error:
            self._land(key).set_exception(error)
            raise
        self._land(key).set_result(result)
        return result

    def _land(self, key: Hashable) -> Future[str]:
        """Remove a flight from the list first: a caller that arrives now starts another one."""
        with self._lock:
            return self._flights.pop(key)
