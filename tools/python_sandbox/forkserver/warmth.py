"""What a process imports and computes before the first program, so that none has to wait."""

import gc
import importlib
import sys
from contextlib import suppress

from .plan import Plan


def warm_up(plan: Plan) -> None:
    """Find the packages, import what is asked for, and compute once what is computed lazily."""
    package = sys.argv[1]
    del sys.argv[1:]
    sys.path[:] = [path for path in sys.path if path != package]
    sys.path += [path for path in plan.site if path not in sys.path]
    for name in plan.preimport:
        with suppress(ImportError):
            importlib.import_module(name)
    exec(compile(plan.warm_up, "<warm-up>", "exec"), {"__name__": "__main__"})
    gc.collect()
    gc.freeze()
