import asyncio

import pytest

from training_free_grpo.models.gate import Gate


async def test_an_open_gate_lets_calls_through() -> None:
    with Gate().passage() as enter:
        await asyncio.wait_for(enter(), 1)


async def test_a_closed_gate_lets_no_request_begin() -> None:
    gate = Gate()
    gate.close()
    with gate.passage() as enter, pytest.raises(TimeoutError):
        await asyncio.wait_for(enter(), 0.05)


async def test_a_gate_is_empty_once_every_call_inside_has_ended() -> None:
    gate = Gate()
    with gate.passage() as enter:
        await enter()
        waiting = asyncio.create_task(gate.wait_until_empty())
        await asyncio.sleep(0.01)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)


async def test_a_call_with_several_tries_counts_once() -> None:
    gate = Gate()
    with gate.passage() as enter:
        await enter()
        await enter()
    await asyncio.wait_for(gate.wait_until_empty(), 1)


async def test_a_call_that_would_be_tried_again_behind_a_closed_gate_is_not_waited_for() -> None:
    gate = Gate()
    with gate.passage() as enter:
        await enter()
        gate.close()
        again = asyncio.ensure_future(enter())
        await asyncio.wait_for(gate.wait_until_empty(), 1)
        again.cancel()
