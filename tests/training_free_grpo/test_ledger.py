import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from training_free_grpo.background import run_sync
from training_free_grpo.ledger import (
    add_ledgers,
    add_usage,
    metered,
    no_usage,
    record,
    total_usage,
    usage_of,
    usage_of_messages,
)
from training_free_grpo.models import Endpoint
from training_free_grpo.records import Ledger, Role, Usage
from training_free_grpo.settings import Settings
from training_free_grpo.simulated import SimulatedModel


def use(**figures: int) -> Usage:
    return {**no_usage(), **figures}  # type: ignore[typeddict-item]


def answer(**said: Any) -> AIMessage:
    usage = {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13, **said}
    return AIMessage("x", usage_metadata=usage)


async def work(role: Role, depth: int) -> None:
    record(role, use(calls=1, input=depth))
    if depth > 1:
        await asyncio.gather(*(asyncio.create_task(work(role, depth - 1)) for _ in range(2)))


def test_use_is_metered_by_role() -> None:
    with metered() as ledger:
        record("rollout", use(calls=1, input=10, cached=4, output=2))
        record("rollout", use(calls=1, input=5, retries=1))
        record("judge", use(calls=1, repairs=2))
    assert ledger == {
        "rollout": use(calls=2, input=15, cached=4, output=2, retries=1),
        "judge": use(calls=1, repairs=2),
    }


async def test_use_in_nested_tasks_is_metered() -> None:
    with metered() as ledger:
        await work("rollout", 3)
    assert ledger["rollout"]["calls"] == 7


async def test_use_in_threads_is_metered() -> None:
    with metered() as ledger:
        await asyncio.to_thread(record, "judge", use(calls=1))
    assert ledger["judge"]["calls"] == 1


def test_use_on_the_background_loop_is_metered() -> None:
    with metered() as ledger:
        run_sync(work("rollout", 2))
    assert ledger["rollout"]["calls"] == 3


async def test_meters_side_by_side_do_not_mix() -> None:
    async def meter(depth: int) -> int:
        with metered() as ledger:
            await work("rollout", depth)
        return ledger["rollout"]["calls"]

    assert await asyncio.gather(*(meter(n) for n in (1, 2, 3))) == [1, 3, 7]


def test_an_inner_meter_sees_its_own_use_and_the_outer_one_all() -> None:
    with metered() as outer:
        record("rollout", use(calls=1))
        with metered() as inner:
            record("judge", use(calls=1))
        record("rollout", use(calls=1))
    assert (list(outer), list(inner)) == (["rollout", "judge"], ["judge"])
    assert outer["rollout"]["calls"] == 2


def test_a_meter_is_closed_when_the_work_fails() -> None:
    def fail() -> None:
        record("rollout", use(calls=1))
        raise KeyError

    with pytest.raises(KeyError), metered() as ledger:
        fail()
    record("rollout", use(calls=1))
    assert ledger["rollout"]["calls"] == 1


async def test_a_real_call_is_metered_with_its_tokens() -> None:
    endpoint = Endpoint(Settings(), "simulated", model=SimulatedModel())
    with metered() as ledger:
        await endpoint.call([HumanMessage("What is 6 · 7?")], role="rollout")
    assert ledger["rollout"]["calls"] == 1
    assert ledger["rollout"]["input"] > 0
    assert ledger["rollout"]["output"] > 0


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        (answer(), use(calls=1, input=10, output=3)),
        (answer(input_token_details={"cache_read": 4}), use(calls=1, input=10, cached=4, output=3)),
        (answer(input_token_details={"audio": 1}), use(calls=1, input=10, output=3)),
        (AIMessage("no word of tokens"), use(calls=1)),
    ],
)
def test_an_answer_says_what_it_cost(message: AIMessage, usage: Usage) -> None:
    assert usage_of(message) == usage


def test_a_transcript_costs_what_its_answers_cost() -> None:
    found = usage_of_messages([HumanMessage("?"), answer(), HumanMessage("!"), answer()])
    assert found == use(calls=2, input=20, output=6)


def test_ledgers_add_up_role_by_role_whichever_comes_first() -> None:
    one: Ledger = {"rollout": use(calls=1, retries=2), "judge": use(calls=1)}
    other: Ledger = {"rollout": use(calls=2, repairs=1), "edit_experiences": use(output=5)}
    both = {
        "edit_experiences": use(output=5),
        "judge": use(calls=1),
        "rollout": use(calls=3, retries=2, repairs=1),
    }
    assert add_ledgers(one, other) == add_ledgers(other, one) == both
    assert list(add_ledgers(other, one)) == list(both)
    assert one["rollout"] == use(calls=1, retries=2)


def test_a_total_is_the_sum_of_all_roles() -> None:
    figures = use(calls=1, input=2, cached=3, output=4, retries=5, repairs=6)
    assert total_usage({"rollout": figures, "judge": figures}) == add_usage(figures, figures)
    assert total_usage({}) == no_usage()
