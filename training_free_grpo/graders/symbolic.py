"""Compare formulas in a sandbox: reading a model's text with SymPy means running it."""

import functools
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from training_free_grpo.lifecycle import on_close

if TYPE_CHECKING:
    from training_free_grpo.tools.python_sandbox import PythonSandbox

_SECONDS = 1.8
_CPU_SECONDS = 1
_MEMORY_MB = 2048
_REMEMBERED = 50_000
_PREIMPORT = ("sympy", "latex2sympy2_extended", "latex2sympy2_extended.latex2sympy2")
_FORMULAS = f"{__package__}.formulas"
_MODULES = ("truth", "values", "nodes", "ranges", "comparison")  # each imports the ones before it
_COMPARE = f"""
import json, sys
from {_FORMULAS}.comparison import compare
print(json.dumps(compare(**json.load(sys.stdin))))
"""
# Everything that the first comparison loads and builds, so that none has to wait.
_WARM_UP = """
import sys, types
for name, source in {sources!r}:
    sys.modules[name] = module = types.ModuleType(name)
    exec(source, vars(module))
module.compare([r"\\frac{{x}}{{2}} + 1"], "y")
"""


def equal(golds: Sequence[str], answer: str, tolerance: float = 0.0) -> bool | None:
    """Return whether an answer equals one of the expected formulas; None if that is undecided.

    A decimal may differ from an exact value by the relative tolerance. Raise SandboxUnavailable
    where no sandbox works.
    """
    return _compared.find(
        json.dumps({"golds": list(golds), "answer": answer, "tolerance": tolerance})
    )


def _compare(request: str) -> bool | None:
    result = _sandbox().run(_COMPARE, request, _SECONDS, cpu_seconds=_CPU_SECONDS)
    return {"true": True, "false": False}.get(result.stdout.strip())


class _Comparisons:
    """Makes each comparison once: the attempts of a group produce the same few answers."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget all comparisons: some may be running in threads that a forked child lacks."""
        self._known: OrderedDict[str, Future[bool | None]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, request: str) -> bool | None:
        with self._lock:
            mine = request not in self._known
            future = self._known.setdefault(request, Future())
            self._known.move_to_end(request)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        if mine:
            self._settle(request, future)
        return future.result()

    def _settle(self, request: str, future: Future[bool | None]) -> None:
        try:
            future.set_result(_compare(request))
        except Exception as error:  # noqa: BLE001 - it is for everyone who waits
            future.set_exception(error)
        if future.exception() or future.result() is None:  # on an idle machine it may succeed
            with self._lock:
                self._known.pop(request, None)


_compared = _Comparisons()
os.register_at_fork(after_in_child=_compared.forget)


@functools.cache
def _sandbox() -> "PythonSandbox":
    # Imported late, since it imports LangChain.
    from training_free_grpo.tools.python_sandbox import PythonSandbox

    folder = Path(__file__).with_name("formulas")
    sources = [
        (f"{_FORMULAS}.{name}", (folder / f"{name}.py").read_text("utf-8")) for name in _MODULES
    ]
    sandbox = PythonSandbox(
        memory_mb=_MEMORY_MB, preimport=_PREIMPORT, warm_up=_WARM_UP.format(sources=sources)
    )
    on_close(_sandbox.cache_clear)
    on_close(sandbox.close)
    return sandbox
