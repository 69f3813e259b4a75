"""Test the isolation before anything runs: a program attacks it from inside."""

import json
import os
import secrets
import socket
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from training_free_grpo.tools.python_sandbox.execution import Execution, Program
from training_free_grpo.tools.python_sandbox.guests import Host
from training_free_grpo.tools.python_sandbox.result import SandboxError

_PROBE = Path(__file__).with_name("probe.py")
_SECONDS = 20


def find_holes(host: Host) -> list[str]:
    """Return what a program in a new guest could do but must not be able to.

    Raises SandboxError if the program could not run properly.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-test-")))
        folder.chmod(0o755)
        canary = folder / "canary"
        canary.write_text(secrets.token_hex())
        canary.chmod(0o666)
        plan = {"canary": str(canary), "agent": os.getpid()}
        local = stack.enter_context(socket.socket(socket.AF_UNIX))
        local.bind(str(folder / "socket"))
        local.listen()
        plan["unix"] = str(folder / "socket")
        with suppress(OSError):  # no network here: then there is nothing to reach
            tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            plan["port"] = tcp.getsockname()[1]
        before = canary.read_text()
        guest = host.open(session=False, cpu_seconds=_SECONDS)
        try:
            program = Program(
                _PROBE.read_text(), json.dumps(plan), _SECONDS, _SECONDS, output_chars=10_000
            )
            result = Execution(program).run(guest, session=False)
        finally:
            guest.close()
        if result.status != "ok":
            raise SandboxError(f"a first program failed: {result.stderr.strip()[-300:]}")
        holes = [str(hole) for hole in json.loads(result.stdout)]
        if canary.read_text() != before or len(os.listdir(folder)) != 2:
            holes.append("write a file of the host")
        return holes
