import asyncio
import gc
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage

from tests.standin import StandIn, in_order
from training_free_grpo.learning.operations_answer import OperationsAnswer
from training_free_grpo.learning.reflection import summarize
from training_free_grpo.ledger import metered
from training_free_grpo.models import Endpoint, Outage, Refused, Unusable
from training_free_grpo.models.chat import make_model
from training_free_grpo.models.errors import TooLong
from training_free_grpo.models.openai import BadAnswer
from training_free_grpo.models.structured import ask
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.records import JSON, Grade, Ledger, Problem
from training_free_grpo.settings import Settings

PROBLEM = "What is six times seven?"
COMPARISON = f'<problem>\n{PROBLEM}\n</problem>\n<attempt n="1" reward="1.0">\nIt ran.\n</attempt>'


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn({PROBLEM: "42"}, right=lambda problem, n: True) as server:
        yield server


def endpoint(address: StandIn | str, **options: Any) -> Endpoint:
    url = address if isinstance(address, str) else address.url
    settings = Settings.read({"model": "openai:stand-in", "base_url": url} | options)
    return Endpoint(settings, settings.model, url, 0.7)


async def solve(model: Endpoint, problem: str = PROBLEM) -> AIMessage:
    talk: list[AnyMessage] = [SystemMessage("Solve it."), HumanMessage(problem)]
    return await model.call(talk, role="rollout")


async def compare(model: Endpoint, **options: Any) -> AIMessage:
    talk: list[AnyMessage] = [SystemMessage("Compare."), HumanMessage(COMPARISON)]
    return await model.call(talk, role="extract_advantage", schema=OperationsAnswer, **options)


async def ask_for_lessons(model: Endpoint) -> JSON:
    talk: list[AnyMessage] = [SystemMessage("Compare."), HumanMessage(COMPARISON)]
    return await ask(
        model, talk, OperationsAnswer, lambda found: (found, []), role="extract_advantage"
    )


def charged(usage: Ledger) -> dict[str, dict[str, int]]:
    """Leave out of a ledger what a server cannot know."""
    known = ("calls", "input", "cached", "output")
    return {role: {k: row[k] for k in known} for role, row in usage.items()}  # type: ignore[literal-required]


