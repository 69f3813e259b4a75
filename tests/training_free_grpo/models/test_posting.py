"""Requests that are copied from one of the SDK's are the SDK's, and so are their errors."""

import json

import httpx2
import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from training_free_grpo.models.posting import Poster

KEY = "a key"


class Server:
    """Answers each request with the next status, and keeps what it was sent."""

    def __init__(self, *statuses: int | Exception) -> None:
        self._statuses = list(statuses)
        self.requests: list[httpx2.Request] = []
        self.http = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    def poster(self) -> Poster:
        model = ChatOpenAI(
            model="a-model",
            api_key=SecretStr(KEY),
            base_url="http://endpoint/v1",
            http_async_client=self.http,
            max_retries=0,
            timeout=7.0,
            default_headers={"x-team": "ours"},
        )
        return Poster(model)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        status = self._statuses.pop(0)
        if isinstance(status, Exception):
            raise status
        failure = {"message": "too many", "code": "busy"}
        return httpx2.Response(status, json={"error": failure} if status >= 400 else {"n": status})


async def test_later_requests_differ_from_the_first_in_their_body_alone() -> None:
    server = Server(200, 200)
    poster = server.poster()
    for word in ("one", "zwölf"):
        assert (await poster.post({"word": word})).json() == {"n": 200}
    first, second = server.requests
    assert [json.loads(request.content) for request in server.requests] == [
        {"word": "one"},
        {"word": "zwölf"},
    ]
    lengths = [request.headers.pop("content-length") for request in server.requests]
    assert lengths == [str(len(request.content)) for request in server.requests]
    assert first.headers == second.headers
    assert second.headers["authorization"] == f"Bearer {KEY}"
    assert second.headers["x-team"] == "ours"
    assert (first.url, first.extensions) == (second.url, second.extensions)


@pytest.mark.parametrize("before", [(), (200,)])
async def test_a_status_of_failure_is_the_error_of_the_sdk(before: tuple[int, ...]) -> None:
    poster = Server(*before, 429).poster()
    for _ in before:
        await poster.post({})
    with pytest.raises(openai.RateLimitError, match="too many") as failed:
        await poster.post({})
    assert (failed.value.status_code, failed.value.code) == (429, "busy")


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (httpx2.ReadTimeout("late"), openai.APITimeoutError),
        (httpx2.ConnectError("nobody there"), openai.APIConnectionError),
    ],
)
@pytest.mark.parametrize("before", [(), (200,)])
async def test_a_lost_connection_is_the_error_of_the_sdk(
    before: tuple[int, ...], failure: Exception, expected: type[Exception]
) -> None:
    poster = Server(*before, failure).poster()
    for _ in before:
        await poster.post({})
    with pytest.raises(expected) as failed:
        await poster.post({})
    assert failed.value.__cause__ is failure
    assert type(failed.value) is expected
