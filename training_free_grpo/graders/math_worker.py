"""The process in which formulas are compared, because comparing them may never end.

It answers JSON lines on standard output and ends with its standard input. Covered: time, by
the parent's kill and a CPU limit; memory; writing of files. Not covered: it is no sandbox for
hostile code, and without POSIX limits only the parent's kill holds.
"""

import json
import sys
from collections.abc import Callable
from typing import Any, TextIO

_MEMORY = 2 * 1024**3
_CPU_SECONDS = 20

Compare = Callable[[list[str], str], bool | None]


def main() -> None:
    """Serve comparisons until standard input ends."""
    replies, sys.stdout = sys.stdout, sys.stderr
    compare = _load()
    limit = _limits()
    _say(replies, "ready")
    for line in sys.stdin:
        limit()
        request = json.loads(line)
        _say(replies, compare(request["golds"], request["answer"]))


def _say(replies: TextIO, message: Any) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _load() -> Compare:
    # Imported here, so that the import of this module costs nothing elsewhere.
    from math_verify import LatexExtractionConfig, parse, verify

    def read(text: str) -> list[Any]:
        # Its own time-outs are signals; here the parent holds the clock.
        expressions: list[Any] = parse(
            f"${text}$",
            [LatexExtractionConfig()],
            fallback_mode="no_fallback",
            parsing_timeout=None,
            raise_on_error=False,
        )
        return expressions

    def compare(golds: list[str], answer: str) -> bool | None:
        readable = [gold for gold in map(read, golds) if gold]
        given = read(answer)
        if any(_verify(verify, gold, given) for gold in readable):
            return True
        return False if len(readable) == len(golds) else None

    return compare


def _verify(verify: Callable[..., bool], gold: list[Any], given: list[Any]) -> bool:
    return verify(gold, given, allow_set_relation_comp=True, timeout_seconds=None)


def _limits() -> Callable[[], None]:
    if sys.platform == "win32":
        return lambda: None
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def renew() -> None:
        # CPU time adds up over a process's life, so each request moves the limit on.
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(used.ru_utime + used.ru_stime) + _CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))

    return renew


if __name__ == "__main__":
    main()
