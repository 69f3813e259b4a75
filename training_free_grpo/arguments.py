"""How a message names an argument: as Python has it, or as a flag of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

_flags = False


def argument(python: str, flag: str) -> str:
    """Return the name of an argument in the form in which the user gave it."""
    return flag if _flags else python


def map_field(name: str, field: str = "FIELD") -> str:
    """Return how a field of the rows is named."""
    return argument(f"mapping={{{name!r}: {field!r}}}", f"--map {name}={field}")


@contextmanager
def named_as_flags() -> Iterator[None]:
    """Name arguments as flags within: for a command, which has its process to itself."""
    global _flags
    before, _flags = _flags, True
    try:
        yield
    finally:
        _flags = before
