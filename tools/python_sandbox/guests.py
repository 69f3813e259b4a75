"""What the client knows of a process that runs programs."""

import socket
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Ending:
    """How a process ended, as its parent saw it."""

    exit_code: int
    cpu_seconds: float
    peak_mb: float
    overfull: bool = False
    failure: str = ""
    """Why it could not be sealed; in this case it ran nothing."""


class Guest(Protocol):
    """A sealed process."""

    isolation: str
    programs: socket.socket
    """Takes a program as four open files, see `forkserver.guest`."""

    @property
    def end(self) -> int:
        """A descriptor that becomes readable when the process has ended."""

    def ending(self) -> Ending | None:
        """Return how it ended, None while it runs."""

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the program."""

    def pause(self) -> None:
        """Suspend it: a suspended program uses no time."""

    def resume(self) -> None:
        """Resume it."""

    def kill(self) -> None:
        """Kill it and all that it started; its ending follows."""

    def close(self) -> None:
        """Release it; if it is running, it is killed."""

    def leave(self) -> None:
        """Leave the process to the parent, in a forked child."""


class Host(Protocol):
    """What provides guests."""

    isolation: str
    lost: bool
    """The provider has died, and can provide no more guests."""

    def open(self, session: bool, cpu_seconds: int | None) -> Guest:
        """Return a process that has not run anything yet. Raises SandboxError if there is none."""

    def close(self) -> None:
        """End all processes."""

    def leave(self) -> None:
        """Leave all processes to the parent, in a forked child."""
