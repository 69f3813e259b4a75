"""The workers of a run: each rollout goes to the least busy one.

A worker that dies is replaced, and its rollouts are begun again elsewhere: the calls that they had
finished are in the journal, and are not paid again.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import Any

from training_free_grpo.executors.cluster import Cluster, ClusterError, load_ray
from training_free_grpo.executors.worker import Worker, WorkerSetup
from training_free_grpo.library import list_ids
from training_free_grpo.models import Refused
from training_free_grpo.models.traffic.limits import limit
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.prices import RolePrice
from training_free_grpo.records import JSON, FinishedRollout, RolloutTask
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.rollout import note_rollout
from training_free_grpo.settings import Settings

log = logging.getLogger(__name__)

_MOST_DEATHS = 5
"""Worker deaths per rollout before giving up: the rollout may cause them."""
_MOST_AT_ONCE = 10_000
"""Maximum rollouts in one worker: normally shared by all, but others may die."""
_LOOKS, _MOST_LOOKS = 10, 60
"""How often to check for free processors, once per second: for all, and for at least one."""
_SHARED = ("concurrency", "endpoint_concurrency", "requests_per_minute", "tokens_per_minute")


class Workers(Attempter):
    """Runs an agent's attempts in the processes of a cluster."""

    def __init__(
        self, agent: Attempter, cluster: Cluster, plan: WorkerSetup, gate: StopGate
    ) -> None:
        self.name, self.replayable = agent.name, agent.replayable
        self._agent = agent
        self._cluster = cluster
        self._plan = plan
        self._gate = gate
        self._size = 0
        self._rollouts: dict[Any, int] = {}
        """Rollouts per worker."""
        self._hiring: set[asyncio.Task[None]] = set()

    async def check(self, settings: Settings) -> None:
        """Raise ClusterError for an unusable cluster; workers check the rest themselves."""
        self._cluster.check()

    def count(self, problem: str, settings: Settings) -> int:
        """Return how many attempts the agent makes at a problem."""
        return self._agent.count(problem, settings)

    def prices(self, settings: Settings) -> RolePrice:
        """Return the model and price of the agent."""
        return self._agent.prices(settings)

    @asynccontextmanager
    async def opened(self, settings: Settings) -> AsyncIterator[None]:
        """Start a worker per free processor, up to the number of concurrent rollouts.

        Raise ClusterError, or the error of a worker that lacks something.
        """
        loop = asyncio.get_running_loop()
        with (
            # It holds sockets, whose paths must be short.
            TemporaryDirectory(
                prefix="tfgrpo-ray-", dir="/tmp", ignore_cleanup_errors=True
            ) as folder,
            # Ray takes over the signals of the main thread, and its processes end with the thread
            # that started them.
            ThreadPoolExecutor(1, "cluster") as thread,
        ):
            try:
                await loop.run_in_executor(thread, self._cluster.join, folder)
                self._size = await count_free(settings.concurrency)
                await asyncio.gather(*(self._hire() for _ in range(self._size)))
                yield
            finally:
                for task in self._hiring:
                    task.cancel()
                await loop.run_in_executor(thread, self._cluster.leave)

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        """Run a rollout on the least busy worker, and again on another if it dies."""
        share = divide(settings, self._size).changed()
        async with limit("rollouts of the cluster", settings.concurrency):
            started = time.monotonic()
            with self._gate.passage() as passage:
                for _ in range(_MOST_DEATHS):
                    worker = await self._idlest()
                    await passage.enter()
                    done = await self._run_on(worker, task, lessons, share)
                    if done is not None:
                        return done
                    passage.leave()
        reason = f"{_MOST_DEATHS} workers died while running it"
        seconds = time.monotonic() - started
        return note_rollout([], "", reason, seconds, {}, list_ids(lessons))

    async def _run_on(
        self, worker: Any, task: RolloutTask, lessons: str, settings: JSON
    ) -> FinishedRollout | None:
        """Return the finished rollout; None if the worker was lost."""
        self._rollouts[worker] += 1
        try:
            done, paid = await said(worker.attempt.remote(task, lessons, settings))
        except load_ray().exceptions.RayError as error:
            self._replace(worker, error)
            return None
        finally:
            if worker in self._rollouts:
                self._rollouts[worker] -= 1
        for role, usage in paid.items():
            self._gate.count(role, usage)
        found: FinishedRollout = done
        return found

    async def _idlest(self) -> Any:
        while not self._rollouts:
            if not self._hiring:
                raise Refused("no worker of the cluster is left")
            await asyncio.wait(self._hiring, return_when=asyncio.FIRST_COMPLETED)
        return min(self._rollouts, key=lambda worker: self._rollouts[worker])

    def _replace(self, worker: Any, error: Exception) -> None:
        """Drop a lost worker and start another; each of its rollouts calls this."""
        if self._rollouts.pop(worker, None) is None:
            return
        log.warning("a worker was lost (%s); its rollouts restart", type(error).__name__)
        load_ray().kill(worker)
        task = asyncio.create_task(self._rehire())
        self._hiring.add(task)
        task.add_done_callback(self._hiring.discard)

    async def _rehire(self) -> None:
        try:
            await self._hire()
        except Exception as error:  # noqa: BLE001 - the others continue
            log.warning("a worker could not be replaced: %s", error)

    async def _hire(self) -> None:
        """Start a worker on any machine with a free processor."""
        kind = load_ray().remote(Worker).options(num_cpus=1, max_concurrency=_MOST_AT_ONCE)
        worker = kind.remote(self._plan)
        try:
            await said(worker.start.remote())
        except load_ray().exceptions.RayError as error:
            raise ClusterError(f"a worker was lost while starting: {error}") from None
        self._rollouts[worker] = 0


async def count_free(wanted: int) -> int:
    """Return how many processors of the cluster are free, up to what is wanted.

    The processors of an earlier run become free some seconds after its end.
    """
    ray = load_ray()
    wanted = min(wanted, int(ray.cluster_resources().get("CPU", 0)))
    for look in range(_MOST_LOOKS):
        free = int(ray.available_resources().get("CPU", 0))
        if free >= wanted or (free and look >= _LOOKS):
            break
        await asyncio.sleep(1)
    if not free:
        raise ClusterError("no processor of the cluster is free: wait, or add one")
    return min(free, wanted)


async def said(answer: Awaitable[Any]) -> Any:
    """Return the result of a worker, or raise its original error."""
    try:
        return await answer
    except load_ray().exceptions.RayTaskError as error:
        raise error.cause from None


def divide(settings: Settings, workers: int) -> Settings:
    """Give a worker its share of what all together may have in flight."""
    limits = {name: getattr(settings, name) for name in _SHARED}
    shares = {name: max(1, size // workers) for name, size in limits.items() if size is not None}
    return settings.model_copy(update=shares)
