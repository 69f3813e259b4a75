import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from training_free_grpo.models.traffic.scheduler import Scheduler, turns_of
from training_free_grpo.settings import Settings


def make_turns(concurrency: int, **options: Any) -> Scheduler:
    return Scheduler(Settings.read({"concurrency": concurrency} | options))


@asynccontextmanager
async def all_taken(turns: Scheduler, calls: int) -> AsyncIterator[None]:
    """Hold so many turns inside the block."""
    release = asyncio.Event()

    async def hold() -> None:
        async with turns.take("here", turns.place(0)):
            await release.wait()

    tasks = [asyncio.create_task(hold()) for _ in range(calls)]
    await asyncio.sleep(0)
    yield
    release.set()
    await asyncio.gather(*tasks)


async def test_work_that_was_begun_goes_first_and_then_who_came_first() -> None:
    turns, order = make_turns(1), []

    async def call(name: str, rank: int) -> None:
        async with turns.take("here", turns.place(rank)):
            order.append(name)

    async with all_taken(turns, 1):
        names = [("new", 2), ("newer", 2), ("summary", 1), ("later turn", 0), ("last turn", 0)]
        waiting = [asyncio.create_task(call(*name)) for name in names]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order == ["later turn", "last turn", "summary", "new", "newer"]


async def test_a_call_keeps_its_place_through_its_tries() -> None:
    turns, order = make_turns(1), []
    first = turns.place(0)

    async def call(name: str, place: tuple[int, int]) -> None:
        async with turns.take("here", place):
            order.append(name)

    async with all_taken(turns, 1):
        waiting = [asyncio.create_task(call("second", turns.place(0)))]
        waiting.append(asyncio.create_task(call("first", first)))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order == ["first", "second"]


async def test_the_lanes_together_let_in_no_more_than_the_width() -> None:
    turns, inside, peak = make_turns(5), 0, 0

    async def call(address: str) -> None:
        nonlocal inside, peak
        async with turns.take(address, turns.place(0)):
            inside += 1
            peak = max(peak, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(call(f"lane {n % 3}") for n in range(100)))
    assert peak == 5


async def test_a_lane_that_is_closed_holds_no_other_up() -> None:
    turns = make_turns(4)
    async with turns.take("busy", turns.place(0)) as turn:
        turn.fail("overloaded", 60.0)
    waiting = asyncio.create_task(turns.take("busy", turns.place(0)).__aenter__())
    async with asyncio.timeout(5), turns.take("free", turns.place(2)):
        pass
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("let_in", [False, True])
async def test_a_call_that_is_cancelled_takes_no_turn_with_it(let_in: bool) -> None:
    turns = make_turns(2)

    async def call() -> None:
        async with turns.take("here", turns.place(0)):
            pass

    async with all_taken(turns, 2):
        waiting = [asyncio.create_task(call()) for _ in range(6)]
        await asyncio.sleep(0)
        if not let_in:
            for task in waiting[:5]:
                task.cancel()
    for task in waiting[:5]:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    async with asyncio.timeout(5), all_taken(turns, 2):
        pass
    await asyncio.wait_for(call(), 5)


async def test_an_endpoint_that_fails_everything_is_asked_by_one_call_at_a_time() -> None:
    turns = make_turns(50)
    inside, peak = 0, 0

    async def fail() -> None:
        nonlocal inside, peak
        async with turns.take("down", turns.place(0)) as turn:
            inside += 1
            peak = max(peak, inside)
            await asyncio.sleep(0.01)
            turn.fail("failing", None)
            inside -= 1

    await asyncio.gather(*(fail() for _ in range(10)))
    assert peak == 10
    peak = 0
    await asyncio.gather(*(fail() for _ in range(3)))
    assert peak == 1


async def test_settings_with_the_same_limits_share_a_queue() -> None:
    assert turns_of(Settings(concurrency=7)) is turns_of(Settings(concurrency=7, epochs=9))
    assert turns_of(Settings(concurrency=7)) is not turns_of(Settings(concurrency=8))


async def test_tokens_are_set_aside_and_made_good_by_what_a_call_took() -> None:
    turns = make_turns(4, tokens_per_minute=60)
    async with turns.take("here", turns.place(0), tokens=0) as turn:
        turn.answer(600)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(turns.take("here", turns.place(0)).__aenter__(), 0.1)
