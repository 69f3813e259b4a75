"""Read a web page: fetch it, parse it, split it into parts."""

import asyncio
import os
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypedDict

import httpx

from training_free_grpo.tools.forks import start_again_after_fork
from training_free_grpo.tools.web_page.background import start
from training_free_grpo.tools.web_page.cache import Cache
from training_free_grpo.tools.web_page.errors import PageError
from training_free_grpo.tools.web_page.excerpts import cut
from training_free_grpo.tools.web_page.fetch import Fetched, Fetcher
from training_free_grpo.tools.web_page.guard import Guard, Resolver, system_resolver
from training_free_grpo.tools.web_page.parse import Parsed, parse


class Page(TypedDict):
    """One part of the content at an address.

    `bytes` counts the bytes on the wire, `seconds` the time of fetching and parsing. `truncated`
    means that the end is missing from all parts. `text` and `title` are untrusted.
    """

    url: str
    final_url: str
    status: int
    content_type: str
    title: str
    page: int
    pages: int
    bytes: int
    seconds: float
    truncated: bool
    text: str


class PageOptions(TypedDict, total=False):
    """How pages are read."""

    timeout: float
    """Seconds for the fetch, including redirects, and as many again for the parsing."""
    max_bytes: int
    """Maximum size of a body, both on the wire and decompressed."""
    max_tokens: int
    """Maximum length of a part, at four bytes a token."""
    allow_hosts: Iterable[str]
    """Hosts that are allowed although they are not public, as "host" or "host:port"."""
    links: bool
    """Whether links are shown, with their addresses."""
    user_agent: str
    """The name that servers see."""
    cache_bytes: int
    """Memory for the text of pages already read."""
    cache_seconds: float
    """How long that text is reused."""
    resolve: Resolver
    """How host names are resolved."""
    ssl_context: ssl.SSLContext | None
    """The trusted certificate authorities; by default those of certifi."""


class PageReader:
    """Reads pages. Usable from any thread and any event loop."""

    def __init__(
        self,
        *,
        timeout: float = 20,
        max_bytes: int = 10_000_000,
        max_tokens: int = 4000,
        allow_hosts: Iterable[str] = (),
        links: bool = False,
        user_agent: str = "read_page (a tool of a language model)",
        cache_bytes: int = 64_000_000,
        cache_seconds: float = 900,
        resolve: Resolver = system_resolver,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        if timeout <= 0 or max_bytes <= 0 or max_tokens <= 0:
            raise ValueError("timeout, max_bytes and max_tokens must be positive.")
        if not (user_agent.isascii() and user_agent.isprintable()):
            raise ValueError(f"user_agent: {user_agent!r} cannot stand in a header; use ASCII.")
        guard = Guard(allow_hosts, resolve)
        self._fetcher = Fetcher(guard, ssl_context, timeout, max_bytes, user_agent)
        self._timeout = timeout
        self._max_tokens = max_tokens
        self._links = links
        self._cache: Cache[_Document] = Cache(cache_bytes, cache_seconds, _size)
        self.after_fork()
        start_again_after_fork(self)

    def after_fork(self) -> None:
        """Forget what the parent's loop was doing."""
        self._cache.forget_loads()
        self._parsers = asyncio.Semaphore(os.cpu_count() or 1)

    def read(self, url: str, question: str | None = None, page: int = 1) -> Page:
        """Read one part of a page; with a question, the most relevant parts come first.

        Raises PageError, whose message is meant for the model.
        """
        return start(self._read(url, question, page)).result()

    async def aread(self, url: str, question: str | None = None, page: int = 1) -> Page:
        """Read as `read` does, without blocking the event loop."""
        return await asyncio.wrap_future(start(self._read(url, question, page)))

    async def _read(self, url: str, question: str | None, page: int) -> Page:
        key = _normal(url)
        document = await self._cache.get(key, lambda: self._load(key))
        fetched, parsed = document.fetched, document.parsed
        parts = await asyncio.to_thread(cut, parsed.text, question, self._max_tokens)
        if not 1 <= page <= len(parts):
            raise PageError(f"there is no page {page}: choose one from 1 to {len(parts)}")
        return Page(
            url=url,
            final_url=fetched.url,
            status=fetched.status,
            content_type=fetched.media_type,
            title=parsed.title,
            page=page,
            pages=len(parts),
            bytes=fetched.received,
            seconds=document.seconds,
            truncated=fetched.truncated or parsed.truncated,
            text=parts[page - 1],
        )

    async def _load(self, url: str) -> "_Document":
        began = time.monotonic()
        fetched = await self._fetcher.fetch(url)
        async with self._parsers:
            parsed = await asyncio.to_thread(parse, fetched, self._timeout, self._links)
        return _Document(replace(fetched, body=b""), parsed, time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class _Document:
    """The cached form of a page."""

    fetched: Fetched
    parsed: Parsed
    seconds: float


def _size(document: _Document) -> int:
    # The maximum that a character takes in memory.
    return 4 * len(document.parsed.text)


def _normal(url: str) -> str:
    """Normalize an address, without its fragment, which no server sees."""
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise PageError(f"this is no valid address ({error})") from error
    if not parsed.scheme:
        raise PageError("write the whole address, with http:// or https:// in front")
    return str(parsed.copy_with(fragment=None))
