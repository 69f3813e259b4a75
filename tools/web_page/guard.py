"""Decide which addresses may be read: public ones on a web port, and hosts the user allows.

The guard checks where a connection would go, not how its address is written: a host is resolved
once, every resolved address is checked, and the connection uses the checked addresses.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable

import httpx

from training_free_grpo.tools.web_page.errors import PageError
from training_free_grpo.tools.web_page.public import is_public

Resolver = Callable[[str, int], list[str]]
"""Takes a host and a port, returns the IP addresses; raises OSError. It is called in a thread."""

_SCHEME_PORTS = {"http": 80, "https": 443}
_WEB_PORTS = (80, 443, 8080, 8443)


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the operating system for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard:
    """Decides where a request may connect. Raises ValueError for a bad entry of `allow_hosts`."""

    def __init__(self, allow_hosts: Iterable[str], resolve: Resolver) -> None:
        if isinstance(allow_hosts, str):
            raise ValueError(f"allow_hosts: {allow_hosts!r} is one string; write a list of hosts")
        self._allowed = frozenset(map(_allowed, allow_hosts))
        self._resolve = resolve

    async def addresses(self, url: httpx.URL) -> list[str]:
        """Resolve the host once and return addresses to connect to; raise PageError if refused."""
        host, port = _target(url)
        allowed = not self._allowed.isdisjoint({(host, port), (host, None)})
        if port not in _WEB_PORTS and (host, port) not in self._allowed:
            raise PageError(f"port {port} is refused; pages are read on the ports of the web")
        addresses = await self._look_up(host, port)
        if not allowed and not all(map(is_public, addresses)):
            raise PageError(f"this address is not public: {host}")
        return addresses

    async def _look_up(self, host: str, port: int) -> list[str]:
        try:
            addresses = await asyncio.to_thread(self._resolve, host, port)
        # The system refuses overlong names with UnicodeError.
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise PageError(f"no host of this name was found: {host}")
        return addresses


def _target(url: httpx.URL) -> tuple[str, int]:
    if url.scheme not in _SCHEME_PORTS:
        raise PageError("only addresses that begin with http:// or https:// can be read")
    if url.userinfo:
        raise PageError("an address with a user name or a password is refused")
    # The trailing dot does not change the host; certificates and lists omit it.
    host = url.raw_host.decode().removesuffix(".")
    if not host:
        raise PageError("the address names no host")
    return host, _SCHEME_PORTS[url.scheme] if url.port is None else url.port


def _allowed(entry: str) -> tuple[str, int | None]:
    remedy = 'write "host" or "host:port"'
    try:
        url = httpx.URL(f"//{entry}")
    except httpx.InvalidURL as error:
        raise ValueError(f"allow_hosts: {entry!r} is not a host ({error}); {remedy}") from error
    host, port = url.raw_host.decode(), url.port
    alone = url.netloc.decode() == str(url).removeprefix("//")
    if not host or not alone or "*" in host or (port or 0) > 65535:
        raise ValueError(f"allow_hosts: {entry!r} is not a host; {remedy}")
    return host.removesuffix("."), port
