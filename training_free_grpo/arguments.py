"""The names of arguments in messages: as in Python, or as flags of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

_flags = False


def argument(python: str, flag: str) -> str:
    """Return the name of an argument in the form that the user used."""
    return flag if _flags else python


def map_field(name: str, field: str = "FIELD") -> str:
    """Return the argument that names a field of the rows."""
    return argument(f"mapping={{{name!r}: {field!r}}}", f"--map {name}={field}")


@contextmanager
def named_as_flags() -> Iterator[None]:
    """Use flags as names of arguments within: for a command, which has its process to itself."""
    global _flags
    before, _flags = _flags, True
    try:
        yield
    finally:
        _flags = before
