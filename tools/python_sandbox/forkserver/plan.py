"""The settings of a fork server, and what it sees of the host."""

import os
import sys
from dataclasses import dataclass
from typing import Literal

Walls = Literal["namespaces", "bubblewrap", "landlock"]

WORK = "/home/sandbox"
"""The working folder of programs, if it is inside the sandbox's own file system."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
MAX_FILES = 4096
_FILES = ("/etc/ld.so.cache",)
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo")


@dataclass(frozen=True)
class Plan:
    """The settings of a fork server, passed to it as JSON."""

    walls: Walls
    memory_mb: int
    disk_mb: int
    preimport: tuple[str, ...]
    """Modules that are imported once, before any program; missing ones are skipped."""
    warm_up: str
    """Python run once after the imports, so that programs find its lazy results ready."""
    site: tuple[str, ...]
    """Folders of installed packages, in search order."""
    ready: int
    """The number of sealed processes that wait for the next program."""
    readable: tuple[str, ...]
    """Further files and folders of the host that programs may read."""
    folders: str
    """Where the working folders of programs are created, unless each has its own file system.

    It belongs to the server, and is removed with it.
    """


def readable_trees(plan: Plan) -> list[str]:
    """Return the topmost folders and files that a program may read: Python and its packages."""
    python = [os.path.join(prefix, "lib") for prefix in (sys.base_prefix, sys.prefix)]
    wanted = [*_LIBRARIES, *python, *plan.site, *plan.readable]
    if sys.base_prefix.startswith("/nix/store/"):
        wanted.append("/nix/store")
    there = {os.path.abspath(path) for path in wanted if os.path.exists(path)}
    trees: list[str] = []
    for path in sorted(there | {os.path.realpath(path) for path in there}):
        if not any(path == tree or path.startswith(f"{tree}/") for tree in trees):
            trees.append(path)
    return trees


def readable_files() -> list[str]:
    """Return the single files of the system that a program may read."""
    return [path for path in _FILES if os.path.exists(path)]
