"""Assemble a seccomp filter: a small program that the kernel runs before every system call."""

import errno
import struct
from collections.abc import Mapping
from typing import NamedTuple

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000

Instruction = tuple[int, int, int, int]
"""Operation, jump if true, jump if false, operand."""


class Condition(NamedTuple):
    """The low (or high) 32 bits of an argument, masked, are one of some values."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    high: bool = False

    def check(self, otherwise: int) -> list[Instruction]:
        """Continue after these instructions if the condition holds, else refuse with an errno."""
        offset = _ARGUMENTS + 8 * self.argument + 4 * self.high
        load = [_do(_LOAD, offset)]
        if self.mask != 0xFFFFFFFF:
            load.append(_do(_AND, self.mask))
        left = len(self.values)
        tests = [(_EQUAL, left - n, 0, value) for n, value in enumerate(self.values)]
        return [*load, *tests, _do(_RETURN, _ERRNO | otherwise)]


Rule = tuple[Instruction, ...]
"""The rule for one system call; it returns on every path."""


def _do(operation: int, operand: int) -> Instruction:
    return operation, 0, 0, operand


ALLOW: Rule = (_do(_RETURN, _ALLOW),)


def refuse(number: int) -> Rule:
    """Return an errno instead of making the call."""
    return (_do(_RETURN, _ERRNO | number),)


def when(*conditions: Condition, otherwise: int = errno.EPERM) -> Rule:
    """Allow the call if all conditions hold, else refuse it with an errno."""
    checks = [step for condition in conditions for step in condition.check(otherwise)]
    return (*checks, *ALLOW)


def assemble(arch: int, rules: Mapping[int, Rule], unknown_from: int) -> bytes:
    """Combine the rules of system calls; calls without a rule are refused.

    Calls of another processor end the process. Numbers from `unknown_from` upward, including x32's
    far above it, look to the program as if they did not exist.
    """
    program: list[Instruction] = [
        _do(_LOAD, _ARCH),
        (_EQUAL, 1, 0, arch),
        _do(_RETURN, _KILL),
        _do(_LOAD, _NUMBER),
        (_AT_LEAST, 0, 1, unknown_from),
        _do(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for number, rule in rules.items():
        program.append((_EQUAL, 0, len(rule), number))
        program += rule
    program.append(_do(_RETURN, _ERRNO | errno.EPERM))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
