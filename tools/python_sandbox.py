"""Run Python that a model wrote, each time in a fresh process.

Covered, on Linux:

- One process per call: no variable, import, file or crash of one run reaches another run, nor
  the memory of the process that asked.
- The environment is built from nothing, and no descriptor is inherited: keys in `os.environ`
  and open files are not handed to the code. Its standard input is empty.
- A working folder of its own, removed afterwards, is also its HOME and TMPDIR.
- Wall time. At the time-out, and whenever the code ends, its whole process group is killed.
- Per process: address space, processor time, size of a file, open files, no core dumps. They
  are hard limits, set before the code is read; only code that runs as root can lift them.
- Output is bounded while it is read. A flood ends the run.

Not covered:

- Files. The code reads and writes what the user who runs it may read and write, `~/.ssh` and
  installed packages included, by their full paths.
- The network, and the sockets of local services.
- Other processes of the same user: they can be seen, signalled and traced, and their
  environment can be read in `/proc`. A key in the environment of the agent is found there.
- The number of processes and the memory they use together; the disk beyond one file's size.
- A descendant that leaves the process group (`setsid`, `setpgid`) outlives the run.
- If the agent itself is killed, code that waits goes on; code that computes ends at its limit
  of processor time.
- Bugs of the kernel: no namespace, seccomp filter or Landlock rule stands in front of it.

So this keeps mistakes apart, and does not hold an attacker. Give it code you would run yourself,
or run the whole agent in a container that holds nothing of value.
"""

import asyncio
import codecs
import math
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from langchain_core.tools import BaseTool, StructuredTool

Status = Literal["ok", "error", "timeout", "flood"]

CHILD = Path(__file__).with_name("_python_child.py")
FLOOD_CHARS = 10_000_000
FILE_MB = 64
OPEN_FILES = 256
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Result:
    """What one run did. A negative exit code is the signal that ended the process."""

    status: Status
    stdout: str
    stderr: str
    exit_code: int
    seconds: float
    truncated: bool


class PythonSandbox:
    """Run code in fresh processes, at most `workers` at once (as many as processors by default).

    `timeout` counts from the start of the process, not from the call. `output_chars` bounds
    stdout and stderr each. Use one from any thread and any event loop.
    """

    def __init__(
        self,
        timeout: float = 10,
        memory_mb: int = 1024,
        output_chars: int = 8000,
        workers: int | None = None,
    ) -> None:
        if not hasattr(os, "waitid"):
            raise NotImplementedError("PythonSandbox needs Linux (or macOS with Python 3.13).")
        if timeout <= 0 or memory_mb <= 0 or output_chars < 2:
            raise ValueError("timeout and memory_mb must be positive, output_chars at least 2.")
        self.timeout = timeout
        self.memory_mb = memory_mb
        self.output_chars = output_chars
        self._pool = ThreadPoolExecutor(workers or os.cpu_count() or 2, "python-sandbox")

    def run(self, code: str) -> Result:
        """Run code and wait for it. Raises OSError when no process can be started."""
        return self._submit(code).result()

    async def arun(self, code: str) -> Result:
        """Run code without blocking the event loop. Cancelled, it leaves the process to its end."""
        return await asyncio.wrap_future(self._submit(code))

    def _submit(self, code: str) -> Future[Result]:
        return self._pool.submit(self._run, strip_fences(code))

    def _run(self, code: str) -> Result:
        stdout, stderr = _Clip(self.output_chars), _Clip(self.output_chars)
        with _work_folder() as folder:
            start = time.monotonic()
            with self._start(code, folder) as process:
                try:
                    stopped = _watch(process, stdout, stderr, start + self.timeout)
                finally:
                    _kill_group(process)
            seconds = time.monotonic() - start
        return Result(
            status=stopped or _verdict(process.returncode),
            stdout=stdout.text(),
            stderr=stderr.text(),
            exit_code=process.returncode,
            seconds=seconds,
            truncated=stdout.cut > 0 or stderr.cut > 0,
        )

    def _start(self, code: str, folder: str) -> subprocess.Popen[bytes]:
        """Start the process. Whatever isolates it more strongly takes the place of this."""
        with tempfile.TemporaryFile() as source:
            source.write(code.encode(errors="replace"))
            source.seek(0)
            return subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", str(CHILD), *self._limits()],
                bufsize=0,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=_environment(folder),
                start_new_session=True,
            )

    def _limits(self) -> list[str]:
        limits = {
            "AS": self.memory_mb << 20,
            "CPU": math.ceil(self.timeout) + 1,
            "FSIZE": FILE_MB << 20,
            "NOFILE": OPEN_FILES,
            "CORE": 0,
        }
        return [f"{name}={value}" for name, value in limits.items()]


