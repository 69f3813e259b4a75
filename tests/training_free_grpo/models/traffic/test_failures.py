import socket
from email.utils import formatdate
from time import time

import pytest

from training_free_grpo.models.traffic.failures import describe_failure, read_failure, seconds_asked


class Answer:
    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Failed(Exception):
    """An error as the SDKs of model providers raise it."""

    def __init__(self, said: str = "", status: int | None = None, code: str | None = None) -> None:
        super().__init__(said)
        self.status_code, self.code = status, code
        self.response = Answer()


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Failed(status=401), "refused"),
        (Failed(status=402), "refused"),
        (Failed(status=403), "refused"),
        (Failed("your input was flagged", status=403), "request"),
        (Failed(status=404), "refused"),
        (Failed(status=429), "overloaded"),
        (Failed(status=429, code="insufficient_quota"), "refused"),
        (Failed(status=400, code="model_not_found"), "refused"),
        (Failed("Request too large for tokens per min", status=429), "too_long"),
        (Failed("Too many tokens, please wait", status=429), "overloaded"),
        (Failed(status=503), "overloaded"),
        (Failed(status=529), "overloaded"),
        (Failed(status=500), "failing"),
        (Failed(status=408), "failing"),
        (Failed(status=413), "too_long"),
        (Failed("the maximum context length is 8192 tokens", status=400), "too_long"),
        (Failed("unknown parameter", status=400), "request"),
        (Failed(status=302), "request"),
        (TimeoutError(), "failing"),
        (ValueError("no JSON"), "failing"),
        (ConnectionRefusedError(), "unreachable"),
        (socket.gaierror(), "unreachable"),
        (ConnectionResetError(), "failing"),
    ],
    ids=str,
)
def test_what_a_failed_call_means(error: Exception, failure: str) -> None:
    assert read_failure(error) == failure


def test_nobody_there_is_told_by_what_an_error_came_of() -> None:
    error = TimeoutError("Request timed out.")
    error.__cause__ = ConnectionRefusedError("connect call failed")
    assert read_failure(error) == "unreachable"
    assert describe_failure(error) == "ConnectionRefusedError: connect call failed"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": ""}, None),
    ],
    ids=str,
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    error = Failed(status=429)
    error.response = Answer(**headers)
    assert seconds_asked(error) == seconds


def test_a_date_to_come_back_at_lies_ahead() -> None:
    error = Failed(status=429)
    error.response = Answer(retry_after=formatdate(time() + 90, usegmt=True))
    asked = seconds_asked(error)
    assert asked is not None
    assert 60 < asked <= 90
