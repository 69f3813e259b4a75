import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from training_free_grpo.storage.serial import SerialThread


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


async def test_actions_run_in_the_order_in_which_they_are_asked_for(
    pool: ThreadPoolExecutor,
) -> None:
    thread, seen = SerialThread(pool), list[int]()
    await asyncio.gather(*(thread.run(seen.append, n) for n in range(100)))
    assert seen == list(range(100))


async def test_all_actions_that_wait_share_one_transaction(pool: ThreadPoolExecutor) -> None:
    go_on, begun = threading.Event(), list[str]()

    @contextmanager
    def transaction() -> Iterator[None]:
        begun.append("transaction")
        yield

    thread = SerialThread(pool, transaction)
    first = asyncio.ensure_future(thread.run(go_on.wait))
    others = [asyncio.ensure_future(thread.run(abs, -n)) for n in range(10)]
    await asyncio.sleep(0)  # all are asked for
    go_on.set()
    assert await asyncio.gather(first, *others) == [True, *range(10)]
    assert len(begun) <= 2


async def test_a_failure_reaches_everyone_in_the_transaction(pool: ThreadPoolExecutor) -> None:
    begun, go_on = threading.Event(), threading.Event()

    @contextmanager
    def transaction() -> Iterator[None]:
        yield

    def block() -> bool:
        begun.set()
        return go_on.wait()

    thread = SerialThread(pool, transaction)
    first = asyncio.ensure_future(thread.run(block))
    await asyncio.to_thread(begun.wait)
    others = [asyncio.ensure_future(thread.run(call)) for call in (int, fail)]
    await asyncio.sleep(0)
    go_on.set()
    assert await first
    done = await asyncio.gather(*others, return_exceptions=True)
    assert [type(each) for each in done] == [OSError, OSError]


async def test_without_a_transaction_a_failure_concerns_nobody_else(
    pool: ThreadPoolExecutor,
) -> None:
    thread = SerialThread(pool)
    done = await asyncio.gather(thread.run(fail), thread.run(abs, -1), return_exceptions=True)
    assert isinstance(done[0], OSError)
    assert done[1] == 1


async def test_a_caller_that_is_cancelled_does_not_stop_the_others(
    pool: ThreadPoolExecutor,
) -> None:
    go_on, thread = threading.Event(), SerialThread(pool)
    first = asyncio.ensure_future(thread.run(go_on.wait))
    second = asyncio.ensure_future(thread.run(abs, -2))
    await asyncio.sleep(0)
    first.cancel()
    go_on.set()
    assert await second == 2


def test_several_event_loops_share_a_thread(pool: ThreadPoolExecutor) -> None:
    thread = SerialThread(pool)

    async def ask(number: int) -> list[int]:
        return await asyncio.gather(*(thread.run(abs, -number) for _ in range(20)))

    with ThreadPoolExecutor(4) as loops:
        found = list(loops.map(lambda number: asyncio.run(ask(number)), range(4)))
    assert found == [[number] * 20 for number in range(4)]


def fail() -> None:
    raise OSError("the disk is full")
