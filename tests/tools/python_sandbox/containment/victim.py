"""The agent from outside: its secrets, where they are kept, and the process that holds them."""

import json
import os
import secrets
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.tools.python_sandbox.containment.disk import HOME, plant
from tests.tools.python_sandbox.containment.processes import read_stat

JSON = dict[str, Any]

CANARY = Path("/tmp/sbxcanary")
_AGENT = Path(__file__).with_name("agent.py")


class Agent:
    """The process that has something to lose."""

    def __init__(self, uid: int, options: JSON) -> None:
        home = HOME if uid else Path("/root")
        ours, theirs = socket.socketpair()
        environment = {
            "PATH": os.defpath,
            "HOME": str(home),
            "OPENAI_API_KEY": make_secret("ENV"),
            "PWD": str(HOME / "project"),
        }
        held = [os.open(path, os.O_RDONLY) for path in ("/", CANARY / "secret.txt")]
        with theirs, (CANARY / "stdin.txt").open() as stdin:
            (CANARY / "stdin.txt").unlink()
            self.process = subprocess.Popen(
                [sys.executable, "-B", "-W", "ignore", _AGENT, str(theirs.fileno())],
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                cwd=HOME / "project",
                env=environment,
                pass_fds=[theirs.fileno(), *held],
                **as_user(uid),
            )
        for descriptor in held:
            os.close(descriptor)
        self.channel = ours
        self._lines = ours.makefile("rw")
        self.send({"secret": make_secret("HEAP"), "options": options})

    def send(self, message: JSON) -> None:
        print(json.dumps(message), file=self._lines, flush=True)

    def receive(self) -> JSON | None:
        """Return the next message, None when the agent is gone."""
        with suppress(ConnectionError):
            line = self._lines.readline()
            return json.loads(line) if line else None
        return None

    def traits(self) -> dict[str, str]:
        """Tell what others could have done to the process."""
        process = Path("/proc", str(self.process.pid))
        stat = read_stat(process)
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        kept = {name: status[name].strip() for name in ("Uid", "Gid", "TracerPid", "Cpus_allowed")}
        kept |= {"stopped": str(stat[0] in "Tt"), "nice": stat[16], "policy": stat[38]}
        kept["limits"] = (process / "limits").read_text()
        kept["oom_score_adj"] = (process / "oom_score_adj").read_text()
        return {f"agent's {name}": value for name, value in kept.items()}


def furnish_homes(owner: int) -> None:
    """Plant what must not be read, and files that must not be changed."""
    for home in (HOME, Path("/root")):
        plant(home / ".ssh" / "id_rsa", make_secret("SSH"), owner)
        plant(home / ".aws" / "credentials", make_secret("AWS"), owner)
    plant(HOME / ".ssh" / "id_canary", make_secret("SSH"), owner)
    plant(HOME / ".config" / "gh" / "hosts.yml", make_secret("GH"), owner)
    plant(HOME / ".bashrc", "# empty\n", owner)
    plant(HOME / "project" / ".env", f"API_KEY={make_secret('DOTENV')}\n", owner)
    plant(HOME / "canary_write.txt", "original", owner)
    plant(CANARY / "secret.txt", make_secret("FILE"), owner, 0o644)
    plant(CANARY / "stdin.txt", make_secret("STDIN"), owner)
    plant(CANARY / "writable.txt", "original", owner, 0o666)
    shadow = f"root:{make_secret('SHADOW')}:19000:0:99999:7:::\n"
    plant(Path("/etc/shadow"), shadow, os.getuid(), 0o640)


def as_user(uid: int) -> JSON:
    """Return what makes `Popen` start a process as another user."""
    return {} if uid == os.getuid() else {"user": uid, "group": uid, "extra_groups": []}


def make_secret(place: str) -> str:
    """Make a text that is found nowhere else, and that tells where it was."""
    return f"CANARY-{place}-{secrets.token_hex(3)}"
