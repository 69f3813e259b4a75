"""How a sandbox or a session runs code: blocking, or without blocking the event loop."""

import asyncio
import math
import os
import threading
from abc import ABC, abstractmethod
from concurrent.futures import Executor, Future

from training_free_grpo.tools.python_sandbox.execution import Program
from training_free_grpo.tools.python_sandbox.result import Result, SandboxError


class Runner(ABC):
    """Run programs in the threads of a pool."""

    def __init__(self, pool: Executor, timeout: float, output_chars: int) -> None:
        self.timeout = timeout
        self.output_chars = output_chars
        self._pool = pool
        self._process = os.getpid()

    def after_fork(self) -> None:
        """Serve this process, too."""
        self._process = os.getpid()

    def run(
        self,
        code: str,
        stdin: str = "",
        timeout: float | None = None,
        *,
        cpu_seconds: int | None = None,
    ) -> Result:
        """Run code and wait for it. Raises SandboxError when there is nothing to run it in.

        `timeout` is the sandbox's own unless given, `cpu_seconds` a little more than that.
        """
        program = self._program(code, stdin, timeout, cpu_seconds)
        return self._submit(program, threading.Event()).result()

    async def arun(
        self,
        code: str,
        stdin: str = "",
        timeout: float | None = None,
        *,
        cpu_seconds: int | None = None,
    ) -> Result:
        """Run code without blocking the event loop. Cancelled, it kills the process."""
        program = self._program(code, stdin, timeout, cpu_seconds)
        cancelled = threading.Event()
        try:
            return await asyncio.wrap_future(self._submit(program, cancelled))
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def _program(
        self, code: str, stdin: str, timeout: float | None, cpu_seconds: int | None
    ) -> Program:
        seconds = timeout or self.timeout
        cpu_seconds = cpu_seconds or math.ceil(seconds) + 1
        return Program(strip_fences(code), stdin, seconds, cpu_seconds, self.output_chars)

    def _submit(self, program: Program, cancelled: threading.Event) -> Future[Result]:
        if os.getpid() != self._process:
            raise SandboxError(
                "this session was opened before a fork, and its process belongs to the parent: "
                "open a session in this process"
            )
        return self._pool.submit(self._run, program, cancelled)

    @abstractmethod
    def _run(self, program: Program, cancelled: threading.Event) -> Result:
        """Run a program in this thread."""


def strip_fences(code: str) -> str:
    """Remove the Markdown fence that models like to put around code."""
    lines = code.strip().split("\n")
    fences = sum(line.strip().startswith("```") for line in lines)
    if not lines[0].startswith("```") or fences > 2:
        return code  # several are separated where the code is read
    closed = len(lines) > 1 and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1] if closed else lines[1:])
