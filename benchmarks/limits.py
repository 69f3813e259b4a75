"""Rate limits and dead endpoints: how near calls come to what a server takes, and when they stop.

    python -m benchmarks.limits [--seconds 40]

Single calls of `Endpoint`, 128 wide, against the tests' stand-in server: one that takes so many at
once, one that takes so many a second, and ones that answer nothing more. And the queue alone.
"""

import argparse
import asyncio
import socket
import time
from typing import Any

from langchain_core.messages import HumanMessage

from tests.standin import StandIn
from training_free_grpo.ledger import metered, total_usage
from training_free_grpo.models import Endpoint, ModelError
from training_free_grpo.models.traffic.scheduler import Scheduler
from training_free_grpo.settings import Settings

LATENCY = 1.0
FOUND_OUT = 10.0
"""Seconds after which the pace is taken: by then the width is found."""


def make_endpoint(url: str, **options: Any) -> Endpoint:
    """Make an endpoint of the settings' defaults."""
    settings = Settings.read({"model": "openai:stand-in", "base_url": url, **options})
    return Endpoint(settings, settings.model, url)


async def ask(model: Endpoint, n: int) -> None:
    """Make one call."""
    await model.call([HumanMessage(f"Puzzle number {n}: how many?")], role="rollout")


async def ask_many(model: Endpoint, calls: int) -> dict[str, int]:
    """Make calls all at once; count those that were lost and tried again."""
    with metered() as usage:
        found = await asyncio.gather(*(ask(model, n) for n in range(calls)), return_exceptions=True)
    lost = sum(isinstance(one, Exception) for one in found)
    return {"lost": lost, "retries": total_usage(usage)["retries"]}


def send(server: StandIn, calls: int, **told: Any) -> tuple[dict[str, int], float]:
    """Send calls to a server; return what became of them, and the pace once it was found."""
    with server:
        found = asyncio.run(ask_many(make_endpoint(server.url, **told), calls))
    served = [call.at for call in server.calls if call.fault is None]
    late = [at for at in served if at > served[0] + FOUND_OUT]
    return found, (len(late) - 1) / (late[-1] - late[0])


def keep_up(name: str, seconds: int, bound: float, server: StandIn, **told: Any) -> None:
    """Send what a server takes in some seconds, beside a client that is told the limit."""
    calls = int(bound * seconds)
    found, pace = send(server, calls)
    _, known = send(StandIn(latency=LATENCY), calls, **told)
    print(
        f"| {name} | {calls} | {found['lost']} | {found['retries']} "
        f"| {bound:g}/s | {known:.1f}/s | {pace:.1f}/s | {pace / known:.0%} |",
        flush=True,
    )


def stop(name: str, server: StandIn | None, **options: Any) -> None:
    """Send calls to an endpoint that answers nothing more; print when it was given up."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    started = time.monotonic()
    said = asyncio.run(first_failure(make_endpoint(server.url if server else nobody, **options)))
    requests = len(server.calls) if server else "-"
    print(f"| {name} | {requests} | {time.monotonic() - started:.1f} s | {said} |", flush=True)


async def first_failure(model: Endpoint) -> str:
    """Make 500 calls; return what the first says that ends the run."""
    calls = [asyncio.create_task(ask(model, n)) for n in range(500)]
    try:
        await asyncio.gather(*calls)
    except ModelError as error:
        return f"{type(error).__name__}: {str(error)[:110]}"
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    return "none"


async def queue(waiting: int) -> float:
    """Return the microseconds of CPU time of a turn, with so many that wait at once."""
    turns = Scheduler(Settings())

    async def take_one() -> None:
        async with turns.take("here", turns.place(0)):
            await asyncio.sleep(0)

    started = time.process_time()
    await asyncio.gather(*(take_one() for _ in range(waiting)))
    return (time.process_time() - started) / waiting * 1e6


def main(options: argparse.Namespace) -> None:
    """Print the tables."""
    print("| the server takes | calls | lost | refused | its bound | told | found out | of told |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: |")
    seconds = options.seconds
    for wide in (1, 4, 16):
        server = StandIn(latency=LATENCY, at_once=wide)
        keep_up(f"{wide} at once", seconds, wide / LATENCY, server, concurrency=wide)
    for pace in (5, 20):
        server = StandIn(latency=LATENCY, per_second=pace)
        keep_up(f"{pace} a second", seconds, pace, server, requests_per_minute=60 * pace)
    print("\n| an endpoint that | requests | given up after | in the words |")
    print("| --- | --: | --: | --- |")
    stop("is not there", None)
    for status in (401, 404, 500):
        with StandIn(latency=LATENCY) as server:
            server.status = status
            stop(f"answers {status}", server)
    with StandIn() as server:
        server.faults = lambda call: "hang"
        stop("hangs, call_timeout 10 s", server, call_timeout=10)
    print("\na turn at 128 wide, its task included:")
    for waiting in (1_000, 10_000):
        print(f"  {waiting:6} waiting: {asyncio.run(queue(waiting)):.1f} µs")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40)
    main(parser.parse_args())
