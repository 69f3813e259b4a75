"""One HTTP client per event loop, shared by every model on it and closed with it.

A client per call costs some 50 ms of CPU, and httpx's own connection pool slows down at
hundreds of connections: aiohttp's transport does neither.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

_open: dict[asyncio.AbstractEventLoop, tuple[AsyncGenerator[Any, None], Any]] = {}


async def shared_client() -> Any:
    """Return the client of the running loop; the openai SDK and ChatOpenAI take it."""
    loop = asyncio.get_running_loop()
    if loop not in _open:
        owner = _own_client(loop)
        _open[loop] = (owner, await anext(owner))
    return _open[loop][1]


async def _own_client(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Any, None]:
    # A loop that closes in an orderly way (asyncio.run does) first ends its async generators:
    # the one hook by which a library without a main function can close what it opened.
    import openai  # half a second, for who never asks an endpoint

    client = openai.DefaultAioHttpClient()
    try:
        yield client
    finally:
        _open.pop(loop, None)
        await client.aclose()
