"""The sandbox: programs in, results out, from any thread and any event loop."""

import os
import threading
import warnings
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Self, get_args

from training_free_grpo.tools.forks import Pool, start_again_after_fork
from training_free_grpo.tools.python_sandbox.execution import Execution, Program
from training_free_grpo.tools.python_sandbox.guests import Guest, Host
from training_free_grpo.tools.python_sandbox.hosts import (
    Isolation,
    Needs,
    start_host,
    start_unsafe_host,
)
from training_free_grpo.tools.python_sandbox.result import HostLost, Result
from training_free_grpo.tools.python_sandbox.runner import Runner
from training_free_grpo.tools.python_sandbox.session import Session

PREIMPORT = ("numpy", "sympy", "asyncio", "datetime", "fractions", "itertools", "statistics")
_MATHEMATICS = Path(__file__).parent / "forkserver" / "mathematics.py"
_MOST_READY = 4
_UNSAFE = (
    "unsafe_local=True: programs run as ordinary child processes. They can read your files and "
    "keys, use the network and outlive their time."
)


class PythonSandbox(Runner):
    """Run code in sealed processes, at most `workers` at once (by default one per processor).

    Nothing starts before the first run, or `start`. `timeout` counts wall-clock seconds from the
    moment the code is handed over, not from the call; `output_chars` limits stdout and stderr each;
    `readable` names files and folders of the host that code may read, besides Python and its
    packages; `isolation` selects a kind of isolation, instead of the strongest that works. The
    modules of `preimport` that exist, and the code `warm_up`, run once in advance; they must start
    no threads.

    Close it, use it as a context manager, or drop the last reference: its processes end with it,
    and with the process that made it. A forked child starts processes of its own.
    """

    def __init__(
        self,
        timeout: float = 10,
        memory_mb: int = 1024,
        output_chars: int = 8000,
        workers: int | None = None,
        *,
        disk_mb: int = 64,
        preimport: Sequence[str] = PREIMPORT,
        warm_up: str | None = None,
        readable: Sequence[str] = (),
        isolation: Isolation = "auto",
        unsafe_local: bool = False,
    ) -> None:
        workers = (os.cpu_count() or 2) if workers is None else workers
        _check("timeout", timeout, least=0.001)
        _check("memory_mb", memory_mb, least=64)
        _check("output_chars", output_chars, least=2)
        _check("workers", workers, least=1)
        _check("disk_mb", disk_mb, least=1)
        if isolation not in get_args(Isolation):
            names = ", ".join(get_args(Isolation))
            raise ValueError(f"isolation must be one of {names}, not {isolation!r}.")
        for path in readable:
            if not os.path.exists(path):
                raise ValueError(f"readable names {path!r}, which does not exist.")
        super().__init__(Pool(workers, "python-sandbox"), timeout, output_chars)
        self.memory_mb = memory_mb
        self.disk_mb = disk_mb
        self._isolation: Isolation = isolation
        self._unsafe = unsafe_local
        if unsafe_local:
            warnings.warn(_UNSAFE, RuntimeWarning, stacklevel=2)
        self._needs = Needs(
            memory_mb=memory_mb,
            disk_mb=disk_mb,
            ready=min(workers, _MOST_READY),
            preimport=tuple(preimport),
            warm_up=_MATHEMATICS.read_text() if warm_up is None else warm_up,
            readable=tuple(readable),
        )
        self._lock = threading.Lock()
        self._host: Host | None = None
        self._close_host = weakref.finalize(self, _nothing)
        start_again_after_fork(self)

    def after_fork(self) -> None:
        """Leave the running processes to the parent; the first run starts new ones."""
        super().after_fork()
        self._lock = threading.Lock()
        self._close_host.detach()
        if self._host:
            self._host.leave()
        self._host = None

    @property
    def isolation(self) -> str:
        """The isolation in use: namespaces, bubblewrap, landlock, seatbelt or none.

        Reading this starts the sandbox.
        """
        return self._started().isolation

    def start(self) -> Self:
        """Start now rather than at the first run; it takes a second.

        Raises SandboxUnavailable if no isolation works.
        """
        self._started()
        return self

    def close(self) -> None:
        """End all processes. A later run starts them again."""
        with self._lock:
            self._close_host()
            self._host = None

    def session(self) -> Session:
        """Open a session, which keeps its variables from one run to the next."""
        return Session(self._pool, self.timeout, self.output_chars, lambda: self._open(None))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, program: Program, cancelled: threading.Event) -> Result:
        try:
            return self._run_once(program, cancelled)
        except HostLost:
            # A run leaves nothing behind, so it can be repeated.
            return self._run_once(program, cancelled)

    def _run_once(self, program: Program, cancelled: threading.Event) -> Result:
        guest = self._open(program.cpu_seconds)
        try:
            return Execution(program, cancelled).run(guest, session=False)
        finally:
            guest.close()

    def _open(self, cpu_seconds: int | None) -> Guest:
        """Open a guest: for one program if its processor time is limited, else for a session."""
        return self._started().open(cpu_seconds is None, cpu_seconds)

    def _started(self) -> Host:
        with self._lock:
            if self._host is None or self._host.lost:
                self._close_host()
                self._host = (
                    start_unsafe_host(self._needs)
                    if self._unsafe
                    else start_host(self._isolation, self._needs)
                )
                self._close_host = weakref.finalize(self, self._host.close)
            return self._host


def _check(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise ValueError(f"{name} must be at least {least}, not {value!r}.")


def _nothing() -> None:
    """Close nothing: there is nothing yet."""
