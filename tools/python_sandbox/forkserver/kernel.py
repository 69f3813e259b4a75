"""Linux system calls that Python does not offer, as functions that raise OSError."""

import ctypes
import os
import struct
from collections.abc import Callable
from functools import cache

from . import syscalls

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 1 << 14
MS_PRIVATE = 1 << 18

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY_NOSUID_NODEV = 1 | 2 | 4
_MNT_DETACH = 2
_SECCOMP_SET_MODE_FILTER = 1
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call; raises OSError that names it."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    function: Callable[..., int] = _libc().syscall
    return _checked(name, function(ctypes.c_long(syscalls.number(name)), *numbers))


def _checked(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Move into new namespaces."""
    call("unshare", flags)


def join_pid_namespace(descriptor: int) -> None:
    """Start the next child in a new process namespace."""
    call("setns", descriptor, CLONE_NEWPID)


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount a file system."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    flag = ctypes.c_ulong(flags)
    _checked(f"mount {target}", _libc().mount(*words, flag, os.fsencode(options)))


def make_tree_readonly(path: str) -> None:
    """Forbid writing, setuid programs and devices on a mount and all mounts below it."""
    attributes = struct.pack("=4Q", _MOUNT_ATTR_RDONLY_NOSUID_NODEV, 0, 0, 0)
    size = len(attributes)
    call("mount_setattr", _AT_FDCWD, os.fsencode(path), _AT_RECURSIVE, attributes, size)


def enter_root(path: str) -> None:
    """Make a mount the root, and drop the old one."""
    os.chdir(path)
    call("pivot_root", b".", b".")
    _checked("umount2 .", _libc().umount2(b".", _MNT_DETACH))
    os.chdir("/")


def die_with_parent() -> None:
    """Have this process killed when the thread that forked it ends."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def hide_memory() -> None:
    """Keep processes of the same user from tracing this one and reading its memory."""
    _prctl(_PR_SET_DUMPABLE, 0)


def forbid_new_privileges() -> None:
    """Give up the privileges of setuid programs, for good; Landlock and seccomp require this."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def forget_capabilities() -> None:
    """Empty the bounding set as far as this process may: nothing can be regained."""
    for capability in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            break
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)


def drop_capabilities() -> None:
    """Give up all capabilities."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    call("capset", header, bytes(24))


def install_filter(program: bytes) -> None:
    """Install a seccomp filter for this process, for good."""
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a length in instructions of 8 bytes, padding, a pointer.
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    call("seccomp", _SECCOMP_SET_MODE_FILTER, 0, header)


def _prctl(option: int, value: int) -> None:
    arguments = [ctypes.c_ulong(each) for each in (value, 0, 0, 0)]
    _checked(f"prctl {option}", _libc().prctl(option, *arguments))
