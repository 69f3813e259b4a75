"""The fork server: it keeps sealed processes ready, hands them over, and reports how each ended."""

import json
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn, Protocol

from . import guest, kernel
from .folders import is_overfull, remove_folder
from .landlock_only import LandlockOnly
from .limits import limit
from .namespaces import Namespaces
from .plan import WORK, Plan
from .warmth import warm_up

ORDERS = {b"interrupt": signal.SIGINT, b"pause": signal.SIGSTOP, b"resume": signal.SIGCONT}
"""The orders a client can give about a guest; any other, or its disconnection, kills it."""
_RELAY = 3
_OPEN_FILES = 4096
_UNSEALED = 120
_MEASURE_MS = 20
_LONGEST_MESSAGE = 65_536


class Walls(Protocol):
    """The isolation of programs."""

    def build(self) -> None:
        """Do the shared setup of all programs, before anything is imported."""

    def make_folder(self) -> str | None:
        """Create the working folder of the next program, if it is one of the host's."""

    def fork(self) -> int:
        """Fork the process of a program; return what os.fork does."""

    def seal(self, folder: str | None) -> None:
        """Isolate this process. An exception here ends it."""


@dataclass
class Guest:
    """A sealed process that waits for programs, or runs one."""

    process: int
    end: int
    """A descriptor that is readable when the process has ended."""
    relay: socket.socket
    """Receives its client, and reports why it could not be sealed."""
    folder: str | None
    line: socket.socket | None = None
    """To the client: receives orders, sends the end. A disconnection is an order to kill."""
    overfull: bool = False

    def kill(self) -> None:
        """Kill the process, and everything that runs in it."""
        os.kill(self.process, signal.SIGKILL)


class Server:
    """Fork guests, hand them to clients, watch them."""

    def __init__(self, control: socket.socket, plan: Plan, walls: Walls) -> None:
        self._control = control
        self._plan = plan
        self._walls = walls
        self._ready: list[Guest] = []
        self._guests: dict[int, Guest] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Serve until the client has gone, and leave nothing behind."""
        try:
            while True:
                events = self._poll.poll(self._patience())
                for descriptor, _ in events:
                    if descriptor == self._control.fileno():
                        if not self._hand_over():
                            return
                    elif one := self._guests.get(descriptor):
                        self._attend(one, ended=descriptor == one.end)
                if not events and len(self._ready) < self._plan.ready:
                    self._ready.append(self._fork())
                self._measure()
        finally:
            for one in {id(one): one for one in [*self._guests.values(), *self._ready]}.values():
                one.kill()
                os.waitpid(one.process, 0)
                _remove(one.folder)
            _remove(self._plan.folders)

    def _patience(self) -> int | None:
        """Return for how many milliseconds there is nothing to do unless something happens."""
        if len(self._ready) < self._plan.ready:
            return 0
        return _MEASURE_MS if any(one.folder for one in self._guests.values()) else None

    def _hand_over(self) -> bool:
        message, files, _, _ = socket.recv_fds(self._control, _LONGEST_MESSAGE, 2)
        if not message:
            return False
        programs, line = files
        one = self._ready.pop(0) if self._ready else self._fork()
        with suppress(BrokenPipeError):  # it has died, and its ending will be reported
            socket.send_fds(one.relay, [message], [programs])
        os.close(programs)
        one.line = socket.socket(fileno=line)
        for descriptor in (one.end, line):
            self._guests[descriptor] = one
            self._poll.register(descriptor, select.POLLIN)
        return True

    def _fork(self) -> Guest:
        folder = self._walls.make_folder()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = self._walls.fork()
        if not process:
            self._be_guest(theirs, folder)
        theirs.close()
        return Guest(process, os.pidfd_open(process), ours, folder)

    def _be_guest(self, relay: socket.socket, folder: str | None) -> NoReturn:
        try:
            relay = _leave_everything_behind(relay)
            self._walls.seal(folder)
            place = folder or WORK
            os.environ.update(HOME=place, TMPDIR=place, PWD=place, MPLCONFIGDIR=place)
            message, files, _, _ = socket.recv_fds(relay, _LONGEST_MESSAGE, 1)
            request = json.loads(message)
            if request["cpu_seconds"]:
                limit(resource.RLIMIT_CPU, request["cpu_seconds"])
        except BaseException as error:  # noqa: BLE001 - no program may run in half a wall
            relay.send(f"{type(error).__name__}: {error}".encode()[:_LONGEST_MESSAGE])
            os._exit(_UNSEALED)
        relay.close()
        guest.serve(socket.socket(fileno=files[0]), request["session"])

    def _attend(self, one: Guest, ended: bool) -> None:
        assert one.line
        if ended:
            self._bury(one, one.line)
            return
        order = one.line.recv(_LONGEST_MESSAGE)
        os.kill(one.process, ORDERS.get(order, signal.SIGKILL))
        if not order:
            self._forget(one.line.fileno())

    def _bury(self, one: Guest, line: socket.socket) -> None:
        _, status, usage = os.wait4(one.process, 0)
        failure = one.relay.recv(_LONGEST_MESSAGE) if status >> 8 == _UNSEALED else b""
        ending = {
            "exit_code": os.waitstatus_to_exitcode(status),
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_mb": usage.ru_maxrss / 1024,
            "overfull": one.overfull,
            "failure": failure.decode(errors="replace"),
        }
        _remove(one.folder)
        with suppress(OSError):  # the client may have gone
            line.send(json.dumps(ending).encode())
        for descriptor in (one.end, line.fileno()):
            self._forget(descriptor)
        os.close(one.end)
        line.close()
        one.relay.close()

    def _forget(self, descriptor: int) -> None:
        if self._guests.pop(descriptor, None):
            self._poll.unregister(descriptor)

    def _measure(self) -> None:
        for one in self._guests.values():
            if one.folder and not one.overfull and is_overfull(one.folder, self._plan.disk_mb):
                one.overfull = True
                one.kill()


def main() -> None:
    """Start from the command line: the descriptor of the control socket, and the plan as JSON."""
    control = socket.socket(fileno=int(sys.argv[2]))
    plan = Plan(**json.loads(sys.argv[3]))
    walls = Namespaces(plan) if plan.walls == "namespaces" else LandlockOnly(plan)
    try:
        walls.build()
        kernel.forbid_new_privileges()
        kernel.hide_memory()
        os.umask(0o077)
        limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
        warm_up(plan)
    except Exception as error:  # noqa: BLE001 - the client words it
        control.send(json.dumps({"failure": f"{type(error).__name__}: {error}"}).encode())
        return
    control.send(json.dumps({"failure": ""}).encode())
    Server(control, plan, walls).serve()


def _leave_everything_behind(relay: socket.socket) -> socket.socket:
    """Close all files of the server but the relay, and reopen them on /dev/null."""
    kernel.die_with_parent()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.dup2(relay.detach(), _RELAY)
    os.closerange(_RELAY + 1, _OPEN_FILES)
    return socket.socket(fileno=_RELAY)


def _remove(folder: str | None) -> None:
    if folder:
        # A file that cannot be removed must not stop the other programs.
        with suppress(OSError):
            remove_folder(folder)
