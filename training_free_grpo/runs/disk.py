"""Stop a run before its disk is full: what is in flight is paid for, and still to be written."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.storage.sqlite import StorageError

_ROOM = 32 * 2**20
"""Bytes that answers in flight, and the checkpoints of their tasks, may take."""
_EVERY = 0.5
"""Seconds between two looks."""


@asynccontextmanager
async def room_on_disk(folder: Path, gate: StopGate) -> AsyncIterator[None]:
    """Close the gate as soon as the disk of a folder runs full; raise StorageError if it is so."""
    if full := shortage(folder):
        raise full
    watch = asyncio.create_task(close_when_full(folder, gate))
    try:
        yield
    finally:
        watch.cancel()


async def close_when_full(folder: Path, gate: StopGate) -> None:
    """Look at the disk until it runs full."""
    while True:
        if full := shortage(folder):
            gate.close(full)
            return
        await asyncio.sleep(_EVERY)


def shortage(folder: Path) -> StorageError | None:
    """Say that there is too little room on the disk of a folder, or return None."""
    free = shutil.disk_usage(folder).free
    if free >= _ROOM:
        return None
    return StorageError(
        f"the disk of {folder} is full: {free / 2**20:.0f} MiB are left, and what is in flight may "
        f"take {_ROOM / 2**20:.0f}"
    )
