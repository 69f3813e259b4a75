"""The first process of the make-believe host: it starts the agent and watches every run.

    python -m tests.tools.python_sandbox.containment.warden CONFIG     (JSON)

It answers `{"codes": […], "patience": seconds}` on stdin with what it observed, on stdout, and
`{"code": …}` with what outlives an agent that is killed in the midst of it.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.tools.python_sandbox.containment.disk import Disk, furnish
from tests.tools.python_sandbox.containment.host import OUTSIDE, enter
from tests.tools.python_sandbox.containment.processes import describe, peak_mb, resident_mb
from tests.tools.python_sandbox.containment.sentries import Sentries, open_sockets
from tests.tools.python_sandbox.containment.victim import (
    CANARY,
    Agent,
    as_user,
    furnish_homes,
    make_secret,
)

JSON = dict[str, Any]

_SETTLING = 1.5
"""Seconds in which what a run left behind must be gone."""
_TICK = 0.01
_BYSTANDERS = 6
_MIDST = 0.3
"""Seconds into a run."""
_CLEAR_PEAK = "5"
_SOCKET = "socket "


class Warden:
    """Runs codes in the agent and tells what they did to the host."""

    def __init__(self, disk: Disk, uid: int, options: JSON) -> None:
        self._disk = disk
        furnish(uid)
        furnish_homes(uid)
        self._sentries = Sentries(CANARY, OUTSIDE, make_secret("SOCKET"))
        os.openpty()
        os.chown("/dev/pts/0", uid, -1)
        self._bystanders = [
            subprocess.Popen(["sleep", "infinity"], **as_user(uid)) for _ in range(_BYSTANDERS)
        ]
        self._agent = Agent(uid, options)
        self._known = {1, self._agent.process.pid, *(one.pid for one in self._bystanders)}
        self._crowd = 0
        # From here on the kernel reaps what is orphaned; the agent was started with the default.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def greet(self) -> JSON:
        """Return what the agent says first."""
        return self._agent.receive() or {}

    def observe(self, codes: list[str], patience: float) -> JSON:
        """Run codes one after the other and return everything that was seen."""
        pid = self._agent.process.pid
        before = self._state()
        self._crowd = max(self._crowd, len(self._others()))
        Path("/proc", str(pid), "clear_refs").write_text(_CLEAR_PEAK)
        self._sentries.contacts.clear()
        self._agent.send({"codes": codes})
        seen = self._watch(patience)
        answer = self._agent.receive() if seen["answered"] else None
        if answer is None:
            return {"alive": False}
        opened = seen["sockets"] - {name for name in before if name.startswith(_SOCKET)}
        self._wait_until(lambda: len(self._others()) <= self._crowd)
        crowd = self._others()
        self._wait_until(lambda: not self._differences(before))
        return {
            "alive": True,
            "runs": answer["runs"],
            "signals": answer["signals"],
            "processes": seen["processes"],
            "box_mb": seen["memory"],
            "agent_mb": peak_mb(pid),
            "contacts": self._sentries.contacts,
            "opened": sorted(opened),
            "survivors": [describe(pid) for pid in crowd] if len(crowd) > self._crowd else [],
            "changes": self._differences(before),
        }

    def kill_during(self, code: str) -> JSON:
        """Kill the agent while it runs code, and tell what is still running then."""
        self._agent.send({"codes": [code]})
        self._watch(patience=_MIDST)
        self._agent.process.kill()
        self._wait_until(lambda: not self._others())
        return {"survivors": [describe(pid) for pid in self._others()]}

    def _watch(self, patience: float) -> JSON:
        """Look at everything that may be over in a moment, until the agent answers or is gone."""
        processes, memory, answered = 0, 0.0, False
        sockets: set[str] = set()
        deadline = time.monotonic() + patience
        while not answered and time.monotonic() < deadline:
            others = self._others()
            processes = max(processes, len(others))
            memory = max(memory, sum(map(resident_mb, others)))
            sockets.update(_SOCKET + name for name in open_sockets())
            answered = bool(select.select([self._agent.channel], [], [], _TICK)[0])
            self._sentries.attend()
        return {
            "processes": processes,
            "memory": memory,
            "sockets": sockets,
            "answered": answered,
        }

    def _others(self) -> list[int]:
        """List every process that was not there before the first run."""
        pids = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        return sorted(pids - self._known)

    def _state(self) -> dict[str, str]:
        state = self._disk.survey() | self._agent.traits()
        state |= dict.fromkeys((_SOCKET + name for name in open_sockets()), "")
        state |= {f"bystander {one.pid}": describe(one.pid) for one in self._bystanders}
        for table in ("shm", "msg", "sem"):
            state[f"System V {table}"] = Path("/proc/sysvipc", table).read_text()
        state["message queues"] = str(os.listdir("/dev/mqueue"))
        return state

    def _differences(self, before: dict[str, str]) -> list[str]:
        after = self._state()
        return sorted(name for name in before | after if before.get(name) != after.get(name))

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _SETTLING
        while not condition() and time.monotonic() < deadline:
            time.sleep(_TICK)


def main(config: JSON) -> None:
    """Serve until stdin is closed; then everything here ends with this process."""
    try:
        enter()
        disk = Disk()
    except OSError as error:
        _say({"unavailable": str(error)})
        return
    warden = Warden(disk, **config)
    _say(warden.greet())
    for line in sys.stdin:
        request = json.loads(line)
        _say(warden.observe(**request) if "codes" in request else warden.kill_during(**request))


def _say(message: JSON) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
