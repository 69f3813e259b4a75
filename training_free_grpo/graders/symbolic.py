"""Compare formulas in worker processes that are killed when they take too long."""

import atexit
import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import LifoQueue
from threading import Event, Lock, Timer
from typing import Any

_SECONDS = 5.0
_START_SECONDS = 60.0
_WORKERS = 2
_ENVIRONMENT = ("LD_LIBRARY_PATH", "PATH", "SYSTEMROOT")
_MODULE = f"{__package__}.math_worker"

_pool_lock = Lock()


def equal(golds: Sequence[str], answer: str) -> bool | None:
    """Ask whether an answer equals one of the expected formulas; None if that stays open."""
    with _pool_lock:
        # One pool per process: after a fork, the parent's pipes are not ours to read.
        pool = _pool(os.getpid())
    worker = pool.get()
    try:
        return worker.equal(list(golds), answer)
    finally:
        pool.put(worker)


class _Worker:
    """One child process, started at its first request and again after each kill."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        atexit.register(self.close)

    def equal(self, golds: list[str], answer: str) -> bool | None:
        process = self._started()
        with self._deadline(process, _SECONDS):
            reply = _ask(process, json.dumps({"golds": golds, "answer": answer}))
        return reply if isinstance(reply, bool) else None

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(BrokenPipeError), process:
                process.kill()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._process = process = _spawn()
        with self._deadline(process, _START_SECONDS):
            ready = _hear(process)
        if ready != "ready":
            self.close()
            raise RuntimeError(
                "The process that compares formulas did not start "
                f"(exit code {process.returncode}); is math-verify installed?"
            )
        return process

    @contextlib.contextmanager
    def _deadline(self, process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
        late = Event()

        def kill() -> None:
            late.set()
            process.kill()

        timer = Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        except BaseException:
            # Interrupted before the reply: it must not answer the next request.
            late.set()
            raise
        finally:
            timer.cancel()
            # A kill on its way must not hit the next request.
            timer.join()
            if late.is_set():
                self.close()


@functools.cache
def _pool(_process_id: int) -> LifoQueue[_Worker]:
    pool: LifoQueue[_Worker] = LifoQueue()
    for _ in range(_WORKERS):
        pool.put(_Worker())
    return pool


def _spawn() -> subprocess.Popen[str]:
    package_root = str(Path(__file__).resolve().parents[2])
    search = [*(entry for entry in sys.path if entry), package_root]
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=kept | {"PYTHONPATH": os.pathsep.join(search), "PYTHONUTF8": "1"},
        # An interrupt at the terminal is for us; the worker ends with its standard input.
        start_new_session=True,
    )


def _ask(process: subprocess.Popen[str], line: str) -> Any:
    assert process.stdin is not None
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    return _hear(process)


def _hear(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    return json.loads(line) if line.endswith("\n") else None
