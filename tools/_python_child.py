"""What runs inside the process of a `PythonSandbox`: limits first, then the code on stdin.

A script, never imported. The limits come as arguments (`AS=1073741824`), the code as the
standard input, which is empty once the code has been read.
"""

import ast
import linecache
import os
import resource
import sys
import traceback
from types import ModuleType, TracebackType

CODE = "<code>"


def limit(name: str, value: int) -> None:
    """Lower a resource limit for good; one that is stricter already stays."""
    kind = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def receive() -> str:
    """Read the code, and leave an empty standard input behind."""
    source = sys.stdin.buffer.read().decode()
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    return source


def explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Write a traceback that shows the frames of the code and no others."""
    report = traceback.TracebackException(kind, error, trace)
    pending = [report]
    while pending:
        part = pending.pop()
        part.stack[:] = [frame for frame in part.stack if frame.filename == CODE]
        related = [part.__cause__, part.__context__, *(part.exceptions or [])]
        pending += [other for other in related if other]
    sys.stderr.write("".join(report.format()))


def execute(source: str) -> None:
    """Run the code as `__main__`, and echo the value of a last bare expression."""
    linecache.cache[CODE] = (len(source), None, source.splitlines(keepends=True), CODE)
    main = sys.modules["__main__"] = ModuleType("__main__")
    tree = ast.parse(source, CODE)
    last = [tree.body.pop()] if tree.body and isinstance(tree.body[-1], ast.Expr) else []
    exec(compile(tree, CODE, "exec", dont_inherit=True), vars(main))
    exec(compile(ast.Interactive(last), CODE, "single", dont_inherit=True), vars(main))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        name, value = argument.split("=")
        limit(name, int(value))
    del sys.argv[1:]
    # A line that was printed is not lost when the process is killed.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.excepthook = explain
    execute(receive())
