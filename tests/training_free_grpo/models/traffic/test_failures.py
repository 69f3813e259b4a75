import json
import socket
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest
from langchain_core import exceptions as typed

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


class Refused(Exception):
    """An error whose words its SDK leaves in the body."""

    def __init__(self, status: int | None, body: Any) -> None:
        super().__init__(f"Error code: {status}" if status else "an error")
        self.status_code, self.body = status, body


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


ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("errors.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: json.dumps(row["body"])[:60])
def test_what_endpoints_say_in_words_of_their_own(row: dict[str, Any]) -> None:
    assert read_failure(Refused(row["status"], row["body"])) == row["means"]


@pytest.mark.parametrize(
    "body",
    [
        {"message": "it broke"},
        {"error": "it broke"},
        {"error": {"message": "it broke"}},
        [{"error": {"message": "it broke"}}],
        {"detail": "it broke"},
        {"detail": [{"loc": ["body", "x"], "msg": "it broke", "input": "secret"}]},
        "it broke",
        {"message": "Provider error", "metadata": {"raw": '{"error": {"message": "it broke"}}'}},
    ],
    ids=str,
)
def test_the_words_of_an_error_are_found_wherever_they_stand(body: Any) -> None:
    said = describe_failure(Refused(400, body))
    assert "it broke" in said
    assert "400" in said
    assert "secret" not in said


def test_what_a_server_repeats_of_a_model_says_nothing_of_the_error() -> None:
    body = {"code": "tool_use_failed", "failed_generation": "invalid api key, no credit balance"}
    assert read_failure(Refused(400, body)) == "request"


def test_a_status_is_found_on_what_an_error_came_of() -> None:
    error = ValueError("Error calling the model")
    error.__cause__ = Failed("slow down", status=429)
    assert read_failure(error) == "overloaded"


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        (typed.ModelRateLimitError, "overloaded"),
        (typed.ModelAuthenticationError, "refused"),
        (typed.ModelNotFoundError, "refused"),
        (typed.ModelInvalidRequestError, "request"),
        (typed.ModelAPIError, "failing"),
        (typed.ContextOverflowError, "too_long"),
    ],
)
def test_typed_errors_of_langchain_are_taken_at_their_type(
    kind: type[Exception], failure: str
) -> None:
    assert read_failure(kind("it went wrong")) == failure


def test_googles_delay_stands_in_the_body() -> None:
    assert seconds_asked(Refused(429, [{"error": {"details": [{"retryDelay": "17s"}]}}])) == 17.0
