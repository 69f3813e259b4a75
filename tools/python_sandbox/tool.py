"""The tool `run_python`, for any agent of LangChain or LangGraph."""

import importlib.util
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from threading import Lock
from typing import Annotated, Any, Literal, Protocol, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool

from training_free_grpo.tools.forks import start_again_after_fork
from training_free_grpo.tools.python_sandbox.result import Result, tell
from training_free_grpo.tools.python_sandbox.sandbox import PythonSandbox
from training_free_grpo.tools.python_sandbox.session import Session

Scope = Literal["call", "thread"]

# Packages that a model may know, and uses for computations if the prompt mentions them.
_KNOWN = (
    *("gmpy2", "matplotlib", "mpmath", "networkx", "numpy", "pandas", "polars", "scipy"),
    *("shapely", "sklearn", "statsmodels", "sympy", "torch", "z3"),
)
_MOST_SESSIONS = 256


class Sandbox(Protocol):
    """Anything that runs code, on this machine or another."""

    timeout: float
    memory_mb: int
    disk_mb: int

    def start(self) -> object:
        """Start now rather than at the first run. Raises SandboxUnavailable if that cannot be."""

    def run(self, code: str) -> Result:
        """Run code and wait for it. Raises SandboxError when there is nothing to run it in."""

    async def arun(self, code: str) -> Result:
        """Run code without blocking the event loop."""


class PythonTool(StructuredTool):
    """The tool `run_python`."""

    start: Callable[[], object]
    """Start what the first call would. Raises SandboxUnavailable if no isolation works."""
    keeps_threads: bool
    """Whether variables are kept, with the scope "thread"."""
    end_thread: Callable[[str], None]
    """End the session of a thread, once its agent has finished."""
    close: Callable[[], object]
    """End all processes; a later call starts them again."""


def make_python_tool(
    timeout: float = 10,
    memory_mb: int = 1024,
    scope: Scope = "call",
    *,
    output_chars: int = 8000,
    unsafe_local: bool = False,
    sandbox: Sandbox | None = None,
) -> PythonTool:
    """Make the tool `run_python(code)`. Its artifact is the `Result` as a dict.

    With the scope "call" nothing persists from one call to the next. With "thread", variables
    persist for each `thread_id` of the config, until `end_thread`, or until 256 other threads have
    been used since; a call without a thread_id raises ValueError. Your own sandbox replaces the
    other options.
    """
    if scope not in ("call", "thread"):
        raise ValueError(f'scope must be "call" or "thread", not {scope!r}.')
    chosen: Sandbox = sandbox or PythonSandbox(
        timeout, memory_mb, output_chars, unsafe_local=unsafe_local
    )
    threads = _Threads(chosen) if scope == "thread" else None
    Code = Annotated[str, "The Python program to run."]

    def run_python(code: Code, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
        runner = threads.session(config) if threads else chosen
        return _answer(runner.run(code), chosen)

    async def arun_python(code: Code, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
        runner = threads.session(config) if threads else chosen
        return _answer(await runner.arun(code), chosen)

    tool = PythonTool.from_function(
        run_python,
        arun_python,
        description=_describe(chosen, scope),
        response_format="content_and_artifact",
        handle_validation_error="Call run_python with one argument, `code`: a string of Python.",
        start=chosen.start,
        keeps_threads=scope == "thread",
        end_thread=threads.end if threads else _end_nothing,
        close=getattr(chosen, "close", _close_nothing),
    )
    return cast(PythonTool, tool)


class _Threads:
    """The sessions of the most recently used threads."""

    def __init__(self, sandbox: Sandbox) -> None:
        if not isinstance(sandbox, PythonSandbox):
            raise ValueError(f'scope="thread" needs a PythonSandbox, not {sandbox!r}.')
        self._sandbox = sandbox
        self.after_fork()
        start_again_after_fork(self)

    def after_fork(self) -> None:
        """Open new sessions: the parent's run in its own processes."""
        self._lock = Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def session(self, config: RunnableConfig) -> Session:
        thread = config.get("configurable", {}).get("thread_id")
        if thread is None:
            raise ValueError(
                'run_python keeps variables for each thread: invoke the agent with a "thread_id" '
                'in config["configurable"], or make the tool with scope="call".'
            )
        with self._lock:
            session = self._sessions.get(thread) or self._sandbox.session()
            self._sessions[thread] = session
            self._sessions.move_to_end(thread)
            oldest = next(iter(self._sessions)) if len(self._sessions) > _MOST_SESSIONS else None
        if oldest is not None:
            self.end(oldest)
        return session

    def end(self, thread: str) -> None:
        with self._lock:
            session = self._sessions.pop(thread, None)
        if session:
            session.close()


def _end_nothing(thread: str) -> None:
    """End no session: there are none."""


def _close_nothing() -> None:
    """End no process: there is none here."""


def _answer(result: Result, sandbox: Sandbox) -> tuple[str, dict[str, Any]]:
    text = tell(result, sandbox.timeout, sandbox.memory_mb, sandbox.disk_mb)
    return text, asdict(result)


def _describe(sandbox: Sandbox, scope: Scope) -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    kept = (
        "Every call starts afresh: no variable, import or file is kept from an earlier call."
        if scope == "call"
        else "Variables, imports and files are kept from one call to the next."
    )
    return (
        f"Run a Python {version} program and return what it prints. Use print, or end with a bare "
        f"expression, to see a result. {kept} A run may take {sandbox.timeout:g} seconds, "
        f"{sandbox.memory_mb} MB of memory and {sandbox.disk_mb} MB of files in its own folder. "
        "There is no network, no input to read, and no other program can be started. "
        f"{_describe_packages(sandbox)} Very long output is cut in the middle."
    )


def _describe_packages(sandbox: Sandbox) -> str:
    if not isinstance(sandbox, PythonSandbox):
        return "The standard library is there, and perhaps numpy and sympy."
    there = [name for name in _KNOWN if importlib.util.find_spec(name)]
    beside = f" Beside it there are {', '.join(there)}." if there else ""
    return f"The standard library is there.{beside}"
