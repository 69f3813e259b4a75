"""Compare formulas where a model's text can do no harm: to read it with SymPy is to run it."""

import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training_free_grpo.tools.python_sandbox import PythonSandbox

_SECONDS = 1.8
_CPU_SECONDS = 1
_MEMORY_MB = 2048
_PREIMPORT = ("sympy", "latex2sympy2_extended", "latex2sympy2_extended.latex2sympy2")
_COMPARE = """
import json, sys, math_worker
print(json.dumps(math_worker.compare(**json.load(sys.stdin))))
"""
# What the first comparison loads and builds, none has to wait for.
_WARM_UP = """
import sys, types
sys.modules["math_worker"] = worker = types.ModuleType("math_worker")
exec({source!r}, vars(worker))
worker.compare([r"\\frac{{x}}{{2}} + 1"], "y")
"""


def equal(golds: Sequence[str], answer: str, tolerance: float = 0.0) -> bool | None:
    """Ask whether an answer equals one of the expected formulas; None if that stays open.

    A decimal may miss an exact value by the relative tolerance. Raises SandboxUnavailable where
    no sandbox can be had.
    """
    request = json.dumps({"golds": list(golds), "answer": answer, "tolerance": tolerance})
    sandbox = _sandbox(os.getpid())
    result = sandbox.run(_COMPARE, request, _SECONDS, cpu_seconds=_CPU_SECONDS)
    return {"true": True, "false": False}.get(result.stdout.strip())


@functools.cache
def _sandbox(_process_id: int) -> "PythonSandbox":
    # After a fork, the parent's threads are not there. Imported late: with it comes LangChain.
    from training_free_grpo.tools.python_sandbox import PythonSandbox

    worker = Path(__file__).with_name("math_worker.py").read_text("utf-8")
    return PythonSandbox(
        memory_mb=_MEMORY_MB, preimport=_PREIMPORT, warm_up=_WARM_UP.format(source=worker)
    )
