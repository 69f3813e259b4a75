"""Let Ctrl-C interrupt a question at any time."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TICK = 0.1


@contextmanager
def interruptible() -> Iterator[None]:
    """Handle a Ctrl-C that arrives just before Python starts to wait for input.

    Python notices such a signal only when the wait ends, which may be never; a timer that ends
    system calls makes it look again.
    """
    if not sys.stdin.isatty():
        yield
        return
    handler = signal.signal(signal.SIGALRM, lambda *_: None)
    timer = signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
