"""Try what a program must not be able to do; print what succeeded. Run inside, never imported."""

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

target: dict[str, Any] = json.load(sys.stdin) if __name__ == "__main__" else {}


def read_file() -> None:
    with open(target["canary"]) as file:
        file.read()


def write_file() -> None:
    with open(target["canary"], "a") as file:
        file.write("changed")


def make_file() -> None:
    with open(target["canary"] + "-new", "w") as file:
        file.write("new")


def list_folder() -> None:
    os.listdir(os.path.dirname(target["canary"]))


def connect_unix() -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(target["unix"])


def connect_tcp() -> None:
    with socket.socket() as client:
        client.connect(("127.0.0.1", target["port"]))


def start_process() -> None:
    if not os.fork():
        os._exit(0)


def start_program() -> None:
    os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}), 0)


def signal_agent() -> None:
    # In another namespace the number may be our own.
    if target["agent"] == os.getpid():
        raise PermissionError
    os.kill(target["agent"], 0)


def read_memory() -> None:
    with open(f"/proc/{target['agent']}/environ", "rb") as file:
        file.read()


def make_namespace() -> None:
    new_user = 0x10000000
    if ctypes.CDLL(None).unshare(new_user) < 0:
        raise PermissionError


ATTEMPTS: dict[str, Callable[[], None]] = {
    "read a file of the host": read_file,
    "write a file of the host": write_file,
    "make a file on the host": make_file,
    "list a folder of the host": list_folder,
    "connect to a local socket": connect_unix,
    "connect to a local port": connect_tcp,
    "start a process": start_process,
    "start another program": start_program,
    "signal the agent": signal_agent,
    "read the agent's environment": read_memory,
    "make a namespace": make_namespace,
}


def find_holes() -> list[str]:
    holes = []
    for name, attempt in ATTEMPTS.items():
        try:
            attempt()
            holes.append(name)
        except (OSError, KeyError, AttributeError):
            continue
    return holes


def use_own_folder() -> None:
    with open("own", "w") as own:
        own.write("A program must be able to do this much.")


if __name__ == "__main__":
    use_own_folder()
    print(json.dumps(find_holes()))
