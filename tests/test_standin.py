"""The stand-in server itself: what it answers, counts and charges, as a client sees it."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.standin import FAULTS, StandIn, by_share, in_order, share

PROBLEM = "Puzzle: how many?"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn({PROBLEM: "42"}, right=lambda problem, n: n == 0) as server:
        yield server


def ask(server: StandIn, text: str = PROBLEM, **more: Any) -> httpx.Response:
    body = {"model": "stand-in", "messages": [{"role": "user", "content": text}]} | more
    return httpx.post(f"{server.url}/chat/completions", json=body, timeout=60, trust_env=False)


def content(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


def test_the_first_rollout_is_right_and_the_second_wrong_as_told(server: StandIn) -> None:
    assert "\\boxed{42}" in content(ask(server))
    assert "\\boxed{42}" not in content(ask(server))
    assert [call.rollout for call in server.calls] == [0, 1]


@pytest.mark.parametrize(
    ("text", "role"),
    [
        (PROBLEM, "rollout"),
        ("<problem>\nP\n</problem>\n<response>\nR\n</response>\n<truth>\n1\n</truth>", "judge"),
        ("<problem>\nP\n</problem>\n<trajectory>\nT\n</trajectory>", "summarize"),
        ('<problem>\nP\n</problem>\n<attempt n="1">\n</attempt>', "extract_advantage"),
    ],
)
def test_it_knows_a_call_by_the_blocks_of_its_prompt(server: StandIn, text: str, role: str) -> None:
    server.faults = lambda call: "server_error"
    ask(server, text)
    assert [call.role for call in server.calls] == [role]


def test_it_charges_what_its_answers_say_and_nothing_for_a_failure(server: StandIn) -> None:
    server.faults = in_order("server_error")
    assert ask(server).status_code == 500
    used = ask(server).json()["usage"]
    charged = server.usage()["rollout"]
    assert (charged["calls"], charged["input"]) == (1, used["prompt_tokens"])
    assert charged["output"] == used["completion_tokens"]


def test_a_call_that_failed_is_the_same_rollout_when_it_comes_again(server: StandIn) -> None:
    server.faults = in_order("rate_limit")
    assert ask(server).headers["Retry-After"] == "1.0"
    assert "\\boxed{42}" in content(ask(server))


def test_it_refuses_an_argument_that_openai_does_not_know(server: StandIn) -> None:
    assert ask(server, wisdom=1).status_code == 400
    server.knows = ["wisdom"]
    assert ask(server, wisdom=1).status_code == 200


def test_a_stream_holds_the_same_words(server: StandIn) -> None:
    lines = ask(server, stream=True).text.split("\n\n")
    events = [json.loads(line.removeprefix("data: ")) for line in lines if "{" in line]
    parts = [choice["delta"].get("content") for event in events for choice in event["choices"]]
    assert "\\boxed{42}" in "".join(filter(None, parts))


def test_it_serves_so_many_at_once_and_refuses_the_others() -> None:
    with StandIn(at_once=1, latency=600) as server:

        def wait() -> None:
            with suppress(httpx.HTTPError):  # the server ends before it answers
                ask(server)

        first = threading.Thread(target=wait)
        first.start()
        server.wait_for(lambda: server.in_flight == 1)
        assert ask(server).status_code == 429
    first.join()


def test_a_wait_that_fails_lists_the_calls_so_far(server: StandIn) -> None:
    ask(server)
    with pytest.raises(AssertionError, match="rollout"):
        server.wait_for(lambda: False, seconds=0)


def test_faults_are_drawn_by_their_share() -> None:
    drawn = [by_share(1, hang=0.2, garbage=0.1)(_Numbered(n)) for n in range(2000)]  # type: ignore[arg-type]
    assert abs(drawn.count("hang") - 400) < 80
    assert abs(drawn.count("garbage") - 200) < 60
    assert set(drawn) == {"hang", "garbage", None}
    assert 0 <= share("any", "parts") < 1


class _Numbered:
    """As much of a call as a draw looks at."""

    def __init__(self, number: int) -> None:
        self.number = number


STATUSES = {"rate_limit": 429, "no_quota": 429, "server_error": 500, "overloaded": 529}


@pytest.mark.parametrize(("fault", "status"), STATUSES.items())
def test_a_fault_is_what_its_name_says(server: StandIn, fault: str, status: int) -> None:
    assert fault in FAULTS
    server.faults = in_order(fault)
    assert ask(server).status_code == status