def strip_fences(code: str) -> str:
    """Unwrap code from the Markdown fence that models like to put around it."""
    lines = code.strip().split("\n")
    if not lines[0].startswith("```"):
        return code
    closed = len(lines) > 1 and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1] if closed else lines[1:])


def make_python_tool(
    timeout: float = 10, memory_mb: int = 1024, scope: Literal["call"] = "call"
) -> BaseTool:
    """Make the tool `run_python(code)`. Its artifact is the `Result` as a dict.

    With the scope "call", the only one there is, nothing is kept from one call to the next.
    """
    if scope != "call":
        raise ValueError(f'scope must be "call", not {scope!r}: no other scope is available.')
    sandbox = PythonSandbox(timeout, memory_mb)
    Code = Annotated[str, "The Python program to run."]

    def run_python(code: Code) -> tuple[str, dict[str, Any]]:
        result = sandbox.run(code)
        return _tell(result, timeout), asdict(result)

    async def arun_python(code: Code) -> tuple[str, dict[str, Any]]:
        result = await sandbox.arun(code)
        return _tell(result, timeout), asdict(result)

    return StructuredTool.from_function(
        run_python,
        arun_python,
        description=_describe(timeout, memory_mb),
        response_format="content_and_artifact",
        handle_validation_error="Call run_python with one argument, `code`: a string of Python.",
    )


class _Clip:
    """Keep the head and the tail of a text, however long it gets."""

    def __init__(self, chars: int) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._tail_chars = chars // 2
        self._head_chars = chars - self._tail_chars
        self._head = self._tail = ""
        self.total = 0

    def feed(self, data: bytes) -> None:
        text = self._decode(data, final=not data)
        self.total += len(text)
        room = self._head_chars - len(self._head)
        self._head += text[:room]
        self._tail = (self._tail + text[room:])[-self._tail_chars :]

    @property
    def cut(self) -> int:
        return self.total - len(self._head) - len(self._tail)

    def text(self) -> str:
        gap = f"\n[… {self.cut} characters cut …]\n" if self.cut else ""
        return self._head + gap + self._tail


def _watch(
    process: subprocess.Popen[bytes], stdout: _Clip, stderr: _Clip, deadline: float
) -> Status | None:
    """Read until the process ends; say why it must be stopped if it does not."""
    with selectors.DefaultSelector() as selector:
        for stream, clip in ((process.stdout, stdout), (process.stderr, stderr)):
            assert stream
            selector.register(stream, selectors.EVENT_READ, clip)
        while True:
            over = _is_over(process)
            if not over and time.monotonic() >= deadline:
                return "timeout"
            # Closed pipes announce the end: look often then. A stray child may keep them open.
            tick = 0 if over else 0.05 if selector.get_map() else 0.001
            ready = selector.select(tick)
            if over and not ready:
                return None
            for key, _ in ready:
                data = os.read(key.fd, CHUNK)
                key.data.feed(data)
                if not data:
                    selector.unregister(key.fileobj)
            if stdout.total + stderr.total > FLOOD_CHARS:
                return "flood"


def _is_over(process: subprocess.Popen[bytes]) -> bool:
    """Say whether the process has ended, and leave it unreaped: its group keeps its number."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _verdict(exit_code: int) -> Status:
    if exit_code == -signal.SIGXCPU:
        return "timeout"
    return "error" if exit_code else "ok"


@contextmanager
def _work_folder() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="python-sandbox-")
    try:
        yield folder
    finally:
        try:
            shutil.rmtree(folder)
        except (OSError, RecursionError):
            # Folders that are locked, or thousands of levels deep.
            for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
                subprocess.run([*command, folder], stderr=subprocess.DEVNULL, check=False)


def _environment(folder: str) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        # Each thread of a numeric library reserves address space: many cores would use it up.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _describe(timeout: float, memory_mb: int) -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"Run a Python {version} program and return what it prints. Use print, or end with a bare "
        "expression, to see a result. Every call starts afresh: no variable, import or file is "
        f"kept from an earlier call. A run may take {timeout:g} seconds and {memory_mb} MB of "
        "memory. There is no input to read. Very long output is cut in the middle."
    )


def _tell(result: Result, timeout: float) -> str:
    """Word a result for the model."""
    parts = [result.stdout.rstrip(), result.stderr.rstrip(), _remark(result, timeout)]
    text = "\n".join(part for part in parts if part)
    return text or "The code ran and printed nothing. Print what you want to see."


def _remark(result: Result, timeout: float) -> str:
    if result.status == "timeout":
        return f"Stopped at the limit of {timeout:g} seconds. Use a faster way or a smaller case."
    if result.status == "flood":
        return f"Stopped after {FLOOD_CHARS:,} characters of output. Print less."
    if result.exit_code < 0:
        number = -result.exit_code
        return f"The process was ended by signal {number} ({signal.strsignal(number)})."
    if result.exit_code and not result.stderr:
        return f"The process exited with code {result.exit_code}."
    return ""
