"""What an error says: status, codes and text, wherever the SDK that raised it keeps them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from langchain_core import exceptions as typed

_TYPED: tuple[tuple[type[Exception], int], ...] = (
    (typed.ModelAuthenticationError, 401),
    (typed.ModelPermissionDeniedError, 403),
    (typed.ModelNotFoundError, 404),
    (typed.ModelRateLimitError, 429),
    (typed.ModelAPIError, 500),
    (typed.ModelInvalidRequestError, 400),
)
"""The status that langchain-core's typed errors stand for."""
_TEXTS = ("message", "msg", "detail", "error", "error_description", "title", "raw", "description")
_CODES = ("code", "type", "status", "reason", "error_code", "errorCode", "quotaId", "loc", "param")
_ECHOES = ("input", "ctx", "failed_generation", "body", "request", "url", "doc_url", "links")
"""Fields in which servers repeat what they were sent: nothing there is about the error."""
_LONGEST = 4000


def any_of(*patterns: str) -> re.Pattern[str]:
    """Compile a pattern that finds any of several, in text of small letters."""
    return re.compile("|".join(patterns))


class ErrorReport(NamedTuple):
    """What one failed call says of itself."""

    status: int | None
    codes: frozenset[str]
    """Codes, types and names of parameters, in small letters."""
    text: str
    """Everything that it says in words."""

    @property
    def words(self) -> str:
        """The text and the codes in small letters, to search in."""
        return " ".join([self.text, *sorted(self.codes)]).casefold()


def read_report(error: BaseException) -> ErrorReport:
    """Read an error and what caused it."""
    chain = list(causes(error, explicit=True))
    status = next((found for e in chain if (found := status_of(e))), None)
    texts, codes = [], set[str]()
    for each in chain:
        texts.append(str(each))
        for body in bodies_of(each):
            for key, said in leaves(body):
                if key in _CODES:
                    codes.add(said.casefold())
                else:
                    texts.append(said)
        if isinstance(code := getattr(each, "code", None), str):
            codes.add(code.casefold())
    return ErrorReport(status, frozenset(codes), join_texts(texts)[:_LONGEST])


def join_texts(texts: list[str]) -> str:
    """Join texts, without those that another one holds already."""
    kept: list[str] = []
    for text in (" ".join(text.split()) for text in texts):
        if text and not any(text in other for other in kept):
            kept.append(text)
    return "; ".join(kept)


def bodies_of(error: BaseException) -> Iterator[Any]:
    """Yield the bodies that an error holds: parsed by its SDK, or as its response has them."""
    found = [getattr(error, name, None) for name in ("body", "details", "error")]
    found += [arg for arg in error.args if isinstance(arg, dict | list)]
    if not any(isinstance(body, dict | list) for body in found):
        try:
            found.append(getattr(getattr(error, "response", None), "text", None))
        except Exception:  # noqa: BLE001 - a streamed response that was never read
            found = found[:]
    for body in found:
        yield parse_body(body) if isinstance(body, str) else body


def parse_body(text: str) -> Any:
    """Return the JSON of a body, or its text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def leaves(body: Any, key: str = "message") -> Iterator[tuple[str, str]]:
    """Yield the texts and codes in a body, with the key they stand under."""
    if isinstance(body, Mapping):
        if isinstance(place := body.get("loc"), list):  # FastAPI's, and Mistral's
            yield "message", f"{'.'.join(map(str, place))}: {body.get('msg', '')}"
        for name, value in body.items():
            if str(name) not in _ECHOES:
                yield from leaves(value, str(name))
    elif isinstance(body, list | tuple):
        for value in body:
            yield from leaves(value, key)
    elif isinstance(body, str):
        inner = parse_body(body) if key == "raw" and body.startswith(("{", "[")) else body
        if not isinstance(inner, str):
            yield from leaves(inner)
        elif key in _TEXTS or key in _CODES:
            yield key, inner
    elif key in _CODES and isinstance(body, int) and not isinstance(body, bool):
        yield key, str(body)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status of an error, wherever its library keeps it."""
    if type(error).__module__.startswith("aiohttp") or isinstance(error, OSError):
        return None  # of a broken connection: no answer of the endpoint's
    response = getattr(error, "response", None)
    found = (getattr(error, "status_code", None), getattr(response, "status_code", None))
    named = (getattr(error, "code", None), getattr(error, "status", None))
    numbers = (n for n in (*found, *named) if isinstance(n, int) and 100 <= n < 600)
    stated = next((int(n) for n in numbers), None)
    if stated is not None:
        return stated
    return next((status for kind, status in _TYPED if isinstance(error, kind)), None)


def causes(error: BaseException, explicit: bool = False) -> Iterator[BaseException]:
    """Yield an error and what caused it; `explicit` leaves out what was merely being handled."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or (None if explicit else found.__context__)
