"""Run one program in a guest: pass it in, read its output, enforce its time limit."""

import os
import selectors
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from training_free_grpo.tools.python_sandbox.guests import Ending, Guest
from training_free_grpo.tools.python_sandbox.result import Clip, Result, SandboxError, Status

_FLOOD_CHARS = 10_000_000
_CHUNK = 65_536
_TICK = 0.05
_GRACE_SECONDS = 3.0
_PATIENCE_SECONDS = 15.0
_KILLS = (-signal.SIGKILL, -signal.SIGXCPU)


@dataclass(frozen=True)
class Program:
    """The code to run, and its time limit."""

    code: str
    stdin: str
    timeout: float
    cpu_seconds: int
    output_chars: int


class Execution:
    """One run of one program in a guest, with a limit in wall-clock time.

    Set `cancelled` from any thread to kill the process soon.
    """

    def __init__(self, program: Program, cancelled: threading.Event | None = None) -> None:
        self._program = program
        self._clips = Clip(program.output_chars), Clip(program.output_chars)
        self._cancelled = cancelled or threading.Event()
        self._stopped: Status | None = None

    def run(self, guest: Guest, session: bool) -> Result:
        """Run the program. In a session, a guest that still runs can take another.

        Raises SandboxError if there was nothing to run it in, CancelledError if cancelled.
        """
        started = time.monotonic()
        with _handed_over(guest, self._program) as outputs:
            ending = self._watch(guest, outputs, started + self._program.timeout, session)
        seconds = time.monotonic() - started
        if self._cancelled.is_set():
            raise CancelledError
        if ending.failure:
            raise SandboxError(f"the process could not be sealed: {ending.failure}")
        stdout, stderr = self._clips
        # A process that ended by itself at that moment was not stopped.
        stopped = isinstance(ending, _Answer) or ending.exit_code == -signal.SIGKILL
        return Result(
            status=(stopped and self._stopped) or _verdict(ending, self._program.cpu_seconds),
            stdout=stdout.text(),
            stderr=stderr.text(),
            exit_code=ending.exit_code,
            seconds=seconds,
            cpu_seconds=ending.cpu_seconds,
            peak_mb=ending.peak_mb,
            truncated=stdout.cut > 0 or stderr.cut > 0,
            isolation=guest.isolation,
            session_lost=session and not isinstance(ending, _Answer),
        )

    def _watch(self, guest: Guest, outputs: list[int], deadline: float, session: bool) -> Ending:
        """Read until the program is over; stop it if necessary."""
        steps = [(guest.interrupt, _GRACE_SECONDS)] if session else []
        steps.append((guest.kill, _PATIENCE_SECONDS))
        with selectors.DefaultSelector() as selector:
            for output, clip in zip(outputs, self._clips, strict=True):
                selector.register(output, selectors.EVENT_READ, clip)
            selector.register(guest.end, selectors.EVENT_READ)
            if session:
                selector.register(guest.programs, selectors.EVENT_READ)
            while True:
                wait = min(max(deadline - time.monotonic(), 0), _TICK)
                for key, _ in selector.select(wait):
                    if key.data and not _feed(key.fd, key.data):
                        selector.unregister(key.fd)
                # Events first, then the clock: a late check must not make the program late.
                if ending := guest.ending() or (_answer(guest.programs) if session else None):
                    for output, clip in zip(outputs, self._clips, strict=True):
                        _drain(output, clip)
                    return ending
                if reason := self._reason_to_stop(deadline):
                    self._stopped = self._stopped or reason
                    if not steps:
                        raise SandboxError("a process that was killed did not end")
                    step, patience = steps.pop(0)
                    step()
                    deadline = time.monotonic() + patience

    def _reason_to_stop(self, deadline: float) -> Status | None:
        if time.monotonic() >= deadline:
            return "timeout"
        if self._stopped:
            return None
        if sum(clip.total for clip in self._clips) > _FLOOD_CHARS:
            return "flood"
        return "timeout" if self._cancelled.is_set() else None


@contextmanager
def _handed_over(guest: Guest, program: Program) -> Iterator[list[int]]:
    """Give the guest a program; yield what can be read of its standard output and error."""
    pipes = [os.pipe(), os.pipe()]
    reads = [read for read, _ in pipes]
    try:
        with _file(program.code) as code, _file(program.stdin) as stdin:
            writes = [write for _, write in pipes]
            files = [code.fileno(), stdin.fileno(), *writes]
            try:
                socket.send_fds(guest.programs, [b"\n"], files)
            except OSError:
                pass  # It has ended, and reports how.
            finally:
                for write in writes:
                    os.close(write)
        for read in reads:
            os.set_blocking(read, False)
        yield reads
    finally:
        for read in reads:
            os.close(read)


@contextmanager
def _file(text: str) -> Iterator[BinaryIO]:
    """Put text into an unnamed file, in memory if the system supports that."""
    in_memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("program"), "w+b") if in_memory else TemporaryFile() as file:
        file.write(text.encode(errors="replace"))
        file.seek(0)
        yield cast(BinaryIO, file)


def _feed(output: int, clip: Clip) -> bool:
    """Read once; return whether more can come."""
    data = os.read(output, _CHUNK)
    clip.feed(data)
    return bool(data)


def _drain(output: int, clip: Clip) -> None:
    """Read what a program left in its pipe, without waiting for anyone who holds the other end."""
    try:
        while _feed(output, clip):
            pass
    except BlockingIOError:
        clip.feed(b"")


class _Answer(Ending):
    """The end of a program, not of the process of its session."""


def _answer(programs: socket.socket) -> Ending | None:
    """Read a session's report after a program: exit code, processor seconds, peak in MB."""
    try:
        words = programs.recv(_CHUNK, socket.MSG_DONTWAIT).split()
    except (BlockingIOError, ConnectionResetError):
        return None
    if len(words) < 3:
        return None
    try:
        return _Answer(int(words[0]), float(words[1]), float(words[2]))
    except ValueError:
        # The program wrote there itself, at its own risk.
        return _Answer(1, 0.0, 0.0)


def _verdict(ending: Ending, cpu_seconds: int) -> Status:
    if ending.overfull:
        return "disk"
    # The kernel counts in ticks, and kills one early.
    if ending.exit_code in _KILLS and ending.cpu_seconds > 0.9 * cpu_seconds:
        return "timeout"
    if ending.exit_code < 0:
        return "crash"
    return "error" if ending.exit_code else "ok"
