"""The record of a run that people read; its graph never reads it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from training_free_grpo.records import JSON, Grade, Group, Library, Problem


class Recorder(Protocol):
    """Records the results of groups and steps."""

    async def keep_group(
        self,
        step: int,
        group: Group,
        problem: Problem,
        grades: Mapping[str, Grade],
        summaries: JSON,
    ) -> None:
        """Store the result of a finished group; grades and summaries are by rollout."""

    async def keep_library(self, step: int, library: Library) -> None:
        """Store the library after a step."""

    async def close_step(self, step: int, groups: Sequence[Group]) -> None:
        """Complete the lines of a step's rollouts with the results of their groups."""


class NoRecorder:
    """Records nothing: everything is in the state."""

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
