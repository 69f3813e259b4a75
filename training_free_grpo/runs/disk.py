"""Stop a run before its disk is full: calls in flight are paid for, and must still be written."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.storage.sqlite import StorageError

_ROOM = 32 * 2**20
"""Bytes reserved for answers in flight and the checkpoints of their tasks."""
_EVERY = 0.5
"""Seconds between two checks."""


@asynccontextmanager
async def room_on_disk(folder: Path, gate: StopGate) -> AsyncIterator[None]:
    """Close the gate when the disk of a folder fills up, and raise StorageError."""
    if full := shortage(folder):
        raise full
    watch = asyncio.create_task(close_when_full(folder, gate))
    try:
        yield
    finally:
        watch.cancel()


async def close_when_full(folder: Path, gate: StopGate) -> None:
    """Check the disk until it fills up."""
    while True:
        if full := shortage(folder):
            gate.close(full)
            return
        await asyncio.sleep(_EVERY)


def shortage(folder: Path) -> StorageError | None:
    """Say that the disk of a folder is too full, or return None."""
    free = shutil.disk_usage(folder).free
    if free >= _ROOM:
        return None
    return StorageError(
        f"the disk of {folder} is full: {free / 2**20:.0f} MiB are free, and what is in flight may "
        f"take {_ROOM / 2**20:.0f}"
    )
