"""What a failed call means: for itself, for the endpoint, and when to try again."""

import re
import socket
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from json import JSONDecodeError
from typing import Any, Literal

from langchain_core.exceptions import ContextOverflowError

from training_free_grpo.models.traffic.error_report import ErrorReport, any_of, causes, read_report
from training_free_grpo.models.traffic.overflow import is_overflow
from training_free_grpo.models.traffic.refusals import find_refusal

Failure = Literal["refused", "request", "too_long", "overloaded", "failing", "unreachable"]
"""No call can succeed; this request is not taken; it is longer than the model reads; too much is
asked at once; the endpoint fails or talks nonsense; nobody is there."""

_OVERLOADED = (429, 503, 529)
_PASSING = (408, 409, 425)
_FILTERED = any_of(
    r"content[ _-]?(?:filter|policy|management|moderation|violat|exists risk|risk)|risky? content",
    r"moderation|flagged|jailbreak|inappropriate|prohibited[ _]content|invalid_prompt",
    r"usage (?:policy|policies|guidelines)|violat\w* [^.]{0,40}polic|responsible ?ai",
    r"(?:safety|guardrail)s? (?:system|check|filter|setting|policy)|data[ _]inspection",
    r"(?:blocked|rejected|refused|stopped)[^.]{0,40}(?:safety|guardrail|filter|policy|prohibited)",
    r"(?:unsafe|sensitive|harmful) (?:content|input|information)|blocked by|block_?reason",
)
_GARBLED = any_of(
    r"tool_use_failed|json_validate_failed|output_parse_failed|failed_generation",
    r"fail\w* to (?:call a (?:function|tool)|generate (?:a )?(?:json|function|tool|valid))",
    r"fail\w* to parse (?:the )?(?:tool|function|model|generat|output|input at pos|arguments)",
    r"(?:error|failed) parsing (?:the )?(?:tool|function) call|tool call validation failed",
    r"malformed (?:function|tool)[ _]call|(?:generated|output)[^.]{0,40}could not be parsed",
)
_UNSUPPORTED = any_of(
    r"not support|unsupported|unrecognized|unknown|unexpected|not permitted|not allowed|deprecated",
    r"extra (?:inputs?|fields?)|forbidden|not a valid (?:parameter|argument|field)|incompatible",
    r"does not (?:take|accept|recognize)|cannot (?:both )?be (?:set|used|specified)",
    r"invalid (?:parameter|argument)|no longer (?:accepted|available)",
    r"not (?:enabled|available|implemented|recognized|accepted)",
)
_TEMPLATE = any_of("jinja", "chat[ _]template", "raise_exception", "roles? must alternate")


def read_failure(error: Exception) -> Failure:
    """Tell what a failed call means."""
    report = read_report(error)
    status = report.status
    if any(isinstance(e, ContextOverflowError) for e in causes(error, explicit=True)):
        return "too_long"
    if is_filtered(report):
        return "request"
    if find_refusal(report):
        return "refused"
    if is_overflow(status, report.words):
        return "too_long"
    if status in _OVERLOADED:
        return "overloaded"
    if status is None:
        return read_unanswered(error, report)
    if status >= 500 and _TEMPLATE.search(report.words):
        return "request"
    return "failing" if status >= 500 or status in _PASSING else "request"


def read_unanswered(error: Exception, report: ErrorReport) -> Failure:
    """Tell what a failure without a status means."""
    if any(map(finds_nobody, causes(error))):
        return "unreachable"
    # What a client library refuses by itself was never sent: it would refuse it again.
    refused_here = isinstance(error, ValueError | TypeError | NotImplementedError)
    if refused_here and not isinstance(error, JSONDecodeError) and says_unsupported(report):
        return "request"
    return "failing"


def is_filtered(report: ErrorReport) -> bool:
    """Tell whether a filter refused this one prompt, or what was to answer it."""
    if report.status not in (None, 200, 400, 403, 422, 451):
        return False
    return bool(_FILTERED.search(report.words))


def is_garbled(report: ErrorReport) -> bool:
    """Tell whether the server could not read what its own model wrote: another try may do."""
    return report.status != 429 and bool(_GARBLED.search(report.words))


def says_unsupported(report: ErrorReport) -> bool:
    """Tell whether an error speaks of something that the endpoint does not take."""
    return bool(_UNSUPPORTED.search(report.words))


def finds_nobody(error: BaseException) -> bool:
    """Tell whether an error says that there is no such host, or nobody listening."""
    return isinstance(error, ConnectionRefusedError | socket.gaierror)


def describe_failure(error: Exception) -> str:
    """Say in a line what went wrong; where nobody is there, in the words of the system."""
    # A stack of libraries says "timed out" of a server that is not running.
    for each in causes(error):
        if finds_nobody(each):
            return f"{type(each).__name__}: {each}".strip(": ")
    report = read_report(error)
    said = report.text
    if report.status is not None and str(report.status) not in said:
        said = f"Error code: {report.status} - {said}"
    return f"{type(error).__name__}: {said}".strip(": -")


def seconds_asked(error: Exception) -> float | None:
    """Return the seconds after which an endpoint asks to be called again."""
    for each in causes(error, explicit=True):
        headers: Mapping[str, Any] = getattr(getattr(each, "response", None), "headers", None) or {}
        milliseconds = read_number(headers.get("retry-after-ms", ""))
        if milliseconds is not None:
            return milliseconds / 1000
        header = headers.get("retry-after", "")
        seconds = read_number(header)
        found = read_date(header) if seconds is None else seconds
        if found is not None:
            return found
    return read_delay(error)


def read_delay(error: Exception) -> float | None:
    """Read Google's `retryDelay`, which stands in the body."""
    for each in causes(error, explicit=True):
        bodies = (getattr(each, "body", None), getattr(each, "details", None))
        found = re.search(r"retryDelay\W+([\d.]+)s", str(bodies))
        if found:
            return float(found[1])
    return None


def read_number(header: str) -> float | None:
    """Read a number of seconds or milliseconds."""
    return float(header) if header.strip().replace(".", "", 1).isdecimal() else None


def read_date(header: str) -> float | None:
    """Read a date as the seconds until then."""
    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
