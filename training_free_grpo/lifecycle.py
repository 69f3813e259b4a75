"""Resources that outlive a call: sandbox processes, and anything else registered here."""

from collections.abc import Callable

_closers: list[Callable[[], object]] = []


def on_close(closer: Callable[[], object]) -> None:
    """Register `close` to be called once; a resource that starts again registers again."""
    _closers.append(closer)


def close() -> None:
    """Close everything that outlives calls: the sandbox processes of tools and graders.

    The next call that needs one starts it again. At the end of the process this is automatic.
    """
    while _closers:
        _closers.pop()()
