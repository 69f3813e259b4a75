"""Run attacks on a sandbox that stands in a make-believe host."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from tests.tools.python_sandbox.containment.attack import (
    ANSWER,
    ENDLESS,
    HONEST,
    OUTPUT_CHARS,
    Attack,
)

JSON = dict[str, Any]
User = Literal["root", "ordinary"]

USERS: tuple[User, ...] = ("root", "ordinary") if os.getuid() == 0 else ("ordinary",)
"""Whom this process can be."""
TIERS: dict[str, JSON] = {
    "namespaces": {"isolation": "namespaces"},
    "bubblewrap": {"isolation": "bubblewrap"},
    "landlock": {"isolation": "landlock"},
    "none": {"unsafe_local": True, "workers": 1, "preimport": (), "warm_up": ""},
}
"""Options of the sandbox by what is to keep programs in; "none" is the measure of the others."""
ORDINARY_UID = 12345
State = Literal["new", "ready", "closed"]
_CHECKOUT = Path(__file__).resolve().parents[4]
_WARDEN = "tests.tools.python_sandbox.containment.warden"


class ArenaUnavailable(Exception):
    """This machine does not allow a make-believe host."""


class Arena:
    """A host with an agent on it, whose sandbox is of one tier.

    The host is replaced by a new one after every attack that was not contained.
    """

    def __init__(self, tier: str, user: User, timeout: float) -> None:
        uid = os.getuid() or (0 if user == "root" else ORDINARY_UID)
        limits = {"timeout": timeout, "memory_mb": 1024, "output_chars": OUTPUT_CHARS}
        self._config = json.dumps({"uid": uid, "options": limits | TIERS[tier]})
        self._timeout = timeout
        self._state: State = "closed"
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def attack(self, attack: Attack) -> list[str]:
        """Run an attack and say what it achieved; nothing when it was contained."""
        self._prepare()
        seen = self._ask({"codes": attack.codes, "patience": self._patience(attack.codes)})
        achieved = attack.judge(seen, self._timeout)
        if achieved:
            self.close()
        return achieved

    def kill_agent(self) -> list[str]:
        """Kill the agent in the midst of a run, and say what is still running afterwards."""
        self._prepare()
        survivors: list[str] = self._ask({"code": ENDLESS})["survivors"]
        self.close()
        return survivors

    def close(self) -> None:
        """End the host and everything in it."""
        if self._state != "closed":
            self._warden.communicate()
            self._state = "closed"

    def _start(self) -> None:
        self._warden = subprocess.Popen(
            [sys.executable, "-B", "-m", _WARDEN, self._config],
            cwd=_CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._state = "new"
        self.offers = self._receive()
        if reason := self.offers.get("unavailable"):
            self.close()
            raise ArenaUnavailable(f"this needs root or unprivileged user namespaces: {reason}")

    def _prepare(self) -> None:
        """Let the sandbox start what it keeps, so that it does not look like a leftover."""
        if self._state == "closed":
            self._start()
        if self._state == "new":
            codes = [HONEST, HONEST]
            seen = self._ask({"codes": codes, "patience": self._patience(codes)})
            if not seen["alive"] or seen["runs"][-1]["stdout"].strip() != ANSWER:
                raise RuntimeError(f"The sandbox does not work here: {seen}")
            self._state = "ready"

    def _patience(self, codes: list[str]) -> float:
        return (self._timeout + 5) * len(codes)

    def _ask(self, request: JSON) -> JSON:
        assert self._warden.stdin
        print(json.dumps(request), file=self._warden.stdin, flush=True)
        return self._receive()

    def _receive(self) -> JSON:
        assert self._warden.stdout
        line = self._warden.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError("The warden of the make-believe host ended unexpectedly.")
        answer: JSON = json.loads(line)
        return answer
