"""Start the sandbox's Python in a clean environment, outside of this package."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from training_free_grpo.tools.python_sandbox.forkserver.plan import Plan

PACKAGE = str(Path(__file__).parent)
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from forkserver.{} import main; main()"


def interpreter(module: str, *descriptors: int, plan: Plan) -> list[str]:
    """Return the command that runs `main` of a module of `forkserver`."""
    files = [str(descriptor) for descriptor in descriptors]
    boot = [sys.executable, "-sP", "-X", "utf8", "-c", _BOOT.format(module), PACKAGE]
    return [*boot, *files, json.dumps(asdict(plan))]


def clean_environment() -> dict[str, str]:
    """Return an environment with nothing of this process's but the location of libraries."""
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        # A multi-threaded process cannot be forked safely, and each thread reserves address space.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    if libraries := os.environ.get("LD_LIBRARY_PATH"):
        environment["LD_LIBRARY_PATH"] = libraries
    return environment


def site_folders() -> tuple[str, ...]:
    """Return the folders of installed packages that this process imports from."""
    return tuple(path for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))


def library_folders() -> tuple[str, ...]:
    """Return the folders that shared libraries are loaded from, in addition to the system's."""
    return tuple(filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)))
