"""Sessions: variables that persist from one program to the next."""

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Executor

from training_free_grpo.tools.forks import start_again_after_fork
from training_free_grpo.tools.python_sandbox.execution import Execution, Program
from training_free_grpo.tools.python_sandbox.guests import Guest
from training_free_grpo.tools.python_sandbox.result import Result
from training_free_grpo.tools.python_sandbox.runner import Runner


class Session(Runner):
    """One process that runs one program after the other, until it is closed or unreferenced.

    A program that takes too long is interrupted, which keeps the variables; if it ignores that for
    a second it is killed, which loses them. Then `Result.session_lost` is true and the next run
    starts with no variables. Processor time adds up over a session and has no limit.
    """

    def __init__(
        self, pool: Executor, timeout: float, output_chars: int, open_guest: Callable[[], Guest]
    ) -> None:
        super().__init__(pool, timeout, output_chars)
        self._open_guest = open_guest
        self._turn = threading.Lock()
        self._guest: Guest | None = None
        start_again_after_fork(self)

    def after_fork(self) -> None:
        """Leave the process to the parent: its variables cannot be in two places."""
        self._turn = threading.Lock()
        if self._guest:
            self._leave.detach()
            self._guest.leave()
        self._guest = None

    def close(self) -> None:
        """End the process, after any program that it is running."""
        with self._turn:
            self._drop()

    def _run(self, program: Program, cancelled: threading.Event) -> Result:
        with self._turn:
            guest = self._guest or self._enter()
            try:
                guest.resume()
                result = Execution(program, cancelled).run(guest, session=True)
                # A program can claim to be done but continue; suspend the process between programs.
                guest.pause()
            except BaseException:
                self._drop()
                raise
            if result.session_lost:
                self._drop()
            return result

    def _enter(self) -> Guest:
        self._guest = guest = self._open_guest()
        self._leave = weakref.finalize(self, guest.close)
        return guest

    def _drop(self) -> None:
        if self._guest:
            self._leave()
        self._guest = None
