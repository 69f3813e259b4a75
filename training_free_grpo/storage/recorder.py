"""What is written down of a run for people: its graph never reads it back."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from training_free_grpo.records import JSON, Grade, Group, Library, Problem


class Recorder(Protocol):
    """Writes down what came of groups and steps."""

    async def keep_group(
        self,
        step: int,
        group: Group,
        problem: Problem,
        grades: Mapping[str, Grade],
        summaries: JSON,
    ) -> None:
        """Keep what came of a group once it is finished; grades and summaries are by rollout."""

    async def keep_library(self, step: int, library: Library) -> None:
        """Keep the library as a step left it."""

    async def close_step(self, step: int, groups: Sequence[Group]) -> None:
        """Complete the lines of a step's rollouts with what their groups found."""


class NoRecorder:
    """Writes nothing down: all that it would is in the state."""

    async def keep_group(
        self,
        step: int,
        group: Group,
        problem: Problem,
        grades: Mapping[str, Grade],
        summaries: JSON,
    ) -> None:
        """Do nothing."""

    async def keep_library(self, step: int, library: Library) -> None:
        """Do nothing."""

    async def close_step(self, step: int, groups: Sequence[Group]) -> None:
        """Do nothing."""
