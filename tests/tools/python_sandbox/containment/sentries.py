"""Sockets that an agent's machine has open; whoever reaches one is given a secret, and noted."""

import os
import selectors
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PORT, DATAGRAM_PORT, DNS_PORT, DISCARD_PORT = 47613, 47614, 53, 9
ABSTRACT = "\0sbxcanary"


class Sentries:
    """Listen everywhere; `contacts` names the sockets that were reached."""

    def __init__(self, folder: Path, outside: str, secret: str) -> None:
        self.contacts: list[str] = []
        self._secret = secret.encode()
        self._selector = selectors.DefaultSelector()
        stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
        for family, kind, address in (
            (socket.AF_INET, stream, ("127.0.0.1", PORT)),
            (socket.AF_INET, stream, (outside, DISCARD_PORT)),
            (socket.AF_INET, datagram, ("127.0.0.1", DATAGRAM_PORT)),
            (socket.AF_INET, datagram, ("127.0.0.1", DNS_PORT)),
            (socket.AF_UNIX, stream, str(folder / "u.sock")),
            (socket.AF_UNIX, datagram, str(folder / "d.sock")),
            (socket.AF_UNIX, stream, ABSTRACT),
        ):
            self._listen(socket.socket(family, kind), address)

    def _listen(self, sock: socket.socket, address: str | tuple[str, int]) -> None:
        sock.bind(address)
        if isinstance(address, str) and address != ABSTRACT:
            os.chmod(address, 0o777)
        if sock.type == socket.SOCK_STREAM:
            sock.listen(64)
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, f"{sock.type.name} {address!r}")

    def attend(self) -> None:
        """Answer whoever has come."""
        for key, _ in self._selector.select(0):
            self.contacts.append(key.data)
            self._answer(key.fileobj)

    def _answer(self, sock: object) -> None:
        assert isinstance(sock, socket.socket)
        if sock.type == socket.SOCK_STREAM:
            with sock.accept()[0] as visitor, suppress(ConnectionError):
                visitor.send(self._secret)
        else:
            sock.recv(4096)


def open_sockets() -> Iterator[str]:
    """Yield the name of every socket of the host that others can reach."""
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in _rows(table):
            if table.startswith("udp") or row[3] == "0A":
                yield f"{table} {row[1]}"
    for row in _rows("unix"):
        if len(row) > 7:
            yield f"unix {row[7]}"


def _rows(table: str) -> Iterator[list[str]]:
    path = Path("/proc/self/net", table)
    for line in path.read_text().splitlines()[1:] if path.exists() else []:
        yield line.split()
