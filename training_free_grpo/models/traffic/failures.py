"""What a failed call says: about itself, about its endpoint, and about when to come back."""

import socket
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal

Failure = Literal["refused", "request", "too_long", "overloaded", "failing", "unreachable"]
"""No call can succeed; this request is not taken; it is longer than the model reads; too much is
asked at once; the endpoint fails or talks nonsense; nobody is there."""

_REFUSED = (401, 402, 403, 404)
_REFUSED_CODES = (
    *("insufficient_quota", "model_not_found", "invalid_api_key"),
    *("billing_not_active", "account_deactivated"),
)
_OVERLOADED = (429, 503, 529)
_PASSING = (408, 409, 425)
_TOO_LONG = (
    *("context length", "context_length", "context window", "prompt is too long"),
    *("maximum context", "input is too long", "too many tokens", "reduce the length"),
)


def read_failure(error: Exception) -> Failure:
    """Tell what a failed call means."""
    status, code, said = status_of(error), getattr(error, "code", None), str(error).lower()
    if code in _REFUSED_CODES:
        return "refused"
    if is_too_long(status, said):
        return "too_long"
    if status in _REFUSED and not (status == 403 and "flagged" in said):  # by a moderation
        return "refused"
    if status in _OVERLOADED:
        return "overloaded"
    if status is None:
        return "unreachable" if any(map(finds_nobody, causes(error))) else "failing"
    return "failing" if status >= 500 or status in _PASSING else "request"


def is_too_long(status: int | None, said: str) -> bool:
    """Tell whether a prompt was longer than the model reads, or than it may ever be."""
    if status == 429:  # beyond a whole minute's tokens: no wait helps
        return "request too large" in said
    return status == 413 or (status == 400 and any(words in said for words in _TOO_LONG))


def status_of(error: Exception) -> int | None:
    """Return the HTTP status of an error, wherever its library keeps it."""
    response = getattr(error, "response", None)
    found = (getattr(error, "status_code", None), getattr(response, "status_code", None))
    named = (getattr(error, "code", None), getattr(error, "status", None))
    return next((int(n) for n in (*found, *named) if isinstance(n, int) and n >= 100), None)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Return an error, and what it came of."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def finds_nobody(error: BaseException) -> bool:
    """Tell whether an error says that there is no such host, or nobody listening."""
    return isinstance(error, ConnectionRefusedError | socket.gaierror)


def describe_failure(error: Exception) -> str:
    """Say in a line what went wrong; where nobody is there, in the words of the system."""
    # A stack of libraries says "timed out" of a server that is not running.
    shown = next((e for e in causes(error) if finds_nobody(e)), error)
    return f"{type(shown).__name__}: {shown}".strip(": ")


def seconds_asked(error: Exception) -> float | None:
    """Return the seconds after which an endpoint asks to be called again."""
    headers: Mapping[str, Any] = getattr(getattr(error, "response", None), "headers", None) or {}
    milliseconds = read_number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    header = headers.get("retry-after", "")
    seconds = read_number(header)
    return read_date(header) if seconds is None else seconds


def read_number(header: str) -> float | None:
    """Read a number of seconds or milliseconds."""
    return float(header) if header.strip().replace(".", "", 1).isdecimal() else None


def read_date(header: str) -> float | None:
    """Read a date as the seconds until then."""
    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
