"""Who makes the attempts at a problem: one protocol, whatever stands behind it."""

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
    """Who makes the attempts, as the manifest and the logs of a run show it."""
    replayable: bool = False
    """Whether the journal holds all that an attempt asks: then it can be replayed from there."""

    async def check(self, settings: Settings) -> None:
        """Make ready what attempts need, before any money is spent.

        Raise SettingsError or Refused for what is missing.
        """
        return

    @asynccontextmanager
    async def opened(self, settings: Settings) -> AsyncIterator[None]:
        """Hold what lasts as long as a run, such as worker processes."""
        yield

    def count(self, problem: str, settings: Settings) -> int:
        """Return how many attempts a training group makes at the problem with this id."""
        return settings.group_size

    def prices(self, settings: Settings) -> RolePrice:
        """Return the model that an attempt asks, and its price; None for an unknown price."""
        ...

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        """Attempt a problem once, with these lessons.

        An attempt without an answer is missing, with the reason. Raise only what ends the run:
        Refused where no other attempt could succeed either, StorageError where none can be kept.
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
        """Return a price that is never paid."""
        return "none", FREE

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        """Raise: a group without attempts has no task for one."""
        raise RuntimeError(f"there is no attempt to make at {task['problem']['id']!r}")


class AttempterRecord(TypedDict):
    """What a run's manifest says of its attempter, for readers that only have the files."""

    model: str
    """The model that an attempt asks."""
    replayable: bool
    group_size: int | None
    """Attempts at each problem; None where they differ."""


def attempter_for(settings: Settings, attempter: Attempter) -> Attempter:
    """Return who makes the attempts of a training run with these settings."""
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
