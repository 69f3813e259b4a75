"""A make-believe host to be attacked: what breaks out of a sandbox here breaks into nothing real.

Private namespaces, in which every process ends with the first one, and a network that ends here.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
from pathlib import Path

OUTSIDE = "198.51.100.1"
"""Stands for the internet; the address ends at this host's own loopback."""
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 0x1000, 0x2000, 0x4000, 0x40000

_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_PR_SET_PDEATHSIG = 1
_SIOCSIFFLAGS, _SIOCSIFADDR = 0x8914, 0x8916
_IFF_UP = 1


def enter() -> None:
    """Go on as the first process of new namespaces. Raises OSError where the machine forbids it."""
    uid, gid = os.getuid(), os.getgid()
    spaces = _NEWNS | _NEWCGROUP | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET
    _libc("unshare", spaces | (_NEWUSER if uid else 0))
    if uid:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    first = os.fork()
    if first:
        _, status = os.waitpid(first, 0)
        os._exit(abs(os.waitstatus_to_exitcode(status)))
    _libc("prctl", _PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    _bring_up_loopback()


def mount(
    source: str | Path, target: str | Path, kind: str = "", data: str = "", flags: int = 0
) -> None:
    """Mount as mount(2) does. Raises OSError where the machine forbids it."""
    texts = (os.fsencode(text) or None for text in (source, target, kind))
    _libc("mount", *texts, ctypes.c_ulong(flags), data.encode() or None)


def _bring_up_loopback() -> None:
    with socket.socket() as sock:
        flags = struct.pack("16sh22x", b"lo", _IFF_UP)
        fcntl.ioctl(sock, _SIOCSIFFLAGS, flags)
        address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(OUTSIDE))
        fcntl.ioctl(sock, _SIOCSIFADDR, struct.pack("16s16s8x", b"lo:1", address))


def _libc(name: str, *arguments: object) -> None:
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(*arguments) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), name)
