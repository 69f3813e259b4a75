"""Stores transcripts and lesson texts, so that checkpoints hold only handles to them.

LangGraph copies state into every checkpoint: with 20 KB transcripts in it, ten steps of 100
rollouts took 886 MB; with handles 10 MB.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from training_free_grpo.records import JSON, RolloutLine


class Archive(Protocol):
    """Stores what is too large for state. A handle is plain JSON and outlives the process."""

    async def keep_text(self, text: str) -> Any:
        """Store a text and return a handle to it."""

    async def read_text(self, handle: Any) -> str:
        """Return the text behind a handle."""

    async def keep_rollout(self, rollout: RolloutLine) -> Any:
        """Store a rollout's line with its transcript (under `messages`) and return a handle."""

    async def read_transcript(self, handle: Any) -> Sequence[JSON]:
        """Return the transcript behind a handle."""


class Inline:
    """Stores nothing elsewhere: the handle is the value itself, and stays in the state."""

    async def keep_text(self, text: str) -> Any:
        """Return the text."""
        return text

    async def read_text(self, handle: Any) -> str:
        """Return the handle, which is the text."""
        return str(handle)

    async def keep_rollout(self, rollout: RolloutLine) -> Any:
        """Return the transcript."""
        return rollout["messages"]

    async def read_transcript(self, handle: Any) -> Sequence[JSON]:
        """Return the handle, which is the transcript."""
        return list(handle)
