import asyncio

import pytest

from tests.clock import at_once
from training_free_grpo.models.traffic.patience import give_back, off_the_clock, patience


@at_once
async def test_work_beyond_its_time_is_ended() -> None:
    with pytest.raises(TimeoutError):
        async with patience(0.05):
            await asyncio.sleep(30)


@at_once
async def test_waiting_for_a_turn_takes_no_time() -> None:
    async with patience(0.2) as limit:
        with off_the_clock():
            await asyncio.sleep(0.5)
    assert not limit.expired()


@at_once
async def test_the_clock_goes_on_after_the_wait() -> None:
    async def work() -> None:
        async with patience(0.2):
            with off_the_clock():
                await asyncio.sleep(0.3)
            await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        await work()


@at_once
async def test_tasks_of_the_work_stop_its_clock_too() -> None:
    async def wait() -> None:
        with off_the_clock():
            await asyncio.sleep(0.5)

    async with patience(0.2) as limit:
        await asyncio.create_task(wait())
    assert not limit.expired()


@at_once
async def test_time_that_was_lost_is_given_back() -> None:
    async with patience(0.3) as limit:
        due = limit.when()
        give_back(5.0)
        assert due is not None
        assert limit.when() == due + 5.0


@at_once
async def test_without_a_limit_there_is_no_clock_to_stop() -> None:
    with off_the_clock():
        give_back(1.0)
