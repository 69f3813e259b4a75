"""Otherwise unused user ids, which root switches to before it runs a program."""

import os

from . import kernel

# Beyond the users of any system; servers on one machine are a million apart.
_FIRST, _SERVERS, _PER_SERVER = 1_500_000_000, 500, 1_000_000


class ThrowAwayUsers:
    """One user after the other, each for one program: no limit or signal is shared by two.

    Raises OSError if there is no such user.
    """

    def __init__(self) -> None:
        first = _FIRST + os.getpid() % _SERVERS * _PER_SERVER
        self._first, self._count = _mapped(first, _PER_SERVER)
        if not self._count:
            raise OSError("root has no other users to run programs as in this user namespace")
        self._serial = 0

    @property
    def current(self) -> int:
        """The id of the user, and of its group."""
        return self._first + self._serial % self._count

    def next(self) -> None:
        """Continue with the next user."""
        self._serial += 1

    def become(self) -> None:
        """Switch this process to the current user, for good."""
        kernel.forget_capabilities()
        os.setgroups([])
        os.setresgid(self.current, self.current, self.current)
        os.setresuid(self.current, self.current, self.current)
        # Forgotten by the kernel when the user changes.
        kernel.die_with_parent()


def _mapped(first: int, count: int) -> tuple[int, int]:
    """Return a range of user ids that exist here; a container may have about 65,000 in all."""
    with open("/proc/self/uid_map") as lines:
        ranges = [(int(start), int(length)) for start, _, length in map(str.split, lines)]
    start, length = max(ranges, key=lambda each: each[1])
    if start <= first and first + count <= start + length:
        return first, count
    return start + length - length // 8, length // 8
