"""What outlives a call: sandbox processes, and whoever else says so here."""

from collections.abc import Callable

_closers: list[Callable[[], object]] = []


def on_close(closer: Callable[[], object]) -> None:
    """Have `close` call this once; what is started again afterwards says so again."""
    _closers.append(closer)


def close() -> None:
    """End what outlives calls: the processes of sandboxes, of tools and graders alike.

    The next call that needs any starts it again. At the end of the process it is done unasked.
    """
    while _closers:
        _closers.pop()()
