import asyncio

import pytest

from training_free_grpo.ledger import no_usage
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.runs.interrupts import Interrupted


async def test_an_open_gate_lets_calls_through() -> None:
    with StopGate().passage() as passage:
        await asyncio.wait_for(passage.enter(), 1)


async def test_a_closed_gate_lets_no_request_begin() -> None:
    gate = StopGate()
    gate.close(Interrupted())
    with gate.passage() as passage, pytest.raises(TimeoutError):
        await asyncio.wait_for(passage.enter(), 0.05)


async def test_a_gate_is_empty_once_every_call_inside_has_ended() -> None:
    gate = StopGate()
    with gate.passage() as passage:
        await passage.enter()
        waiting = asyncio.create_task(gate.wait_until_empty())
        await asyncio.sleep(0.01)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)


async def test_a_call_with_several_tries_counts_once() -> None:
    gate = StopGate()
    with gate.passage() as passage:
        await passage.enter()
        await passage.enter()
    await asyncio.wait_for(gate.wait_until_empty(), 1)


async def test_a_call_that_would_be_tried_again_behind_a_closed_gate_is_not_waited_for() -> None:
    gate = StopGate()
    with gate.passage() as passage:
        await passage.enter()
        gate.close(Interrupted())
        again = asyncio.ensure_future(passage.enter())
        await asyncio.wait_for(gate.wait_until_empty(), 1)
        again.cancel()


async def test_a_gate_closed_at_once_ends_the_work_when_every_call_inside_has_ended() -> None:
    gate = StopGate()
    with gate.passage() as passage:
        await passage.enter()
        gate.close(Interrupted())
        ending = asyncio.create_task(gate.wait_for_the_end())
        await asyncio.sleep(0.01)
        assert not ending.done()
    await asyncio.wait_for(ending, 1)


async def test_a_gate_not_closed_at_once_ends_the_work_when_another_request_asks() -> None:
    gate = StopGate()
    gate.close(Interrupted(), at_once=False)
    ending = asyncio.create_task(gate.wait_for_the_end())
    await asyncio.sleep(0.01)
    assert not ending.done()
    with gate.passage() as passage:
        asking = asyncio.ensure_future(passage.enter())
        await asyncio.wait_for(ending, 1)
        asking.cancel()


def test_the_first_reason_to_close_a_gate_is_kept() -> None:
    gate = StopGate()
    first = Interrupted("first")
    gate.close(first)
    gate.close(Interrupted("second"))
    assert gate.reason is first


def test_who_watches_a_gate_hears_of_every_answer() -> None:
    gate, heard = StopGate(), []
    gate.count("rollout", no_usage())
    gate.watch = lambda role, usage: heard.append((role, usage["calls"]))
    gate.count("judge", no_usage() | {"calls": 1})
    assert heard == [("judge", 1)]
