"""A process for one client without a server, where forking is unsafe: limits, no isolation."""

import fcntl
import json
import os
import resource
import socket
import sys

from . import guest
from .limits import limit, set_limits
from .plan import Plan
from .warmth import warm_up

READY = b"ready"


def main() -> None:
    """Start from the command line, with two sockets and the plan; wait for a request."""
    relay = socket.socket(fileno=int(sys.argv[2]))
    programs = socket.socket(fileno=int(sys.argv[3]))
    plan = Plan(**json.loads(sys.argv[4]))
    warm_up(plan)
    set_limits(plan.memory_mb, plan.disk_mb)
    os.umask(0o077)
    relay.send(READY)
    message = relay.recv(4096)
    if not message:
        return
    request = json.loads(message)
    if request["cpu_seconds"]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime)
        limit(resource.RLIMIT_CPU, spent + request["cpu_seconds"])
    _end_with_the_client(relay)
    guest.serve(programs, request["session"])


def _end_with_the_client(relay: socket.socket) -> None:
    """Have the kernel end this process and its group when the other side of a socket is closed.

    The kernel then sends the signal SIGIO, which kills a process without a handler for it.
    """
    fcntl.fcntl(relay, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(relay, fcntl.F_SETFL, fcntl.fcntl(relay, fcntl.F_GETFL) | os.O_ASYNC)
