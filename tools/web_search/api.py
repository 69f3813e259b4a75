"""Call an engine's HTTP API, with bounded time and bytes."""

import json
import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from training_free_grpo.tools.forks import start_again_after_fork
from training_free_grpo.tools.web_search.provider import (
    RateLimited,
    SearchError,
    SearchSetupError,
)

if TYPE_CHECKING:
    import httpx

_MOST_BYTES = 5_000_000
_MONTH = 31 * 24 * 3600


@dataclass(frozen=True)
class Api:
    """An engine's API. `remedy` tells the operator how to fix a refusal."""

    engine: str
    remedy: str
    timeout: float

    def ask(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        """Send one request and return the JSON object in the response."""
        import httpx

        deadline = time.monotonic() + self.timeout
        try:
            with _clients.client().stream(method, url, timeout=self.timeout, **request) as response:
                body = self._read(response, deadline)
        except httpx.HTTPError as error:
            # Only the type is named: some messages contain the headers, and with them the key.
            reason = type(error).__name__
            raise SearchError(f"{self.engine} could not be asked ({reason})") from None
        self._check(response.status_code, response.headers, body)
        return self._parse(body)

    def _read(self, response: "httpx.Response", deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise SearchError(f"{self.engine} answered more than {_MOST_BYTES:,} bytes")
            if time.monotonic() > deadline:
                raise SearchError(f"{self.engine} took more than {self.timeout:g} s")
        return bytes(body)

    def _check(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        # Brave answers a wrong key with 422, the same as a wrong parameter.
        if status in (401, 403) or (status == 422 and b"SUBSCRIPTION_TOKEN_INVALID" in body):
            raise SearchSetupError(f"{self.engine} refuses (HTTP {status}): {self.remedy}")
        if status == 429:
            raise RateLimited(f"{self.engine} is asked too often", _retry_after(headers))
        if status != 200:
            raise SearchError(f"{self.engine} answered HTTP {status}")

    def _parse(self, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise SearchError(f"{self.engine} answered something else than a JSON object")
        return answer


class _Clients:
    """The one HTTP client of this process: creating one costs about 50 ms."""

    def __init__(self) -> None:
        self._parents: list[httpx.Client] = []
        """Old clients, kept because closing one would end the connections of the parent."""
        self._client: httpx.Client | None = None
        self._making = threading.Lock()

    def after_fork(self) -> None:
        """Share no connection with the parent."""
        self._parents += [self._client] if self._client else []
        self._client, self._making = None, threading.Lock()

    def client(self) -> "httpx.Client":
        """Return the client."""
        import httpx

        with self._making:
            self._client = self._client or httpx.Client()
            return self._client


_clients = start_again_after_fork(_Clients())


def _retry_after(headers: Mapping[str, str]) -> float | None:
    said = headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}", said):
        return float(said)
    with suppress(ValueError, TypeError, OverflowError):
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    return _reset(headers)


def _reset(headers: Mapping[str, str]) -> float | None:
    """Read Brave's headers: the rest of each quota, and the seconds until it is full again."""
    left = headers.get("x-ratelimit-remaining", "").split(",")
    resets = headers.get("x-ratelimit-reset", "").split(",")
    waits = [
        float(seconds)
        for rest, seconds in zip(left, resets, strict=False)
        if rest.strip() == "0" and re.fullmatch(r" *\d{1,7} *", seconds)
    ]
    # Others send a point in time here.
    return max((wait for wait in waits if wait <= _MONTH), default=None)
