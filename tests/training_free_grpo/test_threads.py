import subprocess
import sys
import threading
import time

import pytest

from training_free_grpo.threads import Threads, in_thread

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
