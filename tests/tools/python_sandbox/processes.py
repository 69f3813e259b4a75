"""The processes of this machine, as /proc tells of them."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest


def descendants(process: int) -> set[int]:
    """Return the processes that a process has started, and those that they have, still alive."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found = {process}
    while new := {each for each, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {process}


def is_alive(process: int) -> bool:
    """Tell whether a process is there and no zombie."""
    return bool(_fields(process))


def state_of(process: int) -> str:
    """Return the letter of a process's state: R, S, T for stopped; nothing for one that is gone."""
    return (_fields(process) or [""])[0]


def wait_until(holds: Callable[[], bool]) -> None:
    """Return as soon as something holds; fail if it does not within a minute."""
    for _ in range(6000):
        if holds():
            return
        time.sleep(0.01)
    pytest.fail("it did not come true within a minute")


def _fields(process: int) -> list[str]:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if fields[0] in "ZX" else fields
