"""Guests without a fork server: each is a process of its own, started in advance."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress

from training_free_grpo.tools.python_sandbox.boot import clean_environment, interpreter
from training_free_grpo.tools.python_sandbox.fork_server import START_SECONDS
from training_free_grpo.tools.python_sandbox.forkserver.alone import READY
from training_free_grpo.tools.python_sandbox.forkserver.folders import (
    is_overfull,
    make_folder,
    remove_folder,
)
from training_free_grpo.tools.python_sandbox.forkserver.plan import Plan
from training_free_grpo.tools.python_sandbox.guests import Ending
from training_free_grpo.tools.python_sandbox.result import SandboxError

Prefix = Callable[[str], list[str]]
"""Takes a working folder; returns the command that runs another one confined to it."""


class SeparateProcesses:
    """A few warm processes that wait; each takes one client, and a new one replaces it."""

    def __init__(self, isolation: str, plan: Plan, prefix: Prefix) -> None:
        if not hasattr(os, "waitid"):
            raise SandboxError("it needs Python 3.13 on this system")
        self.isolation = isolation
        self.lost = False
        self._plan = plan
        self._prefix = prefix
        self._lock = threading.Lock()
        self._waiting = [self._start() for _ in range(plan.ready)]

    def open(self, session: bool, cpu_seconds: int | None) -> "_Separate":
        """Return a process that has not run anything yet."""
        replacement = self._start()
        with self._lock:
            self._waiting.append(replacement)
            guest = self._waiting.pop(0)
        if self.lost:
            self.close()  # again: the replacement came too late for the first attempt
        guest.ask(json.dumps({"session": session, "cpu_seconds": cpu_seconds}).encode())
        return guest

    def close(self) -> None:
        """End the waiting processes."""
        self.lost = True
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for guest in waiting:
            guest.close()

    def leave(self) -> None:
        """Leave the processes to the parent, in a forked child."""
        self._lock = threading.Lock()
        for guest in self._waiting:
            guest.leave()

    def _start(self) -> "_Separate":
        folder = make_folder(tempfile.gettempdir())
        relay, their_relay = socket.socketpair()
        programs, their_programs = socket.socketpair()
        with their_relay, their_programs:
            theirs = [their_relay.fileno(), their_programs.fileno()]
            try:
                process = subprocess.Popen(
                    [*self._prefix(folder), *interpreter("alone", *theirs, plan=self._plan)],
                    pass_fds=theirs,
                    env=clean_environment() | {"HOME": folder, "TMPDIR": folder},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=folder,
                    start_new_session=True,
                )
            except OSError as error:
                relay.close()
                programs.close()
                remove_folder(folder)
                raise SandboxError(str(error)) from error
        return _Separate(self.isolation, process, relay, programs, folder, self._plan.disk_mb)


class _Separate:
    """A process that is a child of this one."""

    def __init__(
        self,
        isolation: str,
        process: subprocess.Popen[bytes],
        relay: socket.socket,
        programs: socket.socket,
        folder: str,
        disk_mb: int,
    ) -> None:
        self.isolation = isolation
        self.programs = programs
        self._process = process
        self._relay = relay
        self._folder = folder
        self._disk_mb = disk_mb
        self._overfull = False
        self._ending: Ending | None = None

    @property
    def end(self) -> int:
        # Closed by the kernel when the process ends, unless it has left another that holds it.
        return self._relay.fileno()

    def ask(self, request: bytes) -> None:
        """Wait until it is warm, and send it its purpose."""
        self._relay.settimeout(START_SECONDS)
        try:
            self._relay.recv(len(READY))
        except TimeoutError:
            self.close()
            raise SandboxError(f"a process was not ready in {START_SECONDS} seconds") from None
        self._relay.settimeout(None)
        with suppress(OSError):  # it has died, and its ending will be reported
            self._relay.send(request)

    def ending(self) -> Ending | None:
        if self._ending is None and self._is_over():
            # Unreaped until here, so that its group id is not reused.
            self.kill()
            _, status, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            with suppress(OSError):  # its own program may have removed it
                remove_folder(self._folder)
            seconds = usage.ru_utime + usage.ru_stime
            peak = usage.ru_maxrss / 1024
            self._ending = Ending(self._process.returncode, seconds, peak, self._overfull)
        elif not self._overfull and is_overfull(self._folder, self._disk_mb):
            self._overfull = True
            self.kill()
        return self._ending

    def interrupt(self) -> None:
        os.kill(self._process.pid, signal.SIGINT)

    def pause(self) -> None:
        # Unsupported here: a stopped process does not end with the client.
        pass

    def resume(self) -> None:
        pass

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        if self._ending is None:
            self.kill()
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            self.ending()
        self._relay.close()
        self.programs.close()

    def leave(self) -> None:
        """Leave the process to the parent, in a forked child."""
        self._relay.close()
        self.programs.close()
        self._process.returncode = 0  # not a child of this process, so it needs no warning

    def _is_over(self) -> bool:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None
