"""Run programs in this process: each arrives as four open files on a socket.

The files are the code and the standard input, output and error. A session keeps its namespace and
reports the outcome after each program; otherwise the process ends.
"""

import ast
import atexit
import inspect
import linecache
import os
import re
import resource
import socket
import sys
import threading
import traceback
from types import ModuleType, TracebackType
from typing import IO, NoReturn

from .source import read

CODE = "<code>"
_NO_PROCESSES = (
    "This sandbox has one process and starts no other: compute in a plain loop, or use threads."
)
_POOLS = re.compile(r"/(?:multiprocessing|joblib|loky)/|/concurrent/futures/process\.py")
_STARTS = re.compile(r"\bos\.(?:fork|forkpty|spawn|posix_spawn|exec|popen|system)")


def serve(programs: socket.socket, session: bool) -> NoReturn:
    """Run programs until the other side has gone."""
    main = sys.modules["__main__"] = ModuleType("__main__")
    sys.argv = [CODE]
    sys.set_int_max_str_digits(0)  # time and memory are limited already
    if "numpy" in sys.modules:
        # A fork inherits the state of the old generator; `random` reseeds itself.
        sys.modules["numpy"].random.seed(int.from_bytes(os.urandom(4), "little"))
    spent = 0.0
    while files := _receive(programs):
        source = _take_over(*files)
        if not session:
            programs.close()
        exit_code = _execute(source, main)
        if not session:
            _finish(exit_code)
        _flush()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds = usage.ru_utime + usage.ru_stime
        programs.send(b"%d %f %f\n" % (exit_code, seconds - spent, usage.ru_maxrss / 1024))
        spent = seconds
    os._exit(0)


def _receive(programs: socket.socket) -> list[int]:
    while True:
        try:
            _, files, _, _ = socket.recv_fds(programs, 1, 4)
            return files
        except KeyboardInterrupt:
            # Meant for the previous program, which ended at that moment.
            continue


def _take_over(code: int, *standard: int) -> str:
    """Install the standard files, and read the code."""
    with open(code, "rb") as file:
        source = file.read().decode("utf-8", "replace")
    for place, file_number in enumerate(standard):
        os.dup2(file_number, place)
        os.close(file_number)
    for place, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _open_text(place, "w" if place else "r")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    return source


def _open_text(place: int, mode: str) -> IO[str]:
    # Line by line: what was printed is not lost when the process is killed.
    utf8, any_text = "utf-8", "backslashreplace"
    return open(place, mode, buffering=1, encoding=utf8, errors=any_text, closefd=False)


def _execute(source: str, main: ModuleType) -> int:
    """Run code in a module, echo the value of a last bare expression, return the exit code."""
    _show_in_tracebacks(source)
    try:
        source, tree = read(source, CODE)
        _show_in_tracebacks(source)
        last = [tree.body.pop()] if tree.body and isinstance(tree.body[-1], ast.Expr) else []
        _run(tree, "exec", main)
        _run(ast.Interactive(last), "single", main)
    except SystemExit as end:
        return _exit_code(end)
    except BaseException as error:  # noqa: BLE001 - whatever a program raises
        _explain(type(error), error, error.__traceback__)
        return 1
    return 0


def _show_in_tracebacks(source: str) -> None:
    linecache.cache[CODE] = (len(source), None, source.splitlines(keepends=True), CODE)


def _run(tree: ast.Module | ast.Interactive, mode: str, main: ModuleType) -> None:
    """Run a program, or its last expression; one that awaits at the top gets an event loop."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(tree, CODE, mode, flags=flags, dont_inherit=True)
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio

        asyncio.run(eval(code, vars(main)))
    else:
        exec(code, vars(main))


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    sys.stderr.write(f"{end.code}\n")
    return 1


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Write a traceback that shows only the frames of the code."""
    try:
        if _wants_processes(error, trace):
            error.add_note(_NO_PROCESSES)
        report = traceback.TracebackException(kind, error, trace)
        pending = [report]
        while pending:
            part = pending.pop()
            part.stack[:] = [frame for frame in part.stack if frame.filename == CODE]
            related = [part.__cause__, part.__context__, *(part.exceptions or [])]
            pending += [other for other in related if other]
        sys.stderr.write("".join(report.format()))
    except BaseException:  # noqa: BLE001 - a hostile exception, or no memory left
        os.write(2, f"{kind.__name__}\n".encode(errors="replace"))


def _wants_processes(error: BaseException, trace: TracebackType | None) -> bool:
    """Return whether a program failed because it tried to start another process."""
    frames = traceback.extract_tb(trace)
    files = {frame.filename.replace(os.sep, "/") for frame in frames}
    if any(_POOLS.search(file) for file in files):
        return isinstance(error, OSError | ImportError | RuntimeError)
    called = frames[-1].line or "" if frames else ""
    started = any(file.endswith("/subprocess.py") for file in files) or _STARTS.search(called)
    return isinstance(error, PermissionError) and bool(started)


def _finish(exit_code: int) -> NoReturn:
    """End as an interpreter does: wait for threads, run exit handlers, flush."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        _flush()
    finally:
        os._exit(exit_code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001 - closed by the program, or replaced by something else
            continue
