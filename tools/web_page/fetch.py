"""Fetch an address, with bounded time, bytes and redirects."""

import asyncio
import ssl
import zlib
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

import httpx

from training_free_grpo.tools.web_page.errors import PageError
from training_free_grpo.tools.web_page.guard import Guard
from training_free_grpo.tools.web_page.media import check_readable, media_type
from training_free_grpo.tools.web_page.transport import GuardedTransport

_MAX_REDIRECTS = 10
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_BARE_DEFLATE = -zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, decompressed. `received` counts the bytes on the wire."""

    url: str
    status: int
    media_type: str
    charset: str | None
    body: bytes
    received: int
    truncated: bool


class Fetcher:
    """Fetches addresses, each with a client of its own: no cookie outlives a fetch."""

    def __init__(
        self,
        guard: Guard,
        ssl_context: ssl.SSLContext | None,
        timeout: float,
        max_bytes: int,
        user_agent: str,
    ) -> None:
        self._guard = guard
        self._ssl_context = ssl_context
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "text/html, application/xhtml+xml, application/pdf, text/*;q=0.9, */*;q=0.5",
            # The encodings whose output can be limited while decompressing.
            "Accept-Encoding": "gzip, deflate",
            "Connection": "close",
        }

    async def fetch(self, url: str) -> Fetched:
        """Follow an address to its body. Raises PageError."""
        try:
            async with asyncio.timeout(self._timeout), self._client() as client:
                return await self._follow(client, url)
        except TimeoutError:
            raise PageError(f"it took more than {self._timeout:g} seconds to answer") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise PageError(f"no connection could be made ({error})") from error
        except httpx.InvalidURL as error:
            raise PageError(f"this is no valid address ({error})") from error
        except httpx.HTTPError as error:
            # The error's own words may quote the server.
            raise PageError("the server broke off or did not speak HTTP") from error

    def _client(self) -> httpx.AsyncClient:
        transport = GuardedTransport(self._guard, self._ssl_context or _certifi())
        return httpx.AsyncClient(transport=transport, headers=self._headers, trust_env=False)

    async def _follow(self, client: httpx.AsyncClient, url: str) -> Fetched:
        request = client.build_request("GET", url)
        for _ in range(_MAX_REDIRECTS + 1):
            # httpx would read the bodies of redirects whole, however large they are.
            response = await client.send(request, stream=True)
            try:
                if response.next_request is None:
                    return await self._receive(response)
                request = response.next_request
            finally:
                await response.aclose()
        raise PageError(f"it redirects more than {_MAX_REDIRECTS} times")

    async def _receive(self, response: httpx.Response) -> Fetched:
        if not response.is_success:
            raise PageError(f"the server answered {_phrase(response.status_code)}")
        kind = media_type(response.headers.get("content-type", ""))
        check_readable(kind)
        raw = bytearray()
        async for chunk in response.aiter_raw():
            raw += chunk
            if len(raw) > self._max_bytes:
                break
        body, cut = _decompress(
            bytes(raw[: self._max_bytes]),
            response.headers.get("content-encoding", ""),
            self._max_bytes,
        )
        return Fetched(
            url=str(response.url),
            status=response.status_code,
            media_type=kind,
            charset=response.charset_encoding,
            body=body,
            received=len(raw),
            truncated=cut or len(raw) > self._max_bytes,
        )


@cache
def _certifi() -> ssl.SSLContext:
    """Load the usual authorities once: that takes longer than many fetches."""
    return httpx.create_ssl_context(trust_env=False)


def _decompress(raw: bytes, coding: str, max_bytes: int) -> tuple[bytes, bool]:
    """Decompress up to `max_bytes`, and return whether there was more."""
    match coding.strip().lower():
        case "" | "identity":
            return raw, False
        case "gzip" | "x-gzip":
            windows = [_GZIP_OR_ZLIB]
        case "deflate":
            # Some servers omit the header that the standard requires.
            windows = [_GZIP_OR_ZLIB, _BARE_DEFLATE]
        case _:
            raise PageError("the server compressed the page in a way that it was not asked for")
    for window in windows:
        inflate = zlib.decompressobj(window)
        try:
            return inflate.decompress(raw, max_bytes), bool(inflate.unconsumed_tail)
        except zlib.error:
            continue
    raise PageError("the compressed page is broken")


def _phrase(status: int) -> str:
    # The standard's reason phrase: the server's own is untrusted.
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
