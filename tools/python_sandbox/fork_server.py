"""The client of a fork server, which starts one and requests processes from it."""

import json
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress

from training_free_grpo.tools.python_sandbox.boot import clean_environment, interpreter
from training_free_grpo.tools.python_sandbox.forkserver.folders import remove_folder
from training_free_grpo.tools.python_sandbox.forkserver.plan import Plan
from training_free_grpo.tools.python_sandbox.guests import Ending
from training_free_grpo.tools.python_sandbox.result import HostLost, SandboxError

START_SECONDS = 120
_LONGEST_MESSAGE = 65_536


class ForkServer:
    """A fork server in a process of its own, which ends when this one does."""

    def __init__(
        self, isolation: str, plan: Plan, prefix: Sequence[str] = (), leaves: str | None = None
    ) -> None:
        """Start it. Raises SandboxError with the reason if it does not start.

        `leaves` is a folder that it may leave behind when it is killed.
        """
        self.isolation = isolation
        self._leaves = leaves
        self.lost = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = interpreter("server", theirs.fileno(), plan=plan)
        with theirs, tempfile.TemporaryFile() as complaints:
            try:
                self._process = subprocess.Popen(
                    [*prefix, *command],
                    pass_fds=[theirs.fileno()],
                    env=clean_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=complaints,
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                self._control.close()
                self._clear_up()
                raise SandboxError(str(error)) from error
            theirs.close()
            failure = self._hear_of_start()
            if failure is None:
                complaints.seek(0)
                failure = complaints.read().decode(errors="replace").strip() or "it ended at once"
        if failure:
            self.close()
            raise SandboxError(failure.splitlines()[-1])

    def open(self, session: bool, cpu_seconds: int | None) -> "_Forked":
        """Return a process that has run nothing yet. Raises HostLost if the server has died."""
        programs, their_programs = socket.socketpair()
        line, their_line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps({"session": session, "cpu_seconds": cpu_seconds}).encode()
        with their_programs, their_line:
            try:
                files = [their_programs.fileno(), their_line.fileno()]
                socket.send_fds(self._control, [request], files)
            except OSError as error:
                programs.close()
                line.close()
                self.lost = True
                raise HostLost(f"the fork server is gone ({error})") from error
        return _Forked(self, programs, line)

    def close(self) -> None:
        """End the server, and all processes that it forked."""
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._clear_up()

    def leave(self) -> None:
        """Leave the server to the parent, in a forked child."""
        self._control.close()
        self._process.returncode = 0  # not a child of this process, so it needs no warning

    def _clear_up(self) -> None:
        if self._leaves:
            with suppress(OSError):  # already gone, as intended
                remove_folder(self._leaves)

    def _hear_of_start(self) -> str | None:
        self._control.settimeout(START_SECONDS)
        try:
            message = self._control.recv(_LONGEST_MESSAGE)
        except TimeoutError:
            return f"it did not come up within {START_SECONDS} seconds"
        self._control.settimeout(None)
        return str(json.loads(message)["failure"]) if message else None


class _Forked:
    """A process of the fork server."""

    def __init__(self, server: ForkServer, programs: socket.socket, line: socket.socket) -> None:
        self.isolation = server.isolation
        self._server = server
        self.programs = programs
        self._line = line

    @property
    def end(self) -> int:
        return self._line.fileno()

    def ending(self) -> Ending | None:
        try:
            message = self._receive()
        except BlockingIOError:
            return None
        if not message:
            self._server.lost = True
            raise HostLost("the fork server died during a run")
        return Ending(**json.loads(message))

    def _receive(self) -> bytes:
        try:
            return self._line.recv(_LONGEST_MESSAGE, socket.MSG_DONTWAIT)
        except ConnectionResetError:
            # An order was sent just as the process ended. That is reported once, then the message.
            return self._line.recv(_LONGEST_MESSAGE, socket.MSG_DONTWAIT)

    def interrupt(self) -> None:
        self._order(b"interrupt")

    def pause(self) -> None:
        self._order(b"pause")

    def resume(self) -> None:
        self._order(b"resume")

    def kill(self) -> None:
        self._order(b"kill")

    def close(self) -> None:
        self.programs.close()
        self._line.close()

    def leave(self) -> None:
        """Leave the process to the parent, in a forked child."""
        self.close()

    def _order(self, order: bytes) -> None:
        with suppress(OSError):  # it has ended
            self._line.send(order)
