"""Transcripts and lesson texts in LangGraph's store, which keeps a server's state small."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from langgraph.runtime import get_runtime

from training_free_grpo.records import JSON, RolloutLine
from training_free_grpo.storage.archive import Inline
from training_free_grpo.storage.sqlite import StorageError

_PLACE = "training_free_grpo"


class Stored(Inline):
    """Stores each text once in the run's store; without a store, in the state."""

    async def keep_text(self, text: str) -> Any:
        """Store a text; the handle is its place in the store."""
        return await self._keep("lessons", text)

    async def read_text(self, handle: Any) -> str:
        """Return the text behind a handle."""
        return str(await self._read(handle))

    async def keep_rollout(self, rollout: RolloutLine) -> Any:
        """Store a transcript; the handle is its place in the store."""
        return await self._keep("transcripts", rollout["messages"], rollout=rollout["id"])

    async def read_transcript(self, handle: Any) -> Sequence[JSON]:
        """Return the transcript behind a handle."""
        return list(await self._read(handle))

    async def _keep(self, kind: str, value: Any, **about: str) -> Any:
        store = get_runtime().store
        if store is None:
            return value
        key = hashlib.sha256(json.dumps(value).encode()).hexdigest()[:24]
        await store.aput((_PLACE, kind), key, {**about, "value": value}, index=False)
        return {"stored": [kind, key]}

    async def _read(self, handle: Any) -> Any:
        if not isinstance(handle, dict):
            return handle
        store, (kind, key) = get_runtime().store, handle["stored"]
        found = await store.aget((_PLACE, kind), key) if store else None
        if found is None:
            raise StorageError(f"the store no longer holds {kind}/{key}, which this thread needs")
        return found.value["value"]
