import asyncio
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from training_free_grpo import Settings, build_training_graph
from training_free_grpo.threads import Threads, in_thread, own_threads

ENDLESS = """
import asyncio, threading
from training_free_grpo.threads import Threads

async def main():
    loop = asyncio.get_running_loop()
    loop.set_default_executor(Threads())
    loop.run_in_executor(None, threading.Event().wait)
    print(await asyncio.to_thread(str, "others go on"))

asyncio.run(main())
"""


def test_calls_that_wait_for_one_another_all_get_a_thread() -> None:
    pool, together = Threads(), threading.Barrier(100, timeout=60)
    futures = [pool.submit(together.wait) for _ in range(100)]
    assert sorted(future.result(60) for future in futures) == list(range(100))


def test_threads_that_are_free_serve_again() -> None:
    pool = Threads()
    used = set()
    for _ in range(50):
        used.add(pool.submit(threading.get_ident).result(60))
        time.sleep(0.001)  # until the thread says that it is free
    assert len(used) < 10


def test_what_a_call_raises_is_raised_where_it_is_awaited() -> None:
    with pytest.raises(ZeroDivisionError):
        Threads().submit(lambda: 1 / 0).result(60)


def test_a_call_that_never_ends_does_not_keep_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "others go on\n"


async def test_what_is_ours_runs_in_a_thread_of_its_own() -> None:
    assert await in_thread(threading.get_ident) != threading.get_ident()


async def test_the_calls_of_agents_do_not_queue_with_those_of_the_host() -> None:
    release = threading.Event()
    with own_threads():
        agents = [asyncio.create_task(asyncio.to_thread(release.wait, 60)) for _ in range(100)]
    assert await asyncio.to_thread(str, "the host is served") == "the host is served"
    assert not any(agent.done() for agent in agents)
    release.set()
    assert all(await asyncio.gather(*agents))


async def test_the_executor_of_the_host_stays_its_own() -> None:
    host = ThreadPoolExecutor(1, "host")
    asyncio.get_running_loop().set_default_executor(host)
    with own_threads():
        apart = await asyncio.to_thread(lambda: threading.current_thread().name)
    assert not apart.startswith("host")
    assert (await asyncio.to_thread(lambda: threading.current_thread().name)).startswith("host")


async def test_synchronous_agents_leave_the_loop_of_their_host_free() -> None:
    release, at_work = threading.Event(), threading.Semaphore(0)

    def agent(messages: object) -> str:
        at_work.release()
        release.wait(60)
        return "42"

    settings = Settings(epochs=1, group_size=64, concurrency=64)
    graph = build_training_graph(agent, settings=settings)
    problems = [{"problem": "What is 6 times 7?", "answer": "42"}]
    run = asyncio.create_task(graph.ainvoke({"problems": problems}))
    for _ in range(64):
        await asyncio.to_thread(at_work.acquire)  # through the pool of the host, all the while
    release.set()
    assert (await run)["metrics"][0]["rollouts"] == 64