def nobody() -> str:
    """Return an address where nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}/v1"


async def test_an_answer_comes_with_what_it_cost(server: StandIn) -> None:
    with metered() as usage:
        answer = await solve(endpoint(server))
    assert "42" in answer.text
    assert charged(usage) == server.usage()
    assert usage["rollout"]["input"] > 0


async def test_temperature_limit_and_model_name_stand_in_the_request(server: StandIn) -> None:
    await solve(endpoint(server, max_output_tokens=77))
    body = server.calls[0].body
    assert (body["model"], body["temperature"]) == ("stand-in", 0.7)
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 77


async def test_the_wait_is_what_retry_after_asks_for(server: StandIn) -> None:
    server.faults, server.retry_after = in_order("rate_limit"), 1.2
    await solve(endpoint(server))
    first, second = server.calls
    assert second.at - first.at >= 1.2


@pytest.mark.parametrize(
    "fault", ["rate_limit", "server_error", "broken_body", "garbage", "empty", "cut_off"]
)
async def test_a_passing_fault_is_tried_again_and_counted(server: StandIn, fault: str) -> None:
    server.faults, server.retry_after = in_order(fault), 0.05
    with metered() as usage:
        answer = await solve(endpoint(server))
    assert "42" in answer.text
    assert usage["rollout"]["retries"] == 1
    assert charged(usage) == server.usage()


@pytest.mark.parametrize("fault", ["empty", "cut_off"])
async def test_a_structured_answer_that_is_not_whole_is_paid_for(
    server: StandIn, fault: str
) -> None:
    server.faults = in_order(fault)
    with metered() as usage:
        await compare(endpoint(server))
    assert usage["extract_advantage"]["retries"] == 1
    assert charged(usage) == server.usage()


@pytest.mark.parametrize("fault", ["empty", "cut_off"])
@pytest.mark.parametrize("form", ["json_schema", "tool", "text"])
async def test_structured_answers_that_are_never_whole_are_unusable(
    server: StandIn, form: str, fault: str
) -> None:
    server.faults = lambda call: fault
    with pytest.raises(Unusable):
        await compare(endpoint(server, max_retries=0, structured_output=form))


async def test_a_call_that_hangs_is_given_up_and_tried_again(server: StandIn) -> None:
    server.faults = in_order("hang")
    with metered() as usage:
        await solve(endpoint(server, call_timeout=0.5))
    assert usage["rollout"]["retries"] == 1
    assert len(server.calls) == 2


async def test_a_call_that_always_hangs_is_an_outage(server: StandIn) -> None:
    server.faults = lambda call: "hang"
    with pytest.raises(Outage, match="Timeout"):
        await solve(endpoint(server, call_timeout=0.2, max_retries=0))


async def test_the_time_limit_of_a_call_does_not_count_the_wait_for_its_turn(
    server: StandIn,
) -> None:
    server.latency = 0.2
    model = endpoint(server, concurrency=1, call_timeout=0.9, max_retries=0)
    await asyncio.gather(*(solve(model) for _ in range(8)))


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_is_not_tried_again(server: StandIn, status: int) -> None:
    server.status = status
    with pytest.raises(Refused, match=str(status)):
        await solve(endpoint(server))
    assert len(server.calls) == 1


async def test_an_empty_account_is_a_refusal_and_not_a_rate_limit(server: StandIn) -> None:
    server.faults = lambda call: "no_quota"
    with pytest.raises(Refused, match="quota"):
        await solve(endpoint(server))
    assert len(server.calls) == 1


async def test_an_outage_is_told_after_all_tries(server: StandIn) -> None:
    server.faults = lambda call: "server_error"
    with metered() as usage, pytest.raises(Outage, match="500"):
        await solve(endpoint(server, max_retries=1))
    assert len(server.calls) == 2
    assert usage["rollout"] | {"retries": 0} == dict.fromkeys(usage["rollout"], 0)


@pytest.mark.parametrize(("fault", "reason"), [("empty", "empty"), ("cut_off", "cut off")])
async def test_answers_that_are_never_whole_are_unusable(
    server: StandIn, fault: str, reason: str
) -> None:
    server.faults = lambda call: fault
    with metered() as usage, pytest.raises(Unusable, match=reason):
        await solve(endpoint(server, max_retries=1))
    assert charged(usage) == server.usage()


@pytest.mark.server
async def test_an_endpoint_that_loses_call_after_call_counts_as_dead() -> None:
    model = endpoint(nobody(), max_retries=0)
    for _ in range(9):
        with pytest.raises(Outage):
            await solve(model)
    with pytest.raises(Refused, match="10 calls in a row"):
        await solve(model)


async def test_one_answer_in_between_shows_that_an_endpoint_lives(server: StandIn) -> None:
    server.faults = lambda call: None if call.number == 9 else "server_error"
    model = endpoint(server, max_retries=0)
    found = [await outcome(model) for _ in range(19)]
    assert found.count("answered") == 1
    assert "Refused" not in found


async def outcome(model: Endpoint) -> str:
    try:
        await solve(model)
    except (Outage, Refused) as error:
        return type(error).__name__
    return "answered"


@pytest.mark.parametrize(
    ("refuses", "forms"),
    [
        ((), ["schema", "schema"]),
        (("json_schema",), ["schema", "tool", "tool"]),
        (("json_schema", "tools"), ["schema", "tool", "text", "text"]),
    ],
)
async def test_the_best_structured_form_that_an_endpoint_takes_is_remembered(
    server: StandIn, refuses: tuple[str, ...], forms: list[str]
) -> None:
    server.refuses, model = refuses, endpoint(server)
    first, second = await ask_for_lessons(model), await ask_for_lessons(model)
    assert first["operations"] == second["operations"]
    assert [form(call.body) for call in server.calls] == forms


def form(body: JSON) -> str:
    if body.get("tools"):
        return "tool"
    return "schema" if body.get("response_format") else "text"


async def test_calls_at_once_agree_on_the_structured_form(server: StandIn) -> None:
    server.refuses, server.latency = ("json_schema", "tools"), 0.05
    model = endpoint(server)
    answers = await asyncio.gather(*(ask_for_lessons(model) for _ in range(20)))
    assert all(answer["operations"] for answer in answers)


async def test_a_form_that_the_settings_name_is_the_only_one_tried(server: StandIn) -> None:
    server.refuses = ("json_schema",)
    with pytest.raises(Outage):
        await compare(endpoint(server, structured_output="json_schema"))
    assert len(server.calls) == 1


async def test_a_request_refused_in_every_form_gives_no_form_up(server: StandIn) -> None:
    model, server.status = endpoint(server), 400
    with pytest.raises(Outage):
        await compare(model)
    server.status = None
    await compare(model)
    assert form(server.calls[-1].body) == "schema"


@pytest.mark.parametrize("form", ["json_schema", "tool", "text"])
async def test_a_broken_answer_is_repaired_once_the_model_sees_the_error(
    server: StandIn, form: str
) -> None:
    server.faults = in_order("not_json")
    with metered() as usage:
        found = await ask_for_lessons(endpoint(server, structured_output=form, max_retries=0))
    assert found["operations"]
    first, repaired = (call.messages for call in server.calls)
    assert repaired[:2] == first
    assert repaired[2] == {"role": "assistant", "content": '{"reasoning": "no end'}
    assert "not one whole JSON object" in repaired[3]["content"]
    row = usage["extract_advantage"]
    assert (row["calls"], row["repairs"], row["retries"]) == (2, 1, 0)
    assert charged(usage) == server.usage()


@pytest.mark.parametrize("form", ["json_schema", "tool", "text"])
async def test_answers_that_no_repair_mends_are_unusable(server: StandIn, form: str) -> None:
    server.faults = lambda call: "not_json"
    with metered() as usage, pytest.raises(Unusable, match="no answer in 6"):
        await ask_for_lessons(endpoint(server, structured_output=form, max_retries=0))
    assert len(server.calls) == 6
    assert usage["extract_advantage"]["repairs"] == 5


async def test_no_more_calls_are_in_flight_than_the_settings_allow(server: StandIn) -> None:
    server.latency = 0.05
    model = endpoint(server, concurrency=7)
    await asyncio.gather(*(solve(model) for _ in range(40)))
    assert server.peak == 7


async def test_an_endpoint_may_have_a_limit_of_its_own(server: StandIn) -> None:
    server.latency = 0.05
    with StandIn(latency=0.05) as other:
        options = {"concurrency": 12, "endpoint_concurrency": 5}
        models = endpoint(server, **options), endpoint(other, **options)
        await asyncio.gather(*(solve(model) for model in models for _ in range(30)))
        assert (server.peak, other.peak) == (5, 5)


async def test_the_limit_holds_over_all_endpoints_together(server: StandIn) -> None:
    server.latency = 0.05
    models = [endpoint(server, concurrency=6), endpoint(server, concurrency=6)]
    await asyncio.gather(*(solve(model) for model in models for _ in range(20)))
    assert server.peak <= 6


async def test_connections_are_used_again_over_many_calls(server: StandIn) -> None:
    server.latency = 0.01
    models = [endpoint(server, concurrency=16), endpoint(server, concurrency=16)]
    await asyncio.gather(*(solve(model) for model in models for _ in range(100)))
    assert len(server.calls) == 200
    assert len(server.connections) <= 16


async def test_connections_survive_answers_that_are_errors(server: StandIn) -> None:
    server.faults = lambda call: None if call.number % 2 else "server_error"
    model = endpoint(server, max_retries=0, concurrency=4)
    for _ in range(40):
        await outcome(model)
    assert len(server.connections) == 1


def test_one_endpoint_serves_event_loops_one_after_another(
    server: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    model = endpoint(server)
    for _ in range(3):
        assert "42" in asyncio.run(solve(model)).text
        gc.collect()
    assert not [r for r in caplog.records if "nclosed" in r.getMessage()]


def test_a_loop_closes_its_connections_when_it_ends(server: StandIn) -> None:
    for _ in range(3):
        asyncio.run(solve(endpoint(server)))
    asyncio.run(solve(endpoint(server)))
    assert server.peak_connections == 1


def test_one_endpoint_serves_threads_at_once(server: StandIn) -> None:
    model, answers = endpoint(server), []
    server.latency = 0.05

    def work() -> None:
        answers.append(asyncio.run(solve(model)).text)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    gc.collect()
    assert len(answers) == 6


async def test_a_call_that_is_cancelled_gives_its_place_back(server: StandIn) -> None:
    server.faults = in_order("hang")
    model = endpoint(server, concurrency=1)
    task = asyncio.create_task(solve(model))
    await asyncio.to_thread(server.wait_for, lambda: len(server.calls) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(20):
        assert "42" in (await solve(model)).text


@pytest.mark.parametrize(
    "fault", ["unavailable", "overloaded", "timed_out", "error_page", "error_object", "no_choices"]
)
async def test_what_servers_send_in_place_of_an_answer_is_tried_again(
    server: StandIn, fault: str
) -> None:
    server.faults = in_order(fault)
    with metered() as usage:
        assert "42" in (await solve(endpoint(server))).text
    assert usage["rollout"]["retries"] == 1


@pytest.mark.parametrize(
    ("fault", "reason"), [("withheld", "content_filter"), ("refusal", "I cannot help with that")]
)
async def test_an_answer_that_was_withheld_is_never_taken_for_one(
    server: StandIn, fault: str, reason: str
) -> None:
    server.faults = lambda call: fault
    with pytest.raises(Unusable, match=reason):
        await solve(endpoint(server, max_retries=0))


async def test_a_body_that_trickles_is_given_up(server: StandIn) -> None:
    server.faults = in_order("trickle")
    assert "42" in (await solve(endpoint(server, call_timeout=0.5))).text


async def test_a_stream_that_breaks_off_is_no_answer(server: StandIn) -> None:
    server.faults = in_order("broken_stream")
    model = await make_model("openai:stand-in", server.url, 0.0, Settings())
    talk = [SystemMessage("Solve it."), HumanMessage(PROBLEM)]
    with pytest.raises(BadAnswer, match="ended before the answer"):
        [chunk async for chunk in model.astream(talk)]
    assert "42" in "".join([chunk.text async for chunk in model.astream(talk)])


async def test_a_prompt_that_is_too_long_is_lost_at_once(server: StandIn) -> None:
    server.faults = lambda call: "too_long"
    for ask_it in (solve, compare):
        with pytest.raises(TooLong, match="maximum context length"):
            await ask_it(endpoint(server))
    assert len(server.calls) == 2


async def test_a_transcript_that_is_too_long_is_cut_harder(server: StandIn) -> None:
    server.faults = lambda call: "too_long" if len(call.messages[-1]["content"]) > 5000 else None
    problem = Problem(id="p", problem=PROBLEM, answers=["42"])
    grade = Grade(reward=0.0, verdict="wrong", extracted="", critique="", method="math")
    talk = [{"role": "assistant", "content": "so " * 20_000}]
    model = endpoint(server)
    assert await summarize(model, model.settings, problem, talk, grade, 0)
    assert len(server.calls) == 2


async def test_no_call_is_made_before_the_time_that_the_endpoint_asked_of_another(
    server: StandIn,
) -> None:
    server.faults, server.retry_after = in_order("rate_limit"), 1.2
    model = endpoint(server, concurrency=1)
    await asyncio.gather(*(solve(model) for _ in range(5)))
    first, *others = server.calls
    assert all(call.at - first.at >= 1.2 for call in others)


@pytest.mark.parametrize("limits", [{"at_once": 3}, {"per_second": 20}], ids=str)
async def test_a_server_that_takes_less_than_the_width_loses_no_call(
    server: StandIn, limits: dict[str, int]
) -> None:
    server.latency, server.retry_after = 0.05, 0.2
    for name, value in limits.items():
        setattr(server, name, value)
    model = endpoint(server, max_retries=0)
    with metered() as usage:
        answers = await asyncio.gather(*(solve(model) for _ in range(60)))
    assert all("42" in answer.text for answer in answers)
    refused = sum(call.fault == "too_many" for call in server.calls)
    assert usage["rollout"]["retries"] == refused < 4 * 60


async def test_requests_a_minute_are_spread(server: StandIn) -> None:
    model = endpoint(server, requests_per_minute=300)
    await asyncio.gather(*(solve(model) for _ in range(10)))
    first, *_, last = server.calls
    assert last.at - first.at > 0.5


async def test_later_turns_go_before_new_rollouts(server: StandIn) -> None:
    model, begun = endpoint(server, concurrency=1), "Go on."
    server.latency = 0.05
    talk: list[AnyMessage] = [SystemMessage("Solve it."), HumanMessage(begun)]
    talk.append(AIMessage("Let me see."))
    calls = [asyncio.create_task(solve(model, f"Puzzle {n}")) for n in range(4)]
    await asyncio.to_thread(server.wait_for, lambda: len(server.calls) == 1)
    calls.append(asyncio.create_task(model.call(talk, role="rollout")))
    await asyncio.gather(*calls)
    assert begun in [call.problem for call in server.calls[1:3]]


async def test_an_endpoint_that_fails_is_asked_by_one_call_at_a_time_until_it_is_back(
    server: StandIn,
) -> None:
    server.status, server.latency = 500, 0.05
    model = endpoint(server, concurrency=30)
    calls = [asyncio.create_task(solve(model)) for _ in range(90)]
    # Nine of the first thirty may have been followed by others before the tenth failed.
    await asyncio.to_thread(server.wait_for, lambda: len(server.calls) == 42)
    before, alone = server.calls[40:42]
    assert before.ended is not None
    assert alone.at > before.ended
    server.status = None
    answers = await asyncio.gather(*calls)
    assert all("42" in answer.text for answer in answers)


async def test_an_endpoint_that_asks_for_hours_is_given_up(server: StandIn) -> None:
    server.faults, server.retry_after = in_order("rate_limit"), 7200
    with pytest.raises(Refused, match="asks to be called again in 7200 s"):
        await solve(endpoint(server))


async def test_requests_that_an_endpoint_never_takes_end_the_run(server: StandIn) -> None:
    model, server.status = endpoint(server), 400
    for _ in range(9):
        with pytest.raises(Outage):
            await solve(model)
    with pytest.raises(Refused, match="10 calls in a row"):
        await solve(model)


async def test_a_call_that_waits_to_be_tried_again_is_not_in_flight(server: StandIn) -> None:
    server.status, gate = 500, StopGate()
    settings = Settings.read({"model": "openai:stand-in", "base_url": server.url})
    model = Endpoint(settings, settings.model, server.url, gate=gate)
    task = asyncio.create_task(solve(model))
    await asyncio.to_thread(server.wait_for, lambda: len(server.calls) == 1)
    await asyncio.wait_for(gate.wait_until_empty(), 10)
    assert not task.done()
    task.cancel()
