"""The Attempter: one protocol for everything that makes attempts at a problem."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Protocol

from typing_extensions import TypedDict

from training_free_grpo.prices import FREE, RolePrice
from training_free_grpo.records import FinishedRollout, Problem, RolloutTask
from training_free_grpo.settings import Settings


class Attempter(Protocol):
    """Attempts problems. A subclass needs a name, `prices` and `attempt`."""

    name: str
    """The attempter's name in the manifest and logs of a run."""
    replayable: bool = False
    """Whether the journal holds every call of an attempt, so that it can be replayed from there."""

    async def check(self, settings: Settings) -> None:
        """Prepare what attempts need, before any money is spent.

        Raise SettingsError or Refused for what is missing.
        """
        return

    @asynccontextmanager
    async def opened(self, settings: Settings) -> AsyncIterator[None]:
        """Hold resources for as long as the run lasts, such as worker processes."""
        yield

    def count(self, problem: str, settings: Settings) -> int:
        """Return how many attempts a training group makes at the problem with this id."""
        return settings.group_size

    def prices(self, settings: Settings) -> RolePrice:
        """Return the model that an attempt calls, and its price; None for an unknown price."""
        ...

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        """Attempt a problem once, with these lessons.

        An attempt without an answer is missing, with the reason. Raise only errors that end the
        run: Refused where no other attempt could succeed either, StorageError where none could be
        stored.
        """
        ...


class NoAttempts(Attempter):
    """Makes no attempts: lessons are generated from the problems alone."""

    name = "none"
    replayable = True

    def count(self, problem: str, settings: Settings) -> int:
        """Return 0."""
        return 0

    def prices(self, settings: Settings) -> RolePrice:
        """Return a price that is never used."""
        return "none", FREE

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        """Raise RuntimeError: a group without attempts has no task that calls this."""
        raise RuntimeError(f"no attempts are made at problem {task['problem']['id']!r}")


class AttempterRecord(TypedDict):
    """The manifest's description of the attempter, for readers that only have the run folder."""

    model: str
    """The model that an attempt calls."""
    replayable: bool
    group_size: int | None
    """The number of attempts at each problem; None where it varies."""


def attempter_for(settings: Settings, attempter: Attempter) -> Attempter:
    """Return the attempter of a training run with these settings."""
    return NoAttempts() if settings.directly_generated else attempter


def describe_attempter(
    attempter: Attempter, problems: Iterable[Problem], settings: Settings
) -> AttempterRecord:
    """Describe an attempter for the manifest of a run."""
    sizes = {attempter.count(problem["id"], settings) for problem in problems}
    return {
        "model": attempter.prices(settings)[0],
        "replayable": attempter.replayable,
        "group_size": sizes.pop() if len(sizes) == 1 else None,
    }
