"""Isolation on macOS: a profile for sandbox-exec. Not tested yet."""

import os
import sys
from collections.abc import Sequence

from training_free_grpo.tools.python_sandbox.boot import PACKAGE
from training_free_grpo.tools.python_sandbox.separate import Prefix

_SYSTEM = ("/usr/lib", "/usr/share/zoneinfo", "/System/Library", "/Library/Frameworks")


def seatbelt_prefix(readable: Sequence[str]) -> Prefix:
    """Return how to run a command that can read some trees and write only in its folder."""
    python = os.path.realpath(sys.executable)
    trees = [*_SYSTEM, *readable, sys.prefix, os.path.dirname(python), PACKAGE, "/dev"]

    def prefix(folder: str) -> list[str]:
        inside = os.path.realpath(folder)
        profile = [
            "(version 1)",
            "(deny default)",
            "(allow sysctl-read)",
            "(allow file-read-metadata)",
            f"(allow process-exec (literal {_quoted(python)}))",
            *(f"(allow file-read* (subpath {_quoted(tree)}))" for tree in [*trees, inside]),
            f"(allow file-write* (subpath {_quoted(inside)}))",
            '(allow file-write-data (literal "/dev/null"))',
        ]
        return ["/usr/bin/sandbox-exec", "-p", "\n".join(profile)]

    return prefix


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
