"""Lower resource limits for good."""

import resource
import sys

_OPEN_FILES = 256


def set_limits(memory_mb: int, file_mb: int) -> None:
    """Limit memory, the size of a file and everything else a process can accumulate."""
    if sys.platform != "darwin":  # accepted or rejected there, but without effect
        limit(resource.RLIMIT_AS, memory_mb << 20)
    limit(resource.RLIMIT_FSIZE, file_mb << 20)
    limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    for kind in ("CORE", "MEMLOCK", "MSGQUEUE"):
        if number := getattr(resource, f"RLIMIT_{kind}", None):
            limit(number, 0)


def limit(kind: int, value: int) -> None:
    """Lower one limit; a stricter existing one stays."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))
