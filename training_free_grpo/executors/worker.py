"""The process of a cluster that runs rollouts, given as plain JSON."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from typing_extensions import TypedDict

import training_free_grpo.storage.postgres as postgres
from training_free_grpo.ledger import add_ledgers
from training_free_grpo.models import Models
from training_free_grpo.records import JSON, FinishedRollout, Ledger, Role, RolloutTask, Usage
from training_free_grpo.rollouts.components import make_attempter
from training_free_grpo.rollouts.load_agent import load_agent
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.storage.journal import Journal


class WorkerSetup(TypedDict):
    """What a worker knows about the run. It holds no secrets: keys come from the environment."""

    host: str
    folder: str
    """The working directory of the run, for relative paths and the user's own modules."""
    agent: str | None
    settings: JSON
    journal: str
    """The journal's file, or its schema in the database."""
    database: str | None


def make_setup(
    settings: Settings, agent: str | None, journal: str, database: str | None = None
) -> WorkerSetup:
    """Describe the run of this process."""
    return WorkerSetup(
        host=socket.gethostname(),
        folder=str(Path.cwd()),
        agent=agent,
        settings=settings.changed(),
        journal=journal,
        database=database,
    )


class Worker:
    """Runs rollouts for a run whose graph is in another process."""

    def __init__(self, plan: WorkerSetup) -> None:
        self._plan = plan
        self._paid: Ledger = {}
        self._stack = ExitStack()
        if Path(plan["folder"]).is_dir():
            os.chdir(plan["folder"])

    async def start(self) -> None:
        """Prepare all that a rollout needs; raise an error for what is missing."""
        settings, agent = Settings.read(self._plan["settings"]), load_agent(self._plan["agent"])
        models = Models(journal=self._stack.enter_context(open_journal(self._plan)))
        models.gate.watch = self._count
        self._agent = make_attempter(models, agent)
        await self._agent.check(settings)

    async def attempt(
        self, task: RolloutTask, lessons: str, settings: JSON
    ) -> tuple[FinishedRollout, Ledger]:
        """Return a finished rollout, and the usage here since the last one returned."""
        done = await self._agent.attempt(task, lessons, Settings.read(settings))
        paid, self._paid = self._paid, {}
        return done, paid

    def _count(self, role: Role, usage: Usage) -> None:
        self._paid = add_ledgers(self._paid, {role: usage})


@contextmanager
def open_journal(plan: WorkerSetup) -> Iterator[Journal]:
    """Open the journal that all workers of the run share with it."""
    if plan["database"] is not None:
        with postgres.open_journal(plan["database"], plan["journal"]) as journal:
            yield journal
        return
    if socket.gethostname() != plan["host"]:
        raise SettingsError(
            f"the worker on {socket.gethostname()} cannot write to the run's files on "
            f"{plan['host']}: give a cluster of several machines --database postgresql://…"
        )
    with Journal.open(Path(plan["journal"])) as journal:
        yield journal
