"""The result of one run, for programs and for models."""

import codecs
import signal
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "error", "timeout", "flood", "disk", "crash"]
"""`error`: an exception or an exit code; `crash`: ended by a signal that was not the sandbox's."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one run. A negative exit code is the signal that ended the process."""

    status: Status
    stdout: str
    stderr: str
    exit_code: int
    seconds: float
    """Wall-clock time, from the moment the code was handed over."""
    cpu_seconds: float
    peak_mb: float
    """The most memory in use at once, including the imported packages."""
    truncated: bool
    isolation: str
    """The isolation: namespaces, bubblewrap, landlock, seatbelt, remote or none."""
    session_lost: bool = False
    """The process of a session ended with the run, so its variables are lost."""


class SandboxError(Exception):
    """A run failed through no fault of the program."""


class HostLost(SandboxError):
    """The provider of processes has died; another can be started."""


class SandboxUnavailable(SandboxError):
    """No isolation works here; the message says what was tried, and how to fix it."""


class Clip:
    """Keep the head and the tail of a text, however long it gets."""

    def __init__(self, chars: int) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._tail_chars = chars // 2
        self._head_chars = chars - self._tail_chars
        self._head = self._tail = ""
        self.total = 0

    def feed(self, data: bytes) -> None:
        """Append the next bytes; none at the end."""
        text = self._decode(data, final=not data)
        self.total += len(text)
        room = self._head_chars - len(self._head)
        self._head += text[:room]
        self._tail = (self._tail + text[room:])[-self._tail_chars :]

    @property
    def cut(self) -> int:
        """How many characters are missing in the middle."""
        return self.total - len(self._head) - len(self._tail)

    def text(self) -> str:
        """Return the kept text, without characters that control a terminal."""
        gap = f"\n[… {self.cut} characters cut …]\n" if self.cut else ""
        return visible(self._head + gap + self._tail)


def visible(text: str) -> str:
    """Escape control characters, which could hide text or control a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t " else _spell(c) for c in text)


def _spell(character: str) -> str:
    # Line ends of other systems, and spaces that are only wider.
    if character == "\r" or character.isspace():
        return "\n" if character == "\r" else " "
    return character.encode("unicode_escape").decode()


def tell(result: Result, timeout: float, memory_mb: int, disk_mb: int) -> str:
    """Describe a result for a model: the output, and which limit was hit."""
    remark = _remark(result, timeout, memory_mb, disk_mb)
    parts = [result.stdout.rstrip(), result.stderr.rstrip(), remark]
    text = "\n".join(part for part in parts if part)
    if result.session_lost:
        text += "\nAll variables are lost: the session starts anew at the next call."
    return text.lstrip() or "The code ran and printed nothing. Print what you want to see."


def _remark(result: Result, timeout: float, memory_mb: int, disk_mb: int) -> str:
    if result.status == "timeout":
        return f"Stopped at the limit of {timeout:g} seconds. Use a faster way or a smaller case."
    if result.status == "flood":
        return "Stopped: too much output. Print less."
    if result.status == "disk":
        return f"Stopped: more than {disk_mb} MB or too many files written. Write less."
    if result.status == "crash":
        number = -result.exit_code
        return f"The process was ended by signal {number} ({signal.strsignal(number)})."
    if result.stderr.rstrip().endswith("MemoryError"):
        return f"The limit is {memory_mb} MB. Use a smaller case, or keep less at a time."
    if result.exit_code and not result.stderr:
        return f"The process exited with code {result.exit_code}."
    return ""
