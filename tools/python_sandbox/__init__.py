"""Run Python that a model wrote, sealed off from the process, the files and the network here.

    sandbox = PythonSandbox(timeout=10, memory_mb=1024)
    sandbox.run("import sympy; sympy.factorint(1001)").stdout   # {7: 1, 11: 1, 13: 1}

Code runs in a process forked from a warm one and isolated by the kernel. The sandbox tries the
kinds of isolation on the machine, the strongest first; `PythonSandbox.isolation` names the one in
use. If none works, nothing runs. docs/sandbox.md describes what each of them covers, and what
none does.
"""

from training_free_grpo.tools.python_sandbox.remote import RemoteSandbox
from training_free_grpo.tools.python_sandbox.result import (
    Result,
    SandboxError,
    SandboxUnavailable,
)
from training_free_grpo.tools.python_sandbox.sandbox import PythonSandbox
from training_free_grpo.tools.python_sandbox.session import Session
from training_free_grpo.tools.python_sandbox.tool import PythonTool, make_python_tool

__all__ = [
    "PythonSandbox",
    "PythonTool",
    "RemoteSandbox",
    "Result",
    "SandboxError",
    "SandboxUnavailable",
    "Session",
    "make_python_tool",
]
