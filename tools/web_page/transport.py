"""An HTTP transport that connects only where the guard allows."""

import ssl

import httpx

from training_free_grpo.tools.web_page.guard import Guard

# An address that drops packets must leave time for the next one.
_CONNECT_SECONDS = 5


class GuardedTransport(httpx.AsyncBaseTransport):
    """Connects to addresses that the guard has checked, under the requested host name.

    The name stays in the Host header, in TLS's SNI and in the check of the certificate.
    """

    def __init__(self, guard: Guard, ssl_context: ssl.SSLContext) -> None:
        self._guard = guard
        # A kept connection would be reused by address, whichever name it was checked under.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=ssl_context, trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first of the checked addresses that accepts the connection."""
        *others, last = await self._guard.addresses(request.url)
        for address in others:
            try:
                return await self._send(request, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send(request, last)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()

    async def _send(self, request: httpx.Request, address: str) -> httpx.Response:
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={
                "sni_hostname": request.url.raw_host.decode().removesuffix("."),
                "timeout": httpx.Timeout(None, connect=_CONNECT_SECONDS).as_dict(),
            },
        )
        return await self._inner.handle_async_request(pinned)
