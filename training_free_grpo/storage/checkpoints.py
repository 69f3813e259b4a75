"""One saver for both `invoke` and `ainvoke`."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from training_free_grpo.compat import outrun_checkpoint_clock
from training_free_grpo.storage.serial import SerialThread
from training_free_grpo.storage.sqlite import open_database
from training_free_grpo.threads import in_thread

T = TypeVar("T")


class Dual(BaseCheckpointSaver[str]):
    """The asynchronous methods of a synchronous saver, on one thread of their own.

    Mix it in before the saver's class, and set `_thread`.
    """

    _thread: SerialThread

    def outrun_clock(self) -> None:
        """Make sure that the next checkpoint is later than all existing ones.

        LangGraph takes the one with the latest time for the newest, and the clock may have been set
        back in the meantime.
        """
        for newest in self.list(None, limit=1):
            outrun_checkpoint_clock(newest.checkpoint["id"])

    def forget_groups(self, before: str) -> None:
        """Delete the checkpoints of groups older than a checkpoint of the run.

        The run's checkpoint holds their results. They would be nine tenths of all checkpoints.
        """
        raise NotImplementedError

    async def aforget_groups(self, before: str) -> None:
        """Delete the checkpoints of groups older than a checkpoint of the run."""
        await self._run(self.forget_groups, before)

    async def _run(self, action: Callable[..., T], *given: Any, **options: Any) -> T:
        return await self._thread.run(action, *given, **options)

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


class DualSqliteSaver(Dual, SqliteSaver):
    """SqliteSaver for both sides.

    AsyncSqliteSaver belongs to one event loop and cannot serve `invoke`; it also takes about 2.5
    times as long per task.
    """

    def __init__(self, database: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        super().__init__(database)
        self._thread = SerialThread(thread)

    def forget_groups(self, before: str) -> None:
        """Delete the checkpoints of groups older than a checkpoint of the run."""
        with self.cursor() as cursor:
            for table in ("checkpoints", "writes"):
                query = f"DELETE FROM {table} WHERE checkpoint_ns <> '' AND checkpoint_id < ?"
                cursor.execute(query, (before,))

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["DualSqliteSaver"]:
        """Open the checkpoints in a file; what is written survives the death of the process."""
        with open_database(path) as database, ThreadPoolExecutor(1, "checkpoints") as thread:
            saver = cls(database, thread)
            saver.setup()
            saver.outrun_clock()
            yield saver


class OnThreads(BaseCheckpointSaver[Any]):
    """Wraps the synchronous methods of any saver for use on another event loop.

    SqliteSaver has no asynchronous methods, and those of an AsyncPostgresSaver belong to the loop
    that it was opened on.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=saver.serde)
        self.saver = saver

    @property
    def config_specs(self) -> list[Any]:
        """Return what the saver reads of a config."""
        return self.saver.config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Return the version after the current one."""
        return self.saver.get_next_version(current, channel)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint of a thread."""
        return self.saver.get_tuple(config)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint of a thread."""
        return await in_thread(self.saver.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List the checkpoints of a thread, newest first."""
        found = partial(self.saver.list, config, filter=filter, before=before, limit=limit)
        for checkpoint in await in_thread(lambda: list(found())):
            yield checkpoint

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint."""
        return await in_thread(self.saver.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Save what a finished task wrote."""
        await in_thread(self.saver.put_writes, config, writes, task_id, task_path)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return the history of delta channels."""
        read = self.saver.get_delta_channel_history
        return await in_thread(read, config=config, channels=channels)


def serve_any_loop(saver: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
    """Return a saver whose asynchronous methods work on any loop.

    Raise RuntimeError on the loop that a saver belongs to, where it would deadlock.
    """
    if isinstance(saver, InMemorySaver | Dual | OnThreads):
        return saver
    home = getattr(saver, "loop", None)
    if home is not None and home is _running_loop():
        raise RuntimeError(
            f"{type(saver).__name__} belongs to the event loop that is running here: await ainvoke "
            "or iterate over astream, or give the graph a synchronous saver"
        )
    return OnThreads(saver)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
