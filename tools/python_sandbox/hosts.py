"""Choose the isolation: the strongest that passes its test on this machine."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from training_free_grpo.tools.python_sandbox.boot import (
    PACKAGE,
    library_folders,
    site_folders,
)
from training_free_grpo.tools.python_sandbox.fork_server import ForkServer
from training_free_grpo.tools.python_sandbox.forkserver.folders import make_folder
from training_free_grpo.tools.python_sandbox.forkserver.plan import (
    DEVICES,
    WORK,
    Plan,
    Walls,
    readable_files,
    readable_trees,
)
from training_free_grpo.tools.python_sandbox.guests import Host
from training_free_grpo.tools.python_sandbox.result import SandboxError, SandboxUnavailable
from training_free_grpo.tools.python_sandbox.seatbelt import seatbelt_prefix
from training_free_grpo.tools.python_sandbox.self_test import find_holes
from training_free_grpo.tools.python_sandbox.separate import SeparateProcesses

Isolation = Literal["auto", "namespaces", "bubblewrap", "landlock", "seatbelt"]

_SHARED_DISK = 8


@dataclass(frozen=True)
class Needs:
    """What programs can see, and how much they may use."""

    memory_mb: int
    disk_mb: int
    ready: int
    preimport: tuple[str, ...]
    warm_up: str
    readable: tuple[str, ...]

    def plan(self, walls: Walls, folders: str = "") -> Plan:
        """Make the plan of a fork server."""
        return Plan(
            walls=walls,
            memory_mb=self.memory_mb,
            disk_mb=self.disk_mb,
            preimport=self.preimport,
            warm_up=self.warm_up,
            site=site_folders(),
            ready=self.ready,
            readable=(*self.readable, *library_folders()),
            folders=folders,
        )


def start_host(isolation: Isolation, needs: Needs) -> Host:
    """Start the strongest host that passes the self-test, or the named one.

    Raises SandboxUnavailable, with the reason why each of them failed.
    """
    candidates = _candidates() if isolation == "auto" else [isolation]
    reasons: dict[str, str] = {}
    for name in candidates:
        try:
            return _proved(_STARTS[name](needs))
        except (SandboxError, OSError) as error:
            reasons[name] = str(error)
    raise SandboxUnavailable(_explain(reasons))


def start_unsafe_host(needs: Needs) -> Host:
    """Start plain child processes, which have limits but no isolation."""
    return SeparateProcesses("none", needs.plan("landlock"), lambda folder: [])


def _candidates() -> list[str]:
    if sys.platform == "linux":
        return ["namespaces", "bubblewrap", "landlock"]
    return ["seatbelt"] if sys.platform == "darwin" else []


def _proved(host: Host) -> Host:
    try:
        holes = find_holes(host)
        if holes:
            raise SandboxError(f"its isolation has holes: a program could {', '.join(holes)}")
    except BaseException:
        host.close()
        raise
    return host


def _start_namespaces(needs: Needs) -> Host:
    return ForkServer("namespaces", needs.plan("namespaces"))


def _start_landlock(needs: Needs) -> Host:
    # A waiting process would hold a folder of the host's, and one would remain after each run.
    folders = make_folder(tempfile.gettempdir())
    plan = replace(needs, ready=0).plan("landlock", folders)
    return ForkServer("landlock", plan, leaves=folders)


def _start_bubblewrap(needs: Needs) -> Host:
    program = shutil.which("bwrap")
    if not program:
        raise SandboxError("there is no bwrap on the PATH")
    plan = needs.plan("bubblewrap", folders=WORK)
    size = str((needs.disk_mb << 20) * _SHARED_DISK)
    command = [program, "--unshare-all"]
    interpreter = [os.path.dirname(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg")]
    interpreter += [os.path.dirname(os.path.realpath(sys.executable)), PACKAGE]
    for path in [*readable_trees(plan), *readable_files(), *interpreter]:
        if os.path.islink(path):
            command += ["--symlink", os.path.realpath(path), path]
        elif os.path.exists(path):
            command += ["--ro-bind", path, path]
    for device in DEVICES:
        command += ["--dev-bind", device, device]
    command += ["--size", size, "--tmpfs", WORK, "--chdir", "/", "--"]
    return ForkServer("bubblewrap", plan, command)


def _start_seatbelt(needs: Needs) -> Host:
    plan = needs.plan("landlock")
    return SeparateProcesses("seatbelt", plan, seatbelt_prefix(readable_trees(plan)))


_STARTS: Mapping[str, Callable[[Needs], Host]] = {
    "namespaces": _start_namespaces,
    "bubblewrap": _start_bubblewrap,
    "landlock": _start_landlock,
    "seatbelt": _start_seatbelt,
}

_REMEDY = {
    "linux": (
        "Any one of these helps: a kernel from 5.13 on with Landlock; unprivileged user namespaces "
        "(sysctl kernel.unprivileged_userns_clone=1 on old Debian, "
        "kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu); the package bubblewrap; a "
        "container that allows the calls of Landlock."
    ),
    "darwin": "Python 3.13 or newer is needed, and sandbox-exec.",
}


def _explain(reasons: Mapping[str, str]) -> str:
    tried = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    remedy = _REMEDY.get(sys.platform, "On Windows, run this inside WSL 2, which is Linux.")
    return (
        f"No isolation works on this machine ({tried or 'none is known for ' + sys.platform}). "
        f"{remedy} Or use a remote sandbox. For code that you trust, there is "
        "unsafe_local=True, which protects nothing."
    )
