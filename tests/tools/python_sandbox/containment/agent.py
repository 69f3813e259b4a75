"""The agent that the attacks are after: it holds secrets, and runs what it is given in a sandbox.

    python agent.py CHANNEL     (a socket: JSON lines)

First comes `{"secret": …, "options": …}`, then `{"codes": […]}` again and again.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import Any

from training_free_grpo.tools.python_sandbox import PythonSandbox

WATCHED = ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "URG", "IO", "ALRM", "WINCH", "XCPU")
_LANDLOCK_CREATE_RULESET, _VERSION = 444, 1


def find_offers() -> dict[str, int]:
    """Tell which tiers this machine offers to this user."""
    bubblewrap = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    syscall = ctypes.CDLL(None).syscall
    return {
        "namespaces": _works(["unshare", "--user", "--map-root-user", "--mount", "true"]),
        "bubblewrap": shutil.which("bwrap") is not None and _works(bubblewrap),
        "landlock": max(syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION), 0),
    }


def _works(command: list[str]) -> bool:
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


def run(sandbox: PythonSandbox, code: str) -> dict[str, Any]:
    """Run code; whatever the sandbox raises is part of what is observed."""
    started = time.monotonic()
    try:
        result = sandbox.run(code)
        seen = {"status": result.status, "stdout": result.stdout, "stderr": result.stderr}
    except Exception as error:  # noqa: BLE001
        seen = {"status": f"raised {error!r}", "stdout": "", "stderr": ""}
    return seen | {"wall": time.monotonic() - started}


def main(channel: socket.socket) -> None:
    """Serve until the channel is closed."""
    signals: list[int] = []
    for name in WATCHED:
        signal.signal(getattr(signal, f"SIG{name}"), lambda number, _: signals.append(number))
    with channel, channel.makefile("rw") as lines:
        hello = json.loads(lines.readline())
        print(json.dumps(find_offers()), file=lines, flush=True)
        sandbox = PythonSandbox(**hello["options"])
        for line in lines:
            runs = [run(sandbox, code) for code in json.loads(line)["codes"]]
            print(json.dumps({"runs": runs, "signals": signals}), file=lines, flush=True)
            signals.clear()


if __name__ == "__main__":
    os.set_inheritable(int(sys.argv[1]), False)
    main(socket.socket(fileno=int(sys.argv[1])))
