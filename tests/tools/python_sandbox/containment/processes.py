"""What /proc tells about a process."""

import os
from contextlib import suppress
from pathlib import Path


def read_stat(process: Path) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; the name before may hold anything."""
    return (process / "stat").read_text().rpartition(")")[2].split()


def resident_mb(pid: int) -> float:
    """Return the memory that a process has now, 0 if it is gone."""
    with suppress(OSError):
        pages = int(Path("/proc", str(pid), "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def peak_mb(pid: int) -> float:
    """Return the most memory that a process had since its peak was cleared."""
    for line in Path("/proc", str(pid), "status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def describe(pid: int) -> str:
    """Name a process by its number, its command and its state."""
    with suppress(OSError):
        command = Path("/proc", str(pid), "cmdline").read_bytes()[:60]
        return f"{pid} {command.decode(errors='replace')} {read_stat(Path('/proc', str(pid)))[0]}"
    return str(pid)
