"""Imports and computations before the first program, so that no program has to wait."""

import gc
import importlib
import sys
from contextlib import suppress

from .plan import Plan


def warm_up(plan: Plan) -> None:
    """Find the packages, import the requested modules, and trigger lazy computations."""
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
