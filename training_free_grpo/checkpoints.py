"""One SQLite saver for `invoke` and `ainvoke` alike."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from training_free_grpo.sqlite import open_database

T = TypeVar("T")


class DualSqliteSaver(SqliteSaver):
    """SqliteSaver whose asynchronous methods run on one thread of their own.

    AsyncSqliteSaver belongs to one event loop and cannot serve `invoke`; it also takes some
    2.5 times as long per task.
    """

    def __init__(self, database: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        super().__init__(database)
        self._thread = thread

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["DualSqliteSaver"]:
        """Open the checkpoints in a file; what was written survives the death of the process."""
        with open_database(path) as database, ThreadPoolExecutor(1, "checkpoints") as thread:
            saver = cls(database, thread)
            saver.setup()
            yield saver

    async def _run(self, action: Callable[..., T], *given: Any, **options: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: action(*given, **options))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint of a thread."""
        return await self._run(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List the checkpoints of a thread, newest first."""
        options = {"filter": filter, "before": before, "limit": limit}
        for found in await self._run(lambda: list(self.list(config, **options))):  # type: ignore[arg-type]
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint."""
        return await self._run(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Save what a finished task wrote."""
        await self._run(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread with all its checkpoints."""
        await self._run(self.delete_thread, thread_id)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return the history of delta channels."""
        return await self._run(self.get_delta_channel_history, config=config, channels=channels)
